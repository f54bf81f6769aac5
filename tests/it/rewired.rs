//! Containers whose networks change: whatever was done to them, their interfaces are those that a start gives them.

use serde_json::{Value, json};

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(who_leaves_a_network_starts_anew, needs Engine),
    trial!(a_network_that_comes_stops_nothing, needs Engine),
    trial!(what_somebody_rewired_is_as_after_a_start, needs Engine),
    trial!(a_network_that_is_made_anew_is_the_first_interface_again, needs Engine),
];

/// A service `sample-lab-w`: `web`, and `side`, which uses its network.
struct Lab {
    lab: Homelab,
    engine: Engine,
}

impl Lab {
    /// With the networks of `web`, and what is said of the networks `a` and `b`.
    fn new(web: &str, networks: &str) -> Lab {
        let engine = Engine::connect();
        let lab = Lab { lab: Homelab::on(&engine), engine };
        lab.write(web, networks);
        lab.lab.hl(&["apply", "--yes"]).code(0);
        lab
    }

    fn write(&self, web: &str, networks: &str) {
        let image = "image: \"hl-test/app:1\", stop_grace_period: 1s";
        self.lab.write(
            "services/sample-lab-w/docker-compose.yml",
            &format!(
                "services:\n  web: {{ {image}, networks: {web} }}\n  \
                 side: {{ {image}, network_mode: \"service:web\" }}\nnetworks: {networks}\n"
            ),
        );
    }

    /// Plans, applies and expects that nothing is left to do; the plan.
    fn settle(&self) -> String {
        let plan = self.lab.hl(&["plan"]);
        plan.code(0);
        self.lab.hl(&["apply", "--yes"]).code(0);
        self.lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
        self.lab.hl(&["drift"]).code(0);
        self.lab.hl(&["verify"]).code(0);
        plan.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The interfaces in a container beside the loopback.
    fn interfaces(&self, container: &str) -> Vec<String> {
        let name = self.lab.name(&format!("sample-lab-w-{container}-1"));
        let (_, text) = self.engine.exec(&name, &["sh", "-c", "ls /sys/class/net"]);
        text.split_whitespace().filter(|name| name.starts_with("eth")).map(str::to_owned).collect()
    }

    #[track_caller]
    fn have(&self, interfaces: &[&str]) {
        for container in ["web", "side"] {
            assert_eq!(self.interfaces(container), interfaces, "{container}");
        }
    }

    /// Connects `web` to a network, or takes it off, as somebody else does.
    fn wire(&self, network: &str, verb: &str) {
        let body = json!({"Container": self.lab.name("sample-lab-w-web-1"), "EndpointConfig": {}, "Force": false});
        self.engine.post(&self.lab.name(&format!("/networks/sample-lab-w_{network}/{verb}")), &body);
    }

    /// The ids of the containers, and when `web` was started.
    fn seen(&self) -> (Vec<String>, String) {
        let lives = self.lab.lives();
        (lives.values().map(|(id, _)| id.clone()).collect(), lives["sample-lab-w-web-1"].1.clone())
    }
}

fn who_leaves_a_network_starts_anew() {
    let lab = Lab::new("{ a: }", "{ a: , b: }");
    lab.have(&["eth0"]);
    let first = lab.seen();
    lab.write("{ a: { aliases: [other] } }", "{ a: , b: }");
    let plan = lab.settle();
    assert!(plan.contains("↻ box/sample-lab-w/container:web restart, stops and starts again"), "{plan}");
    assert!(plan.contains("networks.sample-lab-w_a.aliases changed"), "{plan}");
    assert!(plan.contains("↻ box/sample-lab-w/container:side restart, stops and starts again"), "{plan}");
    lab.have(&["eth0"]);
    let second = lab.seen();
    assert_eq!(second.0, first.0, "no container is made anew");
    assert_ne!(second.1, first.1);

    // Of two networks the first goes.
    lab.write("{ a: { aliases: [other] }, b: }", "{ a: , b: }");
    lab.settle();
    lab.write("{ b: }", "{ a: , b: }");
    let plan = lab.settle();
    assert!(plan.contains("container:web restart, stops and starts again"), "{plan}");
    lab.have(&["eth0"]);
    assert_eq!(lab.seen().0, first.0);
}

fn a_network_that_comes_stops_nothing() {
    let lab = Lab::new("{ a: }", "{ a: , b: }");
    let before = lab.seen();
    lab.write("{ a: , b: }", "{ a: , b: }");
    let plan = lab.settle();
    assert!(plan.contains("~ box/sample-lab-w/container:web update in place why:"), "{plan}");
    lab.have(&["eth0", "eth1"]);
    assert_eq!(lab.seen(), before);
}

fn what_somebody_rewired_is_as_after_a_start() {
    let lab = Lab::new("{ a: }", "{ a: , b: }");
    let before = lab.seen();
    // The engine has made only the network that somebody uses.
    let network = json!({"Name": lab.lab.name("sample-lab-w_foreign")});
    lab.engine.post("/networks/create", &network);
    lab.wire("foreign", "connect");
    assert_eq!(lab.interfaces("web"), ["eth0", "eth1"]);
    let plan = lab.settle();
    assert!(plan.contains("~ box/sample-lab-w/container:web update in place"), "{plan}");
    lab.have(&["eth0"]);
    assert_eq!(lab.seen(), before, "it came last, so that it leaves nothing behind");

    lab.wire("a", "disconnect");
    assert_eq!(lab.interfaces("web"), Vec::<String>::new());
    let plan = lab.settle();
    assert!(plan.contains("container:web restart, stops and starts again"), "{plan}");
    lab.have(&["eth0"]);
    assert_eq!(lab.seen().0, before.0);

    // While it does not run, it is connected and then started as anything else is.
    lab.wire("a", "disconnect");
    lab.engine.post(&lab.lab.name("/containers/sample-lab-w-web-1/stop"), &Value::Null);
    lab.settle();
    lab.have(&["eth0"]);
}

fn a_network_that_is_made_anew_is_the_first_interface_again() {
    let with = |mtu: u32| format!("{{ a: {{ driver_opts: {{ com.docker.network.driver.mtu: \"{mtu}\" }} }}, b: }}");
    let lab = Lab::new("{ a: , b: }", &with(1400));
    let before = lab.seen();
    lab.write("{ a: , b: }", &with(1450));
    let plan = lab.settle();
    assert!(plan.contains("± box/sample-lab-w/network:a replace, stops and starts again"), "{plan}");
    assert!(plan.contains("why: its network sample-lab-w_a is made anew"), "{plan}");
    lab.have(&["eth0", "eth1"]);
    assert_eq!(lab.seen().0, before.0, "no container is made anew");
}

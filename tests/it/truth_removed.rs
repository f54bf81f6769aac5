//! Settings whose undeclared value is the engine's own: taken out of the file they are taken off the node, and only then.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(what_is_taken_out_of_the_file_is_taken_off_the_node, needs Engine),
    trial!(an_anonymous_volume_whose_line_is_gone_stays_and_is_told, needs Engine),
    trial!(what_an_adopted_container_has_beside_its_declaration_stays, needs Engine),
    trial!(what_a_profile_disables_is_left_alone, needs Engine),
];

const BARE: &str = "\
name: sample-lab-m
services:
  m:
    image: hl-test/web:1
    stop_grace_period: 1s
    mem_limit: 64m
    volumes: [\"data:/data\"]
    networks:
      n:
networks:
  n:
    driver: bridge
volumes:
  data:
";

/// The same with all that the engine would choose by itself.
fn full(subnet: u8) -> String {
    let container = "    mem_limit: 64m
    memswap_limit: 96m
    init: true
    ulimits: { nofile: 1000 }
    shm_size: 32m
    logging: { driver: json-file, options: { max-size: 1m } }
    ipc: shareable
    hostname: somebody
    mac_address: 02:42:00:11:22:33
    platform: linux/amd64
";
    let network = format!(
        "    driver: bridge
    driver_opts: {{ com.docker.network.bridge.enable_icc: \"false\" }}
    enable_ipv6: true
    ipam:
      driver: default
      config: [{{ subnet: 10.77.{subnet}.0/24 }}, {{ subnet: \"fd77:{subnet}::/64\" }}]
"
    );
    BARE.replace("    mem_limit: 64m\n", container)
        .replace("      n:\n", "      n: { driver_opts: { com.example.end: \"1\" } }\n")
        .replace("    driver: bridge\n", &network)
}

struct Lab {
    lab: Homelab,
    engine: Engine,
}

impl Lab {
    fn of(compose: &str) -> Lab {
        let engine = Engine::connect();
        let lab = Lab { lab: Homelab::on(&engine), engine };
        lab.lab.write("services/m/service.yaml", "owner_node: box\n");
        lab.declare(compose);
        lab
    }

    fn declare(&self, compose: &str) {
        self.lab.write("services/m/docker-compose.yml", compose);
    }

    fn settle(&self, arguments: &[&str]) {
        self.lab.hl(&[&["apply", "--yes"], arguments].concat()).code(0);
        self.expect_nothing_to_do();
    }

    fn expect_nothing_to_do(&self) {
        self.lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
        assert_eq!(self.plan()["changes"], Value::Array(Vec::new()), "not even a record");
    }

    fn plan(&self) -> Value {
        serde_json::from_str(&self.lab.hl(&["plan", "--format", "json"]).stdout).expect("a plan in JSON")
    }

    /// The action on a resource in the plan, and its fields that are pending.
    fn pending(&self, resource: &str) -> (String, BTreeSet<String>) {
        let plan = self.plan();
        let address = format!("box/m/{resource}");
        let changes = plan["changes"].as_array().expect("a list");
        let change = changes.iter().find(|change| change["address"] == address.as_str()).expect("it changes");
        let text = |value: &Value| self.lab.stand_in(value.as_str().unwrap_or_default());
        let fields = change["fields"].as_array().expect("a list").iter();
        let pending = fields.filter(|field| field["verdict"] == "pending").map(|field| text(&field["field"]));
        (text(&change["action"]), pending.collect())
    }

    fn container(&self) -> Value {
        self.engine.inspect(&self.lab.name("sample-lab-m-m-1"))
    }

    fn network(&self) -> Value {
        self.engine.get(&self.lab.name("/networks/sample-lab-m_n"))
    }
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_owned).collect()
}

fn what_is_taken_out_of_the_file_is_taken_off_the_node() {
    let lab = Lab::of(&full(31));
    lab.settle(&[]);
    let (container, network) = (lab.container(), lab.network());

    lab.declare(BARE);
    let expected = words([
        "platform",
        "hostname",
        "init",
        "mac_address",
        "networks.sample-lab-m_n.driver_opts",
        "shm_size",
        "memswap_limit",
        "ulimits.nofile",
        "ipc",
        "logging",
        "logging.max-size",
    ]);
    assert_eq!(lab.pending("container:m"), ("replace".to_owned(), expected));
    let option = "driver_opts.com.docker.network.bridge.enable_icc";
    let expected = words([option, "enable_ipv6", "ipam.config.10.77.31.0/24", "ipam.config.fd77:31::/64"]);
    assert_eq!(lab.pending("network:n"), ("replace".to_owned(), expected));
    lab.settle(&[]);

    let (new, wire) = (lab.container(), lab.network());
    assert!(new["Id"] != container["Id"] && wire["Id"] != network["Id"]);
    let host = &new["HostConfig"];
    assert_eq!((&host["ShmSize"], &host["LogConfig"]["Config"]["max-size"]), (&Value::from(64 << 20), &Value::Null));
    assert_eq!((&wire["EnableIPv6"], wire["Options"].get(option)), (&Value::from(false), None));
}

fn what_an_adopted_container_has_beside_its_declaration_stays() {
    let lab = Lab::of(&full(32));
    lab.settle(&[]);
    let id = lab.container()["Id"].clone();
    // A setting that hl did not record it did not ask for: it is the engine's, or somebody's.
    std::fs::remove_dir_all(lab.lab.repository().join("state")).expect("the state can be thrown away");
    let network = full(32).split_once("networks:\n  n:\n").expect("it has a network").1.to_owned();
    let bare = BARE.split_once("networks:\n  n:\n").expect("it has a network").0;
    lab.declare(&format!("{bare}networks:\n  n:\n{network}").replace("64m\n", "64m\n    init: true\n"));
    lab.settle(&[]);
    assert_eq!(id, lab.container()["Id"]);

    // A volume has data, so that it takes the user's leave.
    let v = "  data: { driver: local, driver_opts: { type: tmpfs, device: tmpfs, o: size=1m } }\n";
    let with = |volume: &str| full(32).replace("  data:\n", volume);
    lab.lab.hl(&["delete", "m", "--yes"]);
    lab.engine.delete(&lab.lab.name("/volumes/sample-lab-m_data"));
    lab.declare(&with(v));
    lab.settle(&[]);
    lab.declare(&with("  data: { driver: local }\n"));
    let expected = words(["driver_opts.device", "driver_opts.o", "driver_opts.type"]);
    assert_eq!(lab.pending("volume:data"), ("replace".to_owned(), expected));
    lab.lab.hl(&["apply", "--yes"]).code(1);
    lab.settle(&["--allow-data-loss", "box/m/volume:data"]);
    lab.declare(&with("  data:\n"));
    lab.lab.hl(&["plan", "--detailed-exitcode"]).code(0);
}

fn an_anonymous_volume_whose_line_is_gone_stays_and_is_told() {
    let with = BARE.replace("[\"data:/data\"]", "[\"data:/data\", \"/scratch\"]");
    let lab = Lab::of(&with);
    lab.settle(&[]);
    let name = lab.lab.name("sample-lab-m-m-1");
    assert_eq!(lab.engine.exec(&name, &["sh", "-c", "echo precious > /scratch/it"]).0, 0);
    let mounts = lab.container()["Mounts"].as_array().expect("a list").clone();
    let scratch = mounts.iter().find(|mount| mount["Destination"] == "/scratch").expect("it is mounted");
    let volume = scratch["Name"].as_str().expect("a volume has a name");

    lab.declare(BARE);
    lab.lab.hl(&["plan"]).says_in_words(&format!("/scratch is no longer kept in volume {volume}"));
    lab.settle(&[]);
    assert_eq!(lab.container()["Mounts"].as_array().map(Vec::len), Some(1), "it is mounted no more");
    assert!(!lab.engine.get(&format!("/volumes/{volume}")).is_null(), "it stays");

    lab.declare(&with);
    lab.settle(&[]);
    lab.lab.hl(&["delete", "m", "--yes"]).code(0).says_in_words("and its data stay on box");
    lab.engine.delete(&format!("/volumes/{volume}"));
}

fn what_a_profile_disables_is_left_alone() {
    let tool = "  tool:
    image: hl-test/web:1
    stop_grace_period: 1s
    profiles: [debug]
    networks: [inner]
    volumes: [\"scratch:/scratch\", \"./tool.conf:/tool.conf\"]
networks:
  inner:
";
    let with = BARE.replace("networks:\n  n:\n    driver", &format!("{tool}  n:\n    driver"));
    let with = with.replace("  data:\n", "  data:\n  scratch:\n");
    let lab = Lab::of(&with);
    lab.lab.write("services/m/tool.conf", "a\n").write("services/m/.env", "COMPOSE_PROFILES=debug\n");
    lab.settle(&[]);
    let seen = || {
        let container = lab.engine.inspect(&lab.lab.name("sample-lab-m-tool-1"));
        let network = lab.engine.get(&lab.lab.name("/networks/sample-lab-m_inner"));
        [container["Id"].clone(), container["State"]["StartedAt"].clone(), network["Id"].clone()]
    };
    let before = seen();

    lab.lab.write("services/m/.env", "");
    lab.expect_nothing_to_do();
    lab.declare(&with.replace("mem_limit: 64m", "mem_limit: 80m"));
    lab.settle(&[]);
    assert_eq!(seen(), before, "nothing is touched");
    lab.lab.hl(&["drift"]).code(0);
    lab.lab.hl(&["verify"]).code(0);
    lab.lab.hl(&["status", "--check"]).code(0);

    lab.lab.write("services/m/.env", "COMPOSE_PROFILES=debug\n");
    lab.expect_nothing_to_do();
    lab.lab.write("services/m/.env", "");
    lab.lab.hl(&["delete", "m", "--yes"]).code(0);
    assert_eq!(lab.engine.containers(&lab.lab.name("sample-lab")), Vec::<String>::new());
}

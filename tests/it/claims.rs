//! Claims of which a node has one each: names, ports, addresses, subnets. Who gives up goes before who takes, and what
//! cannot be had is found before anything is touched.

use serde_json::json;

use crate::support::engine::Engine;
use crate::support::homelab::{Homelab, Lives};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(names_are_swapped_and_go_round, needs Engine),
    trial!(a_new_container_gets_the_name_of_one_that_is_renamed, needs Engine),
    trial!(a_dependency_gets_name_and_port_of_what_needs_it, needs Engine),
    trial!(subnets_and_addresses_are_swapped, needs Engine),
    trial!(a_fixed_address_is_claimed_before_the_engine_chooses, needs Engine),
    trial!(a_subnet_that_overlaps_another_network_is_found_before_anything_is_disconnected, needs Engine),
    trial!(an_address_that_the_engine_gave_to_somebody_else_is_found, needs Engine),
    trial!(an_interface_that_the_node_does_not_have_is_found, needs Engine),
];

struct Lab {
    lab: Homelab,
    engine: Engine,
}

impl Lab {
    fn new() -> Lab {
        let engine = Engine::connect();
        Lab { lab: Homelab::on(&engine), engine }
    }

    fn write(&self, service: &str, compose: &str) {
        self.lab.write(&format!("services/{service}/docker-compose.yml"), compose);
    }

    fn settle(&self) {
        self.lab.hl(&["apply", "--yes"]).code(0);
        self.expect_nothing_to_do();
    }

    fn expect_nothing_to_do(&self) {
        self.lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
        self.lab.hl(&["drift"]).code(0);
        self.lab.hl(&["verify"]).code(0);
    }

    /// The address that a container has in a network.
    fn address(&self, container: &str, network: &str) -> String {
        let found = self.engine.inspect(&self.lab.name(container));
        let end = &found["NetworkSettings"]["Networks"][self.lab.name(network)];
        end["IPAddress"].as_str().unwrap_or_default().to_owned()
    }
}

const IMAGE: &str = "image: \"hl-test/app:1\", stop_grace_period: 1s";

/// A compose file of containers, each under a name that differs from that of its service.
fn named(containers: &[(&str, &str)]) -> String {
    let container = |(service, name): &(&str, &str)| format!("{service}: {{ {IMAGE}, container_name: {name} }}");
    format!("services: {{ {} }}\n", containers.iter().map(container).collect::<Vec<_>>().join(", "))
}

fn names_are_swapped_and_go_round() {
    let lab = Lab::new();
    let [a, b, c] = ["sample-lab-x", "sample-lab-y", "sample-lab-z"];
    lab.write("sample-lab-one", &named(&[("a", a), ("b", b)]));
    lab.write("sample-lab-two", &named(&[("c", c)]));
    lab.settle();
    let before = lab.lab.lives();

    lab.write("sample-lab-one", &named(&[("a", b), ("b", a)]));
    lab.lab.hl(&["plan"]).code(0).says("2 to restart").never_says("docker rm");
    lab.settle();
    let swapped = lab.lab.lives();
    // Their names are names on their networks, too: the two start again there, and are the same containers.
    assert_eq!((&swapped[a].0, &swapped[b].0, &swapped[c]), (&before[b].0, &before[a].0, &before[c]));

    lab.write("sample-lab-one", &named(&[("a", a), ("b", c)]));
    lab.write("sample-lab-two", &named(&[("c", b)]));
    lab.settle();
    let round = lab.lab.lives();
    assert_eq!((&round[a].0, &round[b].0, &round[c].0), (&before[a].0, &before[c].0, &before[b].0));
    assert_eq!(round.len(), 3);
}

fn a_new_container_gets_the_name_of_one_that_is_renamed() {
    let lab = Lab::new();
    let [a, b] = ["sample-lab-x", "sample-lab-y"];
    lab.write("sample-lab-one", &named(&[("c", a)]));
    lab.settle();
    let before = lab.lab.lives();
    lab.write("sample-lab-one", &named(&[("a", a), ("c", b)]));
    // Without the other half of the change the name stays taken, and what has it is hl's own.
    let part = lab.lab.hl(&["apply", "--yes", "--target", "box/sample-lab-one/container:a"]);
    part.code(1).says_in_words("The name sample-lab-x is taken on box by container sample-lab-x of sample-lab-one.");
    part.never_says("docker rm");
    assert_eq!(lab.lab.lives(), before);
    lab.settle();
    assert_eq!(lab.lab.lives()[b].0, before[a].0, "the same container");

    // A foreign one is not hl's to rename.
    let foreign = json!({"Image": "hl-test/app:1"});
    lab.engine.post(&lab.lab.name("/containers/create?name=sample-lab-foreign"), &foreign);
    lab.write("sample-lab-two", &named(&[("d", "sample-lab-foreign")]));
    lab.lab.hl(&["apply", "--yes"]).code(1).says_in_words("`docker rm -f sample-lab-foreign`");
}

fn a_dependency_gets_name_and_port_of_what_needs_it() {
    let lab = Lab::new();
    let of = |name: &str, port: &str| {
        format!("services: {{ a: {{ {IMAGE}, container_name: {name}, ports: [\"127.0.0.1:{port}:80\"] }} }}\n")
    };
    let (one, two) = ("sample-lab-one", "sample-lab-two");
    lab.lab.write("services/sample-lab-two/service.yaml", "depends_on: [sample-lab-one]\n");
    lab.write(one, &of("sample-lab-x", "38471"));
    lab.write(two, &of("sample-lab-y", "38472"));
    lab.settle();
    lab.write(one, &of("sample-lab-y", "38472"));
    lab.write(two, &of("sample-lab-z", "38473"));
    lab.settle();
    let after = lab.lab.lives();
    assert_eq!(after.keys().collect::<Vec<_>>(), ["sample-lab-y", "sample-lab-z"]);

    // Where the dependency does not start with it, both are what they were.
    let broken = of("sample-lab-z", "38473").replace("hl-test/app:1\"", "hl-test/app:1\", command: [\"/nothing\"]");
    lab.write(one, &broken);
    lab.write(two, &of("sample-lab-v", "38474"));
    lab.lab.hl(&["apply", "--yes"]).code(4);
    assert_eq!(lab.lab.lives().keys().collect::<Vec<_>>(), ["sample-lab-y", "sample-lab-z"]);
    for (name, (id, _)) in lab.lab.lives() {
        assert_eq!(id, after[&name].0, "{name} is not another one");
        let state = lab.engine.inspect(&lab.lab.name(&name));
        assert_eq!(state["State"]["Running"], true, "{name} runs");
    }
}

fn subnets_and_addresses_are_swapped() {
    let lab = Lab::new();
    let of = |subnets: [u8; 2], addresses: [u8; 2]| {
        let network = |name: &str, n: u8| format!("{name}: {{ ipam: {{ config: [{{ subnet: 10.204.{n}.0/24 }}] }} }}");
        let container = |name: &str, n: u8| {
            format!("{name}: {{ {IMAGE}, networks: {{ fix: {{ ipv4_address: 10.204.9.{n} }}, {name}: }} }}")
        };
        format!(
            "services: {{ {}, {} }}\nnetworks: {{ {}, {}, {} }}\n",
            container("a", addresses[0]),
            container("b", addresses[1]),
            network("fix", 9),
            network("a", subnets[0]),
            network("b", subnets[1]),
        )
    };
    lab.write("sample-lab-one", &of([1, 2], [11, 12]));
    lab.settle();
    let before = lab.lab.lives();
    lab.write("sample-lab-one", &of([2, 1], [12, 11]));
    lab.settle();
    let ids = |lives: &Lives| lives.iter().map(|(name, (id, _))| (name.clone(), id.clone())).collect::<Vec<_>>();
    assert_eq!(ids(&lab.lab.lives()), ids(&before), "no container is made anew");
    assert_eq!(lab.address("sample-lab-one-a-1", "sample-lab-one_fix"), "10.204.9.12");
    assert_eq!(lab.address("sample-lab-one-b-1", "sample-lab-one_fix"), "10.204.9.11");
    assert!(lab.address("sample-lab-one-a-1", "sample-lab-one_a").starts_with("10.204.2."));
}

fn a_fixed_address_is_claimed_before_the_engine_chooses() {
    let lab = Lab::new();
    // The first address that the engine would give, to the last of those that start.
    let end = "networks: { n: { ipv4_address: 10.204.20.2 } }";
    let others = ["a", "b", "c", "d"].map(|name| format!("{name}: {{ {IMAGE}, networks: [n] }}")).join(", ");
    let network = "networks: { n: { name: sample-lab-n, ipam: { config: [{ subnet: 10.204.20.0/24 }] } } }";
    lab.write("sample-lab-one", &format!("services: {{ {others} }}\n{network}\n"));
    let external = "networks: { n: { name: sample-lab-n, external: true } }";
    lab.write("sample-lab-two", &format!("services: {{ z: {{ {IMAGE}, {end} }} }}\n{external}\n"));
    lab.settle();
    assert_eq!(lab.address("sample-lab-two-z-1", "sample-lab-n"), "10.204.20.2");
}

fn a_subnet_that_overlaps_another_network_is_found_before_anything_is_disconnected() {
    let lab = Lab::new();
    let of = |subnet: &str| {
        let network = format!("networks: {{ n: {{ ipam: {{ config: [{{ subnet: {subnet} }}] }} }} }}");
        format!("services: {{ a: {{ {IMAGE}, networks: [n] }} }}\n{network}\n")
    };
    lab.write("sample-lab-one", &of("10.204.31.0/24"));
    lab.settle();
    let before = lab.lab.lives();
    let foreign =
        json!({"Name": lab.lab.name("sample-lab-foreign"), "IPAM": {"Config": [{"Subnet": "10.204.32.0/22"}]}});
    lab.engine.post("/networks/create", &foreign);
    let network = lab.engine.get(&lab.lab.name("/networks/sample-lab-one_n"));

    lab.write("sample-lab-one", &of("10.204.33.0/24"));
    let refused = lab.lab.hl(&["apply", "--yes"]);
    refused.code(1).says_in_words("Subnet 10.204.33.0/24 is taken on box by network sample-lab-foreign.");
    refused.says_in_words("`docker network rm sample-lab-foreign`");
    assert_eq!(lab.engine.get(&lab.lab.name("/networks/sample-lab-one_n"))["Id"], network["Id"]);
    assert_eq!(lab.lab.lives(), before);

    lab.engine.delete(&lab.lab.name("/networks/sample-lab-foreign"));
    lab.settle();

    // Two that are declared, one of which is there.
    lab.write("sample-lab-two", &of("10.204.33.128/25"));
    lab.lab.hl(&["apply", "--yes"]).code(1).says_in_words("by network sample-lab-one_n of sample-lab-one.");
    lab.write("sample-lab-two", &of("10.204.31.0/24"));
    lab.settle();
}

fn an_address_that_the_engine_gave_to_somebody_else_is_found() {
    let lab = Lab::new();
    let network = "networks: { n: { ipam: { config: [{ subnet: 10.204.40.0/24 }] } } }";
    let a = format!("a: {{ {IMAGE}, networks: [n] }}");
    let z = format!("z: {{ {IMAGE}, networks: {{ n: {{ ipv4_address: 10.204.40.2 }} }} }}");
    lab.write("sample-lab-one", &format!("services: {{ {a} }}\n{network}\n"));
    lab.settle();
    let before = lab.lab.lives();
    assert_eq!(lab.address("sample-lab-one-a-1", "sample-lab-one_n"), "10.204.40.2");
    lab.write("sample-lab-one", &format!("services: {{ {a}, {z} }}\n{network}\n"));
    let refused = lab.lab.hl(&["apply", "--yes"]);
    refused.code(1).says_in_words("Address 10.204.40.2 of network sample-lab-one_n is taken by container");
    refused.says_in_words("`docker network disconnect sample-lab-one_n sample-lab-one-a-1`");
    assert_eq!(lab.lab.lives(), before);

    let body = json!({"Container": lab.lab.name("sample-lab-one-a-1"), "Force": false});
    lab.engine.post(&lab.lab.name("/networks/sample-lab-one_n/disconnect"), &body);
    lab.settle();
    assert_eq!(lab.address("sample-lab-one-z-1", "sample-lab-one_n"), "10.204.40.2");
    assert_eq!(lab.lab.lives()["sample-lab-one-a-1"].0, before["sample-lab-one-a-1"].0, "the same container");
}

fn an_interface_that_the_node_does_not_have_is_found() {
    let lab = Lab::new();
    let of = |network: &str| format!("services: {{ a: {{ {IMAGE}, networks: [n] }} }}\nnetworks: {{ n: {network} }}\n");
    lab.write("sample-lab-one", &of("{ internal: true }"));
    lab.settle();
    let before = lab.lab.lives();
    let network = lab.engine.get(&lab.lab.name("/networks/sample-lab-one_n"))["Id"].clone();
    for parent in ["nosuch0", "nosuch0.20"] {
        let ipam = "ipam: { config: [{ subnet: 10.204.50.0/24 }] }";
        lab.write(
            "sample-lab-one",
            &of(&format!("{{ driver: macvlan, driver_opts: {{ parent: {parent} }}, {ipam} }}")),
        );
        let refused = lab.lab.hl(&["apply", "--yes"]);
        refused.code(1).says_in_words(&format!("box has no interface {parent}; it has"));
        assert_eq!(lab.lab.lives(), before);
        assert_eq!(lab.engine.get(&lab.lab.name("/networks/sample-lab-one_n"))["Id"], network);
    }
}

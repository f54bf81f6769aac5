//! Volumes that are made anew with the user's leave: the containers of the homelab that mount them come back in the same
//! plan, and nobody else's goes.

use serde_json::{Value, json};

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(other_services_come_back_with_the_volume, needs Engine),
    trial!(what_is_not_of_the_homelab_keeps_its_volume, needs Engine),
];

const LEAVE: [&str; 2] = ["--allow-data-loss", "store/volume:data"];

struct Lab {
    lab: Homelab,
    engine: Engine,
}

impl Lab {
    /// `store` makes a volume. `app` mounts it, and a second container of it uses the volumes of the first one. `bystander`
    /// mounts nothing.
    fn new() -> Lab {
        let engine = Engine::connect();
        let lab = Lab { lab: Homelab::on(&engine), engine };
        lab.declare("1m");
        lab.compose(
            "app",
            "  web: { image: \"hl-test/app:1\", stop_grace_period: 1s, volumes: [\"shared:/data\"] }
  files: { image: \"hl-test/app:1\", stop_grace_period: 1s, volumes_from: [web] }
volumes: { shared: { external: true, name: sample-lab-store_data } }
",
        );
        lab.compose("bystander", "  web: { image: \"hl-test/app:1\", stop_grace_period: 1s }\n");
        lab.lab.hl(&["apply", "--yes"]).code(0);
        lab
    }

    fn compose(&self, service: &str, rest: &str) {
        let text = format!("name: sample-lab-{service}\nservices:\n{rest}");
        self.lab.write(&format!("services/{service}/docker-compose.yml"), &text);
    }

    fn declare(&self, size: &str) {
        let volume = format!("{{ driver: local, driver_opts: {{ type: tmpfs, device: tmpfs, o: size={size} }} }}");
        let container = "  db: { image: \"hl-test/app:1\", stop_grace_period: 1s, volumes: [\"data:/data\"] }";
        self.compose("store", &format!("{container}\nvolumes: {{ data: {volume} }}\n"));
    }

    /// The options of the volume as the engine has it.
    fn options(&self) -> Value {
        self.engine.get(&format!("/volumes/{}", self.lab.name("sample-lab-store_data")))["Options"]["o"].clone()
    }
}

fn other_services_come_back_with_the_volume() {
    let lab = Lab::new();
    assert_eq!(lab.options(), "size=1m", "the volume is made before the container of another service that mounts it");
    let before = lab.lab.lives();
    lab.declare("2m");
    let plan = lab.lab.hl(&[&["plan"], &LEAVE[..]].concat());
    for name in ["store/container:db", "app/container:web", "app/container:files"] {
        plan.code(0).says(name);
    }
    plan.says_in_words("All data in volume sample-lab-store_data would be destroyed");
    plan.says_in_words("volume sample-lab-store_data, which it mounts, is made anew");
    lab.lab.hl(&[&["apply", "--yes"], &LEAVE[..]].concat()).code(0);
    assert_eq!(lab.options(), "size=2m");
    let after = lab.lab.lives();
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    for (name, was) in &before {
        assert_eq!(after[name] == *was, name.contains("bystander"), "{name}");
    }
    lab.lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");

    lab.declare("3m");
    let excluded = [&["plan"], &LEAVE[..], &["--exclude", "app"]].concat();
    lab.lab.hl(&excluded).code(1).says_in_words("Volume sample-lab-store_data is mounted by");
    lab.lab.hl(&[&["apply", "--yes", "--target", "store"], &LEAVE[..]].concat()).code(0);
    assert_eq!(lab.options(), "size=3m");
    lab.lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
}

fn what_is_not_of_the_homelab_keeps_its_volume() {
    let lab = Lab::new();
    let name = lab.lab.name("sample-lab-foreign");
    let bind = format!("{}:/data", lab.lab.name("sample-lab-store_data"));
    let body = json!({ "Image": "hl-test/app:1", "HostConfig": { "Binds": [bind] } });
    lab.engine.post(&format!("/containers/create?name={name}"), &body);
    lab.declare("2m");
    for command in ["plan", "apply"] {
        let outcome = lab.lab.hl(&[&[command], &["--yes"][..usize::from(command == "apply")], &LEAVE[..]].concat());
        outcome.code(1).says_in_words("Volume sample-lab-store_data is mounted by").says("sample-lab-foreign");
    }
    assert!(!lab.engine.inspect(&name).is_null(), "it is there as before");
    assert_eq!(lab.options(), "size=1m");
}

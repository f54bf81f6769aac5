//! Networks that cannot be made anew, or that do not work when they are: what hangs on them has its old one again.

use serde_json::Value;

use crate::support::engine::Engine;
use crate::support::homelab::{Homelab, Lives};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_network_that_cannot_be_made_anew_is_put_back, needs Engine),
    trial!(a_network_that_does_not_work_is_put_back, needs Engine),
    trial!(what_an_apply_left_half_done_is_its_own_work, needs Engine),
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

    fn write(&self, mtu: &str, db: &str) {
        let text = format!(
            "name: sample-lab-web\nservices:\n  app: {{ image: \"hl-test/app:1\", networks: [proxy] }}\n  \
             db: {{ image: \"hl-test/app:1\", networks: [proxy]{db} }}\nnetworks:\n  \
             proxy: {{ driver_opts: {{ com.docker.network.driver.mtu: \"{mtu}\" }} }}\n"
        );
        self.lab.write("services/web/docker-compose.yml", &text);
    }

    /// Both containers find one another by name.
    #[track_caller]
    fn are_connected(&self) {
        for (from, to) in [("app", "db"), ("db", "app")] {
            let name = self.lab.name(&format!("sample-lab-web-{from}-1"));
            let (code, text) = self.engine.exec(&name, &["busybox", "nslookup", &format!("{to}.")]);
            assert_eq!(code, 0, "{from} finds {to}: {text}");
        }
    }

    #[track_caller]
    fn is_settled(&self) {
        self.lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
        self.lab.hl(&["drift"]).code(0);
        self.lab.hl(&["verify"]).code(0);
    }
}

fn a_network_that_cannot_be_made_anew_is_put_back() {
    let lab = Lab::new();
    lab.write("1400", "");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    let before = lab.lab.lives();
    for db in ["", ", user: \"1000\""] {
        lab.write("none", db);
        let apply = lab.lab.hl(&["apply", "--yes"]);
        apply.code(4).says("taken back").never_says("could not be taken back");
        assert_eq!(lab.lab.lives(), before, "nobody stops for that");
        lab.are_connected();
        let plan = lab.lab.hl(&["plan"]);
        plan.code(0).never_says("drift").never_says("outside hl");
        lab.lab.hl(&["drift"]).code(0);
        lab.write("1400", "");
        lab.is_settled();
        assert_eq!(lab.lab.lives(), before);
    }
    lab.write("1450", "");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    lab.are_connected();
    lab.is_settled();
}

fn a_network_that_does_not_work_is_put_back() {
    let lab = Lab::new();
    lab.write("1400", "");
    let script = |code: u8| {
        lab.lab.write("services/web/healthcheck.sh", &format!("#!/bin/sh\necho tried; exit {code}\n"));
    };
    lab.lab.write("services/web/service.yaml", "health: { script: healthcheck.sh, interval: 300ms, retries: 2 }\n");
    script(0);
    lab.lab.hl(&["apply", "--yes"]).code(0);
    let before = lab.lab.lives();
    for db in ["", ", user: \"1000\""] {
        script(1);
        lab.write("1450", db);
        lab.lab.hl(&["apply", "--yes"]).code(4).says("taken back").never_says("could not be taken back");
        let ids = |lives: &Lives| lives.values().map(|(id, _)| id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&lab.lab.lives()), ids(&before));
        lab.are_connected();
        lab.lab.hl(&["plan"]).code(0).never_says("outside hl");
        lab.lab.hl(&["drift"]).code(0);
        script(0);
        lab.write("1400", "");
        lab.lab.hl(&["apply", "--yes"]).code(0);
        lab.is_settled();
    }
}

fn what_an_apply_left_half_done_is_its_own_work() {
    let lab = Lab::new();
    lab.write("1400", "");
    lab.lab.write("services/web/service.yaml", "update: { order: stop-first, rollback: false }\n");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    let before = lab.lab.lives();
    // The new one ends at once, and the old one is stopped.
    lab.write("1400", ", command: [\"sh\", \"-c\", \"exit 7\"]");
    lab.lab.hl(&["apply", "--yes"]).code(4);
    let plan = lab.lab.hl(&["plan"]);
    plan.code(0).says_in_words("hl's own unfinished work: the last apply was not brought to an end");
    plan.never_says("drift").never_says("outside hl").never_says("conflict");
    lab.lab.hl(&["drift"]).code(0);
    lab.lab.hl(&["verify"]).code(1);
    // A change by somebody else is theirs.
    lab.engine.post(&format!("/containers/{}/stop", lab.lab.name("sample-lab-web-app-1")), &Value::Null);
    lab.lab.hl(&["drift"]).code(2).says("box/web/container:app").never_says("container:db");
    lab.write("1400", "");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(lab.lab.lives().keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    lab.is_settled();
    lab.engine.post(&format!("/containers/{}/stop", lab.lab.name("sample-lab-web-db-1")), &Value::Null);
    lab.lab.hl(&["drift"]).code(2).says("box/web/container:db");
}

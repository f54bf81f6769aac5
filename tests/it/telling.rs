//! What verify, status and drift say of what does not work and of what could not be asked.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(why_a_container_is_unhealthy_is_told_without_secrets, needs Engine),
    trial!(what_could_not_be_asked_is_counted, needs Engine),
    trial!(verify_says_what_it_waits_for, needs Engine),
    trial!(what_ended_although_it_is_to_run_does_not_work, needs Engine),
    trial!(drift_has_nothing_in_it_that_is_pending, needs Engine),
    trial!(what_nothing_declares_is_mentioned_and_listed, needs Engine),
    trial!(who_is_restarted_again_and_again_is_told_whenever_one_looks, needs Engine),
];

/// A homelab of two services, `app` and `web`, each of one container.
struct Lab {
    lab: Homelab,
    engine: Engine,
}

impl Lab {
    fn new() -> Lab {
        let engine = Engine::connect();
        let lab = Lab { lab: Homelab::on(&engine), engine };
        lab.service("app", "");
        lab.service("web", "");
        lab
    }

    fn service(&self, name: &str, more: &str) {
        self.lab.write(
            &format!("services/{name}/docker-compose.yml"),
            &format!(
                "name: sample-lab-{name}\nservices:\n  {name}:\n    image: hl-test/app:1\n    \
                 stop_grace_period: 1s\n    restart: unless-stopped\n{more}"
            ),
        );
        self.lab.write(&format!("services/{name}/service.yaml"), "owner_node: box\n");
    }

    fn container(&self, service: &str) -> String {
        self.lab.name(&format!("sample-lab-{service}-{service}-1"))
    }

    fn call(&self, service: &str, verb: &str) {
        self.engine.post(&format!("/containers/{}/{verb}", self.container(service)), &Value::Null);
    }
}

fn why_a_container_is_unhealthy_is_told_without_secrets() {
    let lab = Lab::new();
    lab.lab.hl(&["apply", "--yes"]).code(0);
    let env = lab.lab.node_root().join("config/app/.env");
    std::fs::create_dir_all(env.parent().expect("a folder")).expect("it can be made");
    std::fs::write(&env, "DB_PASSWORD=hunter2-long\n").expect("it can be written");
    let check = "printf 'FATAL: password %s refused\\\\n\\\\033[2J' $$DB_PASSWORD; exit 3";
    lab.service(
        "app",
        &format!(
            "    environment: {{ DB_PASSWORD: \"${{DB_PASSWORD}}\" }}\n    \
             healthcheck: {{ test: [\"CMD-SHELL\", \"{check}\"], interval: 300ms, retries: 2 }}\n"
        ),
    );
    // The old one is not brought back, so that there is something to look at.
    lab.lab.write("services/app/service.yaml", "owner_node: box\nupdate: { order: stop-first, rollback: false }\n");
    let apply = lab.lab.hl(&["apply", "--yes"]);
    apply.code(4).says("FATAL: password (secret) refused").says("\\x1b[2J");
    let verify = lab.lab.hl(&["verify"]);
    verify.code(1).says("container app is unhealthy").says("its health check ended with code 3:");
    verify.says("| FATAL: password (secret) refused").says("1 of 2 services does not work.");
    let status = lab.lab.hl(&["status"]);
    status.code(0).says("| FATAL: password (secret) refused").says("1 of 2 containers does not work.");
    let json = lab.lab.hl(&["status", "--format", "json"]);
    json.code(0).says("FATAL: password (secret) refused");
    for outcome in [&apply, &verify, &status, &json] {
        outcome.never_says("hunter2").never_says("\u{1b}");
    }
    lab.lab.hl(&["status", "--check"]).code(2);
    lab.lab.hl(&["status", "--check", "--target", "web"]).code(0).says("The container works.");
}

fn what_could_not_be_asked_is_counted() {
    let lab = Lab::new();
    let topology = |away: &str| {
        let root = lab.lab.node_root();
        let (here, root) = (lab.engine.address(), root.display());
        lab.lab.write(
            "inventory/topology.yaml",
            &format!(
                "version: 1\nname: home\nnodes:\n  box: {{ address: \"{here}\", root: \"{root}\", undeclared: ignore }}\n  \
                 away: {{ address: \"{away}\", root: \"{root}/away\", undeclared: ignore }}\n"
            ),
        );
    };
    topology(&lab.engine.address());
    lab.lab.write("services/app/service.yaml", "owner_node: away\n");
    lab.lab.hl(&["apply", "--yes", "--target", "app"]).code(0);
    lab.lab.hl(&["apply", "--yes", "--target", "web"]).code(0);
    topology(&format!("unix://{}", lab.lab.scratch("nobody.sock").display()));

    let verify = lab.lab.hl(&["verify"]);
    verify.code(3).says("? away/app  not asked").says("✓ box/web");
    verify
        .says("? away could not be asked: cannot connect")
        .says("1 of 2 services works; 1 service could not be asked.");
    verify.never_says("All ");
    lab.lab.hl(&["verify", "web"]).code(0).says("The service works.");
    lab.lab.hl(&["verify", "app"]).code(3).says("Nothing is verified; 1 service could not be asked.");

    let status = lab.lab.hl(&["status"]);
    status.code(3).says("away/app").says("not asked").says("? away could not be asked: cannot connect");
    status.says("The container works; 1 service could not be asked.");
    let table = status.stdout.lines().take_while(|line| !line.is_empty());
    assert!(table.map(|line| line.chars().count()).max() < Some(100), "{status}");
    assert_eq!(status.stdout.matches("cannot connect").count(), 1, "{status}");
    lab.lab.hl(&["status", "--check"]).code(3);

    let drift = lab.lab.hl(&["drift"]);
    drift.code(3).says("No drift in what could be compared. 1 service was not compared.");

    // Whether the folder is there or not, something of it is on the node.
    let delete = lab.lab.hl(&["delete", "app", "--yes"]);
    delete
        .code(3)
        .says("? away")
        .says_in_words("Nothing could be planned: 1 service is on a node that cannot be planned.");
    delete.never_says("No changes").never_says("remove services/app");
    std::fs::remove_dir_all(lab.lab.repository().join("services/app")).expect("it can be removed");
    lab.lab.hl(&["plan"]).code(3).says_in_words("1 service not planned: app");
    lab.lab.hl(&["delete", "app", "--yes"]).code(3);
    topology(&lab.engine.address());
    lab.lab.hl(&["delete", "app", "--yes"]).code(0);
}

fn verify_says_what_it_waits_for() {
    let lab = Lab::new();
    lab.service(
        "web",
        "    command: [\"sh\", \"-c\", \"sleep 5; touch /tmp/up; exec pause\"]\n    \
         healthcheck: { test: [\"CMD\", \"test\", \"-e\", \"/tmp/up\"], interval: 1s, retries: 20 }\n",
    );
    lab.lab.hl(&["apply", "--yes"]).code(0);
    lab.call("web", "stop");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    let began = Instant::now();
    let quick = lab.lab.hl(&["verify"]);
    assert!(!quick.code(0).stderr.contains("waiting"), "{quick}");
    assert!(began.elapsed() < Duration::from_secs(5), "nothing was to be waited for");
    lab.service(
        "web",
        "    command: [\"sh\", \"-c\", \"rm -f /tmp/up; sleep 6; touch /tmp/up; exec pause\"]\n    \
         healthcheck: { test: [\"CMD\", \"test\", \"-e\", \"/tmp/up\"], interval: 1s, retries: 20 }\n",
    );
    lab.lab.hl(&["apply", "--yes"]).code(0);
    lab.call("web", "restart");
    let waited = lab.lab.hl(&["verify"]);
    waited.code(0).says("All 2 services work.");
    waited.talks("waiting for box/web (container sample-lab-web-web-1: starting, its health not decided) …");
    assert_eq!(waited.stderr.matches("waiting for").count(), 1, "{waited}");
}

fn what_ended_although_it_is_to_run_does_not_work() {
    let lab = Lab::new();
    lab.service("web", "    command: [\"sh\", \"-c\", \"trap 'exit 0' TERM; sleep 1000 & wait\"]\n");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    lab.lab.hl(&["status", "--check"]).code(0).says("All 2 containers work.");
    lab.call("web", "stop?t=5");
    assert_eq!(lab.engine.inspect(&lab.container("web"))["State"]["ExitCode"], 0);
    lab.lab.hl(&["status", "--check"]).code(2).says("1 of 2 containers does not work.");
    lab.lab.hl(&["verify"]).code(1).says("container web is exited (0)");
    lab.lab.write("services/web/service.yaml", "owner_node: box\nstate: stopped\n");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    lab.lab.hl(&["status", "--check"]).code(0).says("All 2 containers work.");
}

fn drift_has_nothing_in_it_that_is_pending() {
    let lab = Lab::new();
    lab.lab.hl(&["apply", "--yes"]).code(0);
    lab.service("web", "    user: \"1000\"\n    mem_limit: 64m\n");
    lab.lab.hl(&["drift"]).code(0).says("No drift: nothing was changed outside hl.");
    let body = serde_json::json!({"RestartPolicy": {"Name": "no"}});
    lab.engine.post(&format!("/containers/{}/update", lab.container("web")), &body);
    let drift = lab.lab.hl(&["drift"]);
    drift.code(2).says("restart: no → unless-stopped").says("Drift: 1 resource was changed outside hl");
    drift.never_says("user").never_says("mem_limit").never_says("replace");
    let report: Value = serde_json::from_str(&lab.lab.hl(&["drift", "--format", "json"]).stdout).expect("JSON");
    assert_eq!(report["summary"]["text"], drift.stdout.lines().last().expect("a line"));
    let change = &report["changes"][0];
    assert_eq!((&change["steps"], &report["steps"]), (&Value::from([0; 0]), &Value::from([0; 0])));
    let fields: Vec<&Value> = change["fields"].as_array().expect("a list").iter().map(|f| &f["field"]).collect();
    assert_eq!((fields, report["changes"].as_array().map(Vec::len)), (vec![&Value::from("restart")], Some(1)));
    lab.engine.delete(&format!("/containers/{}?force=1", lab.container("web")));
    let gone = lab.lab.hl(&["drift"]);
    gone.code(2).says("box/web/container:web").says("it was removed outside hl").never_says("mem_limit");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    lab.lab.hl(&["drift"]).code(0);
}

fn what_nothing_declares_is_mentioned_and_listed() {
    let lab = Lab::new();
    lab.lab.hl(&["apply", "--yes"]).code(0);
    let label = |key: &str, value: &str| (format!("com.docker.compose.{key}"), Value::from(lab.lab.name(value)));
    let labels = [
        label("project", "sample-lab-wiki"),
        label("service", "web"),
        label("container-number", "1"),
        label("oneoff", "False"),
    ];
    let labels: serde_json::Map<String, Value> = labels.into_iter().collect();
    for (name, labels) in [("sample-lab-wiki-web-1", labels), ("sample-lab-alone", serde_json::Map::new())] {
        let body = serde_json::json!({"Image": "hl-test/app:1", "Labels": labels});
        lab.engine.post(&lab.lab.name(&format!("/containers/create?name={name}")), &body);
    }
    let plan = lab.lab.hl(&["plan", "--detailed-exitcode"]);
    assert!(!plan.code(0).says("No changes.").stderr.contains("not declared: "), "its node ignores them: {plan}");
    lab.lab.report_undeclared();
    let plan = lab.lab.hl(&["plan", "--detailed-exitcode"]);
    plan.code(0).says("No changes.").talks("not declared: ").talks("`hl status --all` lists what runs of it.");
    assert!(plan.stderr.contains("sample-lab-wiki") || plan.stderr.contains(" more"), "{plan}");
    let list = lab.lab.hl(&["status", "--all"]);
    list.code(0).says("box/sample-lab-wiki").says("sample-lab-wiki-web-1").says("sample-lab-alone");
    lab.lab.hl(&["status"]).code(0).never_says("sample-lab-wiki");
    let report: Value =
        serde_json::from_str(&lab.lab.hl(&["status", "--all", "--format", "json"]).stdout).expect("JSON");
    let undeclared = report["undeclared"].as_array().expect("a list");
    let found = undeclared.iter().find(|c| c["container"] == "sample-lab-wiki-web-1").expect("it is listed");
    assert_eq!((&found["node"], &found["project"]), (&Value::from("box"), &Value::from("sample-lab-wiki")));
    assert_eq!(found["state"], "created, never started");
}

fn who_is_restarted_again_and_again_is_told_whenever_one_looks() {
    let lab = Lab::new();
    let folder = lab.lab.node_root().join("data/web");
    std::fs::create_dir_all(&folder).expect("it can be made");
    let command = "test ! -e /d/broken || { echo no database; sleep 0.4; exit 1; }; exec pause";
    lab.service(
        "web",
        &format!("    command: [\"sh\", \"-c\", \"{command}\"]\n    volumes: [\"{}:/d\"]\n", folder.display()),
    );
    lab.lab.hl(&["apply", "--yes"]).code(0);
    std::fs::write(folder.join("broken"), "").expect("it can be written");
    let web = lab.container("web");
    lab.engine.exec(&web, &["busybox", "kill", "1"]);
    lab.engine.wait_for(&web, "restarted three times", |found| found["RestartCount"].as_u64() >= Some(3));
    let state = lab.lab.repository().join("state");
    for look in 0..8 {
        std::thread::sleep(std::time::Duration::from_millis(70 * look));
        if look == 4 {
            std::fs::remove_dir_all(&state).expect("there is a state");
        }
        let plan = lab.lab.hl(&["plan", "--detailed-exitcode"]);
        plan.code(2).says("drift: restarting again and again");
        let verify = lab.lab.hl(&["verify"]);
        verify.code(1).says("container web is restarting again and again").says("| no database");
        lab.lab.hl(&["status", "--check"]).code(2).says("restarting again and again");
    }
    std::fs::remove_file(folder.join("broken")).expect("it is there");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    lab.lab.hl(&["plan", "--detailed-exitcode"]).code(0);
    lab.lab.hl(&["verify"]).code(0);
}

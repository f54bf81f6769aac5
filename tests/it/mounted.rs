//! Mounts show the files that are there: files that leave the repository, that somebody changes on the node, and paths that
//! become something else.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::proxy::{Proxy, Verdict};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_file_that_left_the_repository_leaves_the_node, needs Engine),
    trial!(a_file_that_was_changed_on_the_node_stays_and_is_told, needs Engine),
    trial!(a_service_that_goes_takes_its_files_along, needs Engine),
    trial!(a_folder_that_becomes_too_large_to_be_looked_into_stays, needs Engine),
    trial!(a_single_file_that_is_put_back_reaches_the_container, needs Engine),
    trial!(a_restart_that_an_apply_did_not_come_to_is_made_up_for, needs Engine),
    trial!(what_an_app_edits_is_left_to_it_where_that_is_said, needs Engine),
    trial!(a_path_that_becomes_a_file_takes_a_new_container, needs Engine),
    trial!(a_file_and_a_folder_change_places_on_the_node, needs Engine),
];

/// A service `m` whose files are shipped to a folder of the node: `web` mounts some of them, `side` none.
struct Lab {
    lab: Homelab,
    engine: Engine,
}

impl Lab {
    fn with(volumes: &[&str]) -> Lab {
        let engine = Engine::connect();
        let lab = Lab { lab: Homelab::on(&engine), engine };
        lab.declare(volumes);
        lab.service("");
        lab
    }

    fn declare(&self, volumes: &[&str]) {
        let volumes = volumes.iter().map(|volume| format!("      - {volume}\n")).collect::<String>();
        let volumes = if volumes.is_empty() { volumes } else { format!("    volumes:\n{volumes}") };
        let file = format!(
            "name: sample-lab-m\nservices:\n  web:\n    image: hl-test/app:1\n{volumes}  side:\n    image: hl-test/app:1\n"
        );
        self.lab.write("services/m/docker-compose.yml", &file);
    }

    fn service(&self, more: &str) {
        let text = format!("owner_node: box\nproject_dir: {}\n{more}", self.node("").display());
        self.lab.write("services/m/service.yaml", &text);
    }

    /// A path of the service on the node.
    fn node(&self, path: &str) -> PathBuf {
        let folder = self.lab.scratch("live");
        if path.is_empty() { folder } else { folder.join(path) }
    }

    fn file(&self, path: &str, text: &str) {
        self.lab.write(&format!("services/m/{path}"), text);
    }

    fn remove(&self, path: &str) {
        let path = self.lab.repository().join("services/m").join(path);
        let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.expect("it was there");
    }

    /// Applies, and expects that nothing is left to do and nothing is broken.
    fn settle(&self) -> Outcome {
        let applied = self.lab.hl(&["apply", "--yes"]);
        applied.code(0);
        self.is_settled();
        applied
    }

    fn is_settled(&self) {
        let plan = self.lab.hl(&["plan", "--detailed-exitcode"]);
        assert!(plan.code(0).stdout.starts_with("No changes. 1 service is as declared.\n"), "{plan}");
        self.lab.hl(&["drift"]).code(0);
        self.lab.hl(&["verify"]).code(0);
    }

    /// The output of a command in `web`.
    fn web(&self, command: &str) -> String {
        self.engine.exec(&self.lab.name("sample-lab-m-web-1"), &["sh", "-c", command]).1
    }

    /// The id of a container and when it was started.
    fn seen(&self, container: &str) -> (Value, Value) {
        let found = self.engine.inspect(&self.lab.name(&format!("sample-lab-m-{container}-1")));
        (found["Id"].clone(), found["State"]["StartedAt"].clone())
    }
}

fn a_file_that_left_the_repository_leaves_the_node() {
    let lab = Lab::with(&["./conf.d:/etc/web:ro", "./one.conf:/one.conf:ro"]);
    for path in ["conf.d/a.conf", "conf.d/b.conf", "conf.d/sub/deep/c.conf", "one.conf"] {
        lab.file(path, "x\n");
    }
    lab.settle();
    let (web, side) = (lab.seen("web"), lab.seen("side"));

    lab.remove("conf.d/b.conf");
    lab.remove("conf.d/sub");
    let plan = lab.lab.hl(&["plan"]);
    plan.says("- box/m/file:[LAB]/live/conf.d/b.conf").says("no longer declared").says("↻ box/m/container:web");
    lab.settle();
    assert_eq!(lab.web("ls /etc/web"), "a.conf\n");
    assert!(!lab.node("conf.d/sub").exists() && lab.node("conf.d/a.conf").exists());
    assert_eq!((lab.seen("web").0, lab.seen("side")), (web.0, side.clone()));
    assert_ne!(lab.seen("web").1, web.1, "it has read what is there now");

    // A single file goes after the container that has it mounted.
    lab.declare(&["./conf.d:/etc/web:ro"]);
    lab.remove("one.conf");
    lab.settle();
    assert!(!lab.node("one.conf").exists());
    // A folder that is mounted no more goes with all of its files.
    lab.declare(&[]);
    lab.remove("conf.d");
    lab.settle();
    assert!(!lab.node("conf.d").exists());
    assert_eq!(lab.seen("side"), side);
    lab.lab.hl(&["state", "list"]).never_says("file:");
}

fn a_file_that_was_changed_on_the_node_stays_and_is_told() {
    let lab = Lab::with(&["./conf.d:/etc/web:ro"]);
    lab.file("conf.d/a.conf", "a\n");
    lab.file("conf.d/b.conf", "b\n");
    lab.settle();
    let side = lab.seen("side");
    std::fs::write(lab.node("conf.d/b.conf"), "somebody's\n").expect("it can be written");
    lab.remove("conf.d/b.conf");
    lab.lab.hl(&["plan"]).says_in_words("b.conf was changed on box after hl wrote it, so it stays there");
    lab.settle();
    assert_eq!(lab.web("cat /etc/web/b.conf"), "somebody's\n");
    // A file that somebody else put beside it keeps the folder.
    std::fs::write(lab.node("conf.d/own"), "").expect("it can be written");
    lab.declare(&[]);
    lab.remove("conf.d");
    lab.settle();
    assert!(!lab.node("conf.d/a.conf").exists() && lab.node("conf.d/own").exists());
    assert_eq!(lab.seen("side"), side);
}

fn a_service_that_goes_takes_its_files_along() {
    let lab = Lab::with(&["./conf.d:/etc/web:ro"]);
    lab.file("conf.d/a.conf", "a\n");
    lab.file("env.example", "TOKEN=\n");
    lab.service("env: { generate: { TOKEN: { length: 12 } } }\n");
    lab.settle();
    let env = lab.lab.node_root().join("config/m/.env");
    assert!(env.exists());
    lab.lab.hl(&["delete", "m", "--yes"]).code(0).says_in_words("config/m/.env stays on box");
    assert!(env.exists() && !lab.node("").exists());
    assert!(lab.engine.containers(&lab.lab.name("sample-lab")).is_empty());
}

fn a_single_file_that_is_put_back_reaches_the_container() {
    let lab = Lab::with(&["./app.conf:/app.conf", "./conf.d:/etc/web"]);
    lab.file("app.conf", "mode=safe\n");
    lab.file("conf.d/a.conf", "a\n");
    lab.settle();
    let (web, side) = (lab.seen("web"), lab.seen("side"));
    let by_hand = |text: &str| std::fs::write(lab.node("app.conf"), text).expect("it can be written");
    let removed = || std::fs::remove_file(lab.node("app.conf")).expect("it is there");
    let by_app = || drop(lab.web("echo mode=app >> /app.conf"));
    let put_back = || {
        let before = lab.seen("web").1;
        lab.lab.hl(&["drift"]).code(2).says("box/m/file:[LAB]/live/app.conf").never_says("container:web");
        lab.lab.hl(&["plan"]).says_in_words("app.conf, which it mounts, is written anew");
        lab.settle();
        assert_eq!(lab.web("cat /app.conf"), "mode=safe\n");
        assert_eq!(lab.web("echo more >> /app.conf; cat /app.conf"), "mode=safe\nmore\n");
        assert_eq!(std::fs::read_to_string(lab.node("app.conf")).ok().as_deref(), Some("mode=safe\nmore\n"));
        by_hand("mode=safe\n");
        lab.is_settled();
        assert_ne!(lab.seen("web").1, before, "it has the file that is there now");
    };
    by_hand("mode=UNSAFE\n");
    put_back();
    by_app();
    put_back();
    removed();
    put_back();
    // In a folder the container sees at once what is put back.
    let before = lab.seen("web");
    std::fs::write(lab.node("conf.d/a.conf"), "b\n").expect("it can be written");
    lab.settle();
    assert_eq!((lab.web("cat /etc/web/a.conf").as_str(), lab.seen("web")), ("a\n", before));
    assert_eq!((lab.seen("web").0, lab.seen("side")), (web.0, side));
}

fn a_restart_that_an_apply_did_not_come_to_is_made_up_for() {
    let lab = Lab::with(&["./app.conf:/app.conf"]);
    lab.file("app.conf", "mode=safe\n");
    // An engine that does not come to restart anything while it is held.
    let (held, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (holds, asks) = (Arc::clone(&held), Arc::clone(&asked));
    let proxy = Proxy::start(lab.engine.socket(), &lab.lab.scratch("held.sock"), move |request| {
        if !request.call().contains("/restart") || !holds.load(Ordering::Relaxed) {
            return Verdict::Forward;
        }
        asks.store(true, Ordering::Relaxed);
        while holds.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Verdict::HangUp
    });
    let proxy = proxy.expect("it listens");
    let topology = "inventory/topology.yaml";
    let text = std::fs::read_to_string(lab.lab.repository().join(topology)).expect("there is a topology");
    lab.lab.write(topology, &text.replace(&lab.engine.address(), &proxy.address()));
    lab.settle();
    let (web, side) = (lab.seen("web"), lab.seen("side"));
    let spoil = || std::fs::write(lab.node("app.conf"), "mode=UNSAFE\n").expect("it can be written");
    let is_put_back = || std::fs::read_to_string(lab.node("app.conf")).is_ok_and(|text| text == "mode=safe\n");
    let made_up_for = || {
        assert_eq!(lab.web("cat /app.conf"), "mode=UNSAFE\n", "it has not been restarted");
        assert!(is_put_back());
        lab.lab.hl(&["drift"]).code(0);
        let plan = lab.lab.hl(&["plan", "--detailed-exitcode"]);
        plan.code(2)
            .says("↻ box/m/container:web")
            .says_in_words("hl's own unfinished work")
            .never_says("↻ box/m/container:side");
        lab.settle();
        assert_eq!(lab.web("cat /app.conf"), "mode=safe\n");
        assert_eq!((lab.seen("web").0, lab.seen("side")), (web.0.clone(), side.clone()));
    };
    let cut_off = || {
        held.store(true, Ordering::Relaxed);
        asked.store(false, Ordering::Relaxed);
        let mut command = lab.lab.command(&["apply", "--yes"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("hl runs");
        let until = Instant::now() + Duration::from_secs(60);
        while !asked.load(Ordering::Relaxed) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        held.store(false, Ordering::Relaxed);
    };
    spoil();
    cut_off();
    made_up_for();

    // Without a record of it, too.
    spoil();
    std::fs::remove_dir_all(lab.lab.repository().join("state")).expect("there is a state");
    cut_off();
    made_up_for();

    // A preparation alone is not forgotten either.
    spoil();
    lab.lab.hl(&["apply", "--yes", "--until", "prepare"]);
    made_up_for();
}

fn what_an_app_edits_is_left_to_it_where_that_is_said() {
    let lab = Lab::with(&["./settings.json:/settings.json"]);
    let own = lab.node("settings.json");
    lab.service(&format!("lifecycle: {{ ignore_changes: [\"file:{}/content\"] }}\n", own.display()));
    lab.file("settings.json", "{}\n");
    lab.settle();
    assert_eq!(lab.web("cat /settings.json"), "{}\n", "it is written once");
    let web = lab.seen("web");
    lab.web("echo edited > /settings.json; chmod 600 /settings.json");
    lab.is_settled();
    lab.file("settings.json", "{ \"new\": true }\n");
    lab.is_settled();
    assert_eq!((lab.web("cat /settings.json").as_str(), lab.seen("web")), ("edited\n", web));
    // Asked for by name it is made anew.
    lab.lab.hl(&["apply", "--yes", "--replace", &format!("box/m/file:{}", own.display())]).code(0);
    assert_eq!(lab.web("cat /settings.json"), "{ \"new\": true }\n");
    lab.is_settled();
}

fn a_path_that_becomes_a_file_takes_a_new_container() {
    let lab = Lab::with(&["./Caddyfile:/etc/caddy/Caddyfile:ro"]);
    // As on the machine that has the repository: nothing is copied.
    lab.lab.write("services/m/service.yaml", "owner_node: box\n");
    lab.lab.hl(&["apply", "--yes"]).code(0).talks("services/m/Caddyfile does not exist");
    let (web, side) = (lab.seen("web"), lab.seen("side"));
    let path = lab.lab.repository().join("services/m/Caddyfile");
    lab.lab.hl(&["plan"]).talks("services/m/Caddyfile is an empty folder");
    std::fs::remove_dir(&path).expect("Docker made it");
    lab.file("Caddyfile", ":80\n");
    lab.lab.hl(&["plan"]).says("± box/m/container:web").says_in_words("became a file or ceased to be one");
    lab.settle();
    assert_eq!(lab.web("cat /etc/caddy/Caddyfile"), ":80\n");
    assert_ne!(lab.seen("web").0, web.0);
    std::fs::remove_file(&path).expect("it is there");
    lab.file("Caddyfile/inner", "x\n");
    lab.settle();
    assert_eq!(lab.web("ls /etc/caddy/Caddyfile"), "inner\n");
    assert_eq!(lab.seen("side"), side);
}

fn a_file_and_a_folder_change_places_on_the_node() {
    let lab = Lab::with(&["./rules:/rules:ro"]);
    lab.lab.hl(&["apply", "--yes"]).code(0).talks("services/m/rules does not exist");
    assert!(lab.node("rules").is_dir(), "Docker makes a folder");
    let side = lab.seen("side");
    lab.file("rules", "one\n");
    // A file that somebody put there is not hl's to remove.
    std::fs::write(lab.node("rules/own"), "").expect("it can be written");
    for arguments in [&["plan"][..], &["apply", "--yes"]] {
        lab.lab.hl(arguments).code(3).says_in_words("something else is at [LAB]/live/rules on box");
    }
    std::fs::remove_file(lab.node("rules/own")).expect("it is there");
    lab.lab.hl(&["plan"]).says("± box/m/container:web");
    lab.settle();
    assert_eq!(lab.web("cat /rules"), "one\n");
    // A folder where hl wrote a file, and a file where it wrote a folder.
    lab.remove("rules");
    lab.file("rules/a", "two\n");
    lab.settle();
    assert_eq!(lab.web("cat /rules/a"), "two\n");
    lab.remove("rules");
    lab.file("rules", "three\n");
    lab.settle();
    assert_eq!((lab.web("cat /rules").as_str(), lab.seen("side")), ("three\n", side));
}

fn a_folder_that_becomes_too_large_to_be_looked_into_stays() {
    let lab = Lab::with(&["./conf.d:/etc/web:ro"]);
    lab.file("conf.d/a.conf", "a\n");
    lab.settle();
    let large =
        std::fs::File::create(lab.lab.repository().join("services/m/conf.d/large")).expect("a file can be made");
    large.set_len(17 << 20).expect("it can be long");
    lab.lab.hl(&["apply", "--yes"]).code(0).talks("conf.d is too large to be copied to `box`");
    assert_eq!(lab.web("cat /etc/web/a.conf"), "a\n");
    lab.remove("conf.d/large");
    lab.settle();
    assert_eq!(lab.web("cat /etc/web/a.conf"), "a\n");
}

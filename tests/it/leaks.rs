//! No value of a secret is in anything that hl writes or prints, on either side, whatever goes wrong.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::fleet::{Build, Fleet};
use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[trial!(no_value_of_a_secret_is_said_or_written, needs Engine, Root, Age)];

/// The one of the repository, one that a person wrote on the node, one in a file, and one that goes into a URL.
const KNOWN: [&str; 4] = ["zq7-repository-Xw", "kk2-person-Ys", "pp9-file-Zt", "vv3-second-Qr"];

const DB: &str = "\
name: db
services:
  db:
    image: hl-test/app:1
    command: [\"sh\", \"-c\", \"echo starting with $$PASSWORD and $$URL; sleep 1; exec pause\"]
    stop_grace_period: 1s
    environment:
      PASSWORD: \"${DB_PASSWORD:?}\"
      URL: \"postgres://u:${DB_PASSWORD}@db/${TOKEN}\"
    labels: { note: \"made with ${TOKEN}\" }
    healthcheck: { test: [\"CMD-SHELL\", \"echo $$PASSWORD; test -e /tmp/well\"], interval: 300ms, timeout: 1s, retries: 2 }
    secrets: [pw]
secrets:
  pw: { file: ./pw.txt }
";

const WEB: &str = "\
name: web
services:
  web:
    image: hl-test/web:1
    stop_grace_period: 1s
    environment: { KEY: \"${API_KEY:?}\", TOKEN: \"${TOKEN}\" }
";

struct Vault {
    fleet: Fleet,
    lab: Homelab,
    /// All that was printed.
    printed: Vec<(String, Vec<u8>)>,
}

impl Vault {
    fn run(&mut self, arguments: &[&str]) -> i32 {
        let output = self.lab.command(arguments).output().expect("hl runs");
        let all = [output.stdout, output.stderr].concat();
        self.printed.push((format!("hl {}", arguments.join(" ")), all));
        output.status.code().unwrap_or(-1)
    }

    fn look_at_everything(&mut self) {
        for arguments in [
            &["validate"][..],
            &["config", "db"],
            &["plan"],
            &["plan", "-v"],
            &["plan", "--format", "json"],
            &["plan", "--format", "markdown"],
            &["plan", "-o", "saved.plan"],
            &["drift", "-v"],
            &["status"],
            &["status", "--format", "json"],
            &["verify"],
            &["state", "list"],
            &["state", "history"],
            &["state", "show", "nas/db/container:db"],
            &["secret", "list", "db"],
            &["unlock"],
        ] {
            self.run(arguments);
        }
    }

    /// The values that hl made up on the nodes.
    fn generated(&self) -> Vec<String> {
        let files = [("nas", "db"), ("pi", "web")]
            .map(|(node, service)| self.fleet.node(node).root().join(format!("config/{service}/.env")));
        let texts = files.iter().filter_map(|path| std::fs::read_to_string(path).ok());
        let values = texts.flat_map(|text| {
            let tokens = text.lines().filter_map(|line| line.strip_prefix("TOKEN=").map(str::to_owned));
            tokens.collect::<Vec<_>>()
        });
        values.filter(|value| value.len() > 8).collect()
    }

    /// Everything that hl may have written: what the nodes' engines keep, the `.env` files, and the files that are secrets
    /// themselves are not hl's.
    fn written(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let engines = ["nas", "pi"].map(|node| self.fleet.node(node).engine_folder());
        let is_others = |path: &Path| {
            engines.iter().any(|engine| path.starts_with(engine)) || path.ends_with(".env") || path.ends_with("pw.txt")
        };
        let mut folders = vec![self.lab.folder().to_owned(), PathBuf::from("/dev/shm")];
        let strays = std::fs::read_dir("/tmp").expect("there is one").flatten().map(|entry| entry.path());
        folders.extend(strays.filter(|path| path.is_dir() && path.to_string_lossy().contains("/hl-ssh-")));
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let (path, kind) = (entry.path(), entry.file_type());
                match kind {
                    _ if is_others(&path) => {}
                    Ok(kind) if kind.is_dir() => folders.push(path),
                    Ok(kind) if kind.is_file() => files.push(path),
                    _ => {}
                }
            }
        }
        let strays = std::fs::read_dir("/tmp").expect("there is one").flatten();
        let strays = strays.filter(|e| e.file_type().is_ok_and(|kind| kind.is_file()));
        // Descriptions of processes that runc starts in a container, such as a health check, lie there for a moment.
        let strays = strays.filter(|e| !e.file_name().to_string_lossy().starts_with("runc-process"));
        files.extend(strays.map(|entry| entry.path()));
        files
    }

    #[track_caller]
    fn expect_no_leak(&self, arguments_seen: &[Vec<u8>]) {
        let secrets: Vec<String> = KNOWN.iter().map(|s| (*s).to_owned()).chain(self.generated()).collect();
        assert!(secrets.len() > KNOWN.len(), "nothing was generated");
        let has = |bytes: &[u8]| secrets.iter().find(|s| contains(bytes, s.as_bytes()));
        let mut leaks = Vec::new();
        for (what, bytes) in &self.printed {
            if let Some(secret) = has(bytes) {
                leaks.push(format!("{what} prints {secret}:\n{}", String::from_utf8_lossy(bytes)));
            }
        }
        for path in self.written() {
            if let Some(secret) = std::fs::read(&path).ok().and_then(|bytes| has(&bytes).cloned()) {
                leaks.push(format!("{} holds {secret}", path.display()));
            }
        }
        for line in arguments_seen {
            if let Some(secret) = has(line) {
                leaks.push(format!("a process has {secret} in its arguments: {}", String::from_utf8_lossy(line)));
            }
        }
        assert!(leaks.is_empty(), "{}", leaks.join("\n\n"));
    }
}

fn contains(bytes: &[u8], piece: &[u8]) -> bool {
    bytes.windows(piece.len()).any(|window| window == piece)
}

/// Watches the arguments of all processes of this machine and of its nodes.
struct Watch {
    over: Arc<AtomicBool>,
    seen: JoinHandle<Vec<Vec<u8>>>,
}

impl Watch {
    fn begin() -> Watch {
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let seen = std::thread::spawn(move || {
            let mut seen = std::collections::BTreeSet::new();
            while !stop.load(Ordering::Relaxed) {
                for entry in std::fs::read_dir("/proc").expect("there is /proc").flatten() {
                    if let Ok(line) = std::fs::read(entry.path().join("cmdline")) {
                        seen.insert(line);
                    }
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            seen.into_iter().collect()
        });
        Watch { over, seen }
    }

    fn end(self) -> Vec<Vec<u8>> {
        self.over.store(true, Ordering::Relaxed);
        self.seen.join().expect("the watch ends")
    }
}

fn no_value_of_a_secret_is_said_or_written() {
    let lab = Homelab::without_engine();
    let fleet = Fleet::start(&lab, &[("nas", Build::default()), ("pi", Build::default())]);
    lab.write("inventory/topology.yaml", &format!("version: 1\nname: home\n{}", fleet.topology()));
    let rules = "env: { generate: { TOKEN: { length: 24 } } }\nhealth: { script: healthcheck.sh, interval: 100ms, retries: 2 }\n";
    for (service, node, compose) in [("db", "nas", DB), ("web", "pi", WEB)] {
        lab.write(&format!("services/{service}/docker-compose.yml"), compose);
        lab.write(&format!("services/{service}/service.yaml"), &format!("owner_node: {node}\n{rules}"));
        lab.write(
            &format!("services/{service}/healthcheck.sh"),
            "#!/bin/sh\nenv; echo \"$TOKEN $API_KEY $DB_PASSWORD\"; exit 1\n",
        );
    }
    lab.write("services/db/env.example", "DB_PASSWORD=\n");
    lab.write("services/db/pw.txt", KNOWN[2]);
    let key = lab.home().join(".config/hl/age.txt");
    std::fs::create_dir_all(key.parent().expect("a folder")).expect("a folder can be made");
    assert!(Command::new("age-keygen").arg("-o").arg(&key).output().expect("age-keygen runs").status.success());
    fleet.node("pi").inside(&format!(
        "install -d -m 700 /opt/homelab/config/web\necho API_KEY={} >/opt/homelab/config/web/.env\n\
         chmod 600 /opt/homelab/config/web/.env\n",
        KNOWN[1]
    ));
    let mut vault = Vault { fleet, lab, printed: Vec::new() };
    let watch = Watch::begin();

    let set = |vault: &mut Vault, value: &str| {
        let mut command = vault.lab.command(&["secret", "set", "db", "DB_PASSWORD"]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("hl runs");
        child.stdin.take().expect("a pipe").write_all(value.as_bytes()).expect("hl reads");
        let output = child.wait_with_output().expect("hl ends");
        assert!(output.status.success());
        vault.printed.push(("hl secret set".to_owned(), [output.stdout, output.stderr].concat()));
    };
    set(&mut vault, KNOWN[0]);
    vault.look_at_everything();
    // Both fail: a container that is not well and says what it knows, and scripts that print all that they have.
    assert_eq!(vault.run(&["apply", "--yes"]), 4);
    let again = vault.run(&["apply", "--yes", "-v"]);
    assert_eq!(
        again,
        4,
        "{}",
        vault
            .printed
            .iter()
            .rev()
            .take(2)
            .map(|(_, b)| String::from_utf8_lossy(b).into_owned())
            .collect::<Vec<_>>()
            .join("\n=====\n")
    );
    vault.look_at_everything();
    // Killed at a few moments, with new values under way.
    for moment in [150, 400, 800, 1600] {
        set(&mut vault, KNOWN[3]);
        vault.fleet.node("nas").inside("sed -i '/DB_PASSWORD/d' /opt/homelab/config/db/.env\n");
        let apply = vault.lab.command(&["apply", "--yes"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut apply = apply.expect("hl runs");
        std::thread::sleep(Duration::from_millis(moment));
        apply.kill().ok();
        let output = apply.wait_with_output().expect("hl ends");
        vault.printed.push(("hl apply, killed".to_owned(), [output.stdout, output.stderr].concat()));
    }
    vault.look_at_everything();
    // And all is well.
    for service in ["db", "web"] {
        vault.lab.write(&format!("services/{service}/healthcheck.sh"), "#!/bin/sh\n");
    }
    vault.lab.write("services/db/docker-compose.yml", &DB.replace("test -e /tmp/well", "true"));
    let until = Instant::now() + Duration::from_secs(60);
    while vault.run(&["apply", "--yes"]) != 0 {
        let last = vault.printed.last().expect("something was printed");
        assert!(Instant::now() < until, "{}", String::from_utf8_lossy(&last.1));
        std::thread::sleep(Duration::from_secs(2));
    }
    vault.look_at_everything();
    let seen = watch.end();
    assert!(seen.iter().any(|line| contains(line, b"ssh")), "nothing was watched");
    vault.expect_no_leak(&seen);
    let env = vault.fleet.node("nas").engine().inspect("db-db-1")["Config"]["Env"].to_string();
    assert!(env.contains(KNOWN[3]), "the container does not have it: {env}");
    for (node, service) in [("nas", "db"), ("pi", "web")] {
        let mode = vault.fleet.node(node).inside(&format!("stat -c %a /opt/homelab/config/{service}/.env\n"));
        assert_eq!(mode, "600\n");
    }
}

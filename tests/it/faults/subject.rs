//! The service that is changed while something breaks.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::sshd::{HOST, Sshd};

/// Lines of the file that the service mounts: a few pages of a disk.
const LINES: usize = 600;

/// Pages of a disk that is full as soon as something has begun.
const BEGUN: usize = 64;

/// Each how many-th case is tried: all of them with `HL_FAULTS=all`.
pub fn step() -> usize {
    if std::env::var("HL_FAULTS").is_ok_and(|value| value == "all") { 1 } else { 3 }
}

/// A service `web` of two containers with a network, a volume, a generated secret and a mounted file, in versions.
pub struct Subject {
    pub lab: Homelab,
    pub engine: Engine,
    sshd: Option<Sshd>,
}

impl Subject {
    /// One on the private engine, applied in version 0.
    pub fn new() -> Subject {
        Subject::on(Engine::connect())
    }

    /// One on an engine, applied in version 0.
    pub fn on(engine: Engine) -> Subject {
        Subject { lab: Homelab::on(&engine), engine, sshd: None }.applied()
    }

    /// One on the private engine, reached over SSH, so that the mounted file is sent to it; applied in version 0.
    pub fn over_ssh() -> Subject {
        let engine = Engine::connect();
        let lab = Homelab::on(&engine);
        let sshd = Sshd::start(&lab, &engine.address(), "");
        let subject = Subject { lab, engine, sshd: Some(sshd) };
        subject.lab.reach_by(&format!("ssh://{HOST}"), "");
        subject.applied()
    }

    /// Ends all connections to the server, which goes on listening.
    pub fn drop_connections(&self) {
        self.sshd.as_ref().expect("the node is reached over SSH").drop_connections();
    }

    fn applied(self) -> Subject {
        self.declare(0);
        self.is_made_up_for(0);
        self
    }

    /// Declares a version: both containers, the file and the variables differ from those of the version before.
    pub fn declare(&self, version: usize) {
        // As most services have it: an engine that restarts brings them back.
        let common = "image: \"hl-test/app:1\", stop_grace_period: 1s, restart: unless-stopped";
        let compose = format!(
            "name: sample-lab-w\nservices:\n  db: {{ {common}, environment: {{ V: \"{version}\", TOKEN: \"${{TOKEN}}\" }}, \
             volumes: [\"data:/data\"] }}\n  web: {{ {common}, environment: {{ V: \"{version}\" }}, depends_on: [db], \
             networks: [lan], volumes: [\"./www:/www:ro\"] }}\nnetworks: {{ lan: {{}} }}\nvolumes: {{ data: {{}} }}\n"
        );
        let variables: String = (0..=version).map(|number| format!("LEVEL_{number}=level-{number}\n")).collect();
        self.lab.write("services/web/docker-compose.yml", &compose);
        self.lab.write("services/web/www/index.html", &page(version));
        self.lab.write("services/web/env.example", &format!("TOKEN=\n{variables}"));
        self.lab.write("services/web/service.yaml", "owner_node: box\nenv: { generate: { TOKEN: { length: 24 } } }\n");
    }

    /// After a fault: the next apply ends well, nothing is left to do, and everything is there once, in this version.
    #[track_caller]
    pub fn is_made_up_for(&self, version: usize) {
        self.lab.hl(&["apply", "--yes"]).code(0);
        self.lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
        let prefix = self.lab.name("sample-lab");
        let names: Vec<String> = self.engine.containers(&prefix).iter().map(|name| self.lab.stand_in(name)).collect();
        assert_eq!(names, ["sample-lab-w-db-1", "sample-lab-w-web-1"]);
        for name in names {
            let live = self.engine.inspect(&self.lab.name(&name));
            let variable = Value::from(format!("V={version}"));
            let has = live["Config"]["Env"].as_array().is_some_and(|list| list.contains(&variable));
            assert!(has && live["State"]["Running"] == true, "{name} is not as declared: {live:#}");
        }
        self.files_are_whole(&[version]);
        let found = self.files();
        let odd: Vec<&String> = found.iter().filter(|file| !EXPECTED.contains(&file.as_str())).collect();
        assert!(odd.is_empty(), "left over: {odd:?}");
    }

    /// The mounted file is that of one of these versions, from its first byte to its last.
    #[track_caller]
    pub fn files_are_whole(&self, versions: &[usize]) {
        if self.sshd.is_some() {
            let file = self.lab.node_root().join("config/web/www/index.html");
            let text = std::fs::read_to_string(&file).expect("the file was there before");
            let first = text.lines().next().unwrap_or_default();
            let is_whole = versions.iter().any(|version| text == page(*version));
            assert!(is_whole, "neither old nor new: {first}, {} bytes", text.len());
        }
        let env = std::fs::read_to_string(self.lab.node_root().join("config/web/.env")).expect("it was there before");
        let token = env.lines().find_map(|line| line.strip_prefix("TOKEN=")).map(str::len);
        assert_eq!(token, Some(24), "the secret is lost");
    }

    /// The files of the node and of the state, without what differs by version.
    fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        for folder in [self.lab.node_root(), self.lab.repository().join("state")] {
            list(&folder, &mut found);
        }
        found.iter().map(|path| self.lab.stand_in(&path.display().to_string())).collect()
    }

    /// Runs hl where a folder is a disk of its own with so much room left, for hl and for the server that it reaches its node
    /// by. What is in the folder afterwards is what the disk had.
    pub fn hl_with_room(&self, folder: &Path, room: Room, arguments: &[&str]) -> Outcome {
        // A file takes whole pages there. The disk goes with the namespace, whatever becomes of hl.
        let script = r#"
            set -eu
            folder=$1 room=$2 begun=$3 TMPDIR=$4; shift 4
            export TMPDIR
            copy=$(mktemp -d)
            cp -a "$folder/." "$copy/"
            pages=$(find "$copy" -type f -printf '%s\n' | awk '{ n += int(($1 + 4095) / 4096) } END { print n + 0 }')
            case $room in
                read-only) mount --bind "$folder" "$folder"; mount -o remount,bind,ro "$folder" ;;
                *) mount -t tmpfs -o size=$(((pages + room) * 4096)) tmpfs "$folder"
                   [ $((pages + room)) -gt 0 ] || dd if=/dev/zero of="$folder/.full" bs=1M 2>/dev/null || :
                   cp -a "$copy/." "$folder/" ;;
            esac
            if [ "$room" = "$begun" ]; then
                (until grep -q '"begin"' "$folder/journal.jsonl" 2>/dev/null; do sleep 0.01; done
                 dd if=/dev/zero of="$folder/.full" bs=4096 2>/dev/null) &
            fi
            code=0
            "$@" || code=$?
            wait
            rm -rf "$copy"; mkdir "$copy"; rm -f "$folder/.full" || :; cp -a "$folder/." "$copy/"
            umount "$folder"
            if [ "$room" != read-only ]; then
                find "$folder" -mindepth 1 -delete
                cp -a "$copy/." "$folder/"
            fi
            rm -rf "$copy"
            exit $code
        "#;
        let room = match room {
            Room::Pages(pages) => pages.to_string(),
            Room::UntilBegun => BEGUN.to_string(),
            Room::ReadOnly => "read-only".to_owned(),
        };
        let mut program = match &self.sshd {
            None => Command::new("unshare"),
            Some(sshd) => {
                let mut program = Command::new("nsenter");
                program.arg("--target").arg(sshd.pid().to_string());
                program.arg(format!("--wd={}", self.lab.repository().display()));
                program
            }
        };
        program.arg("--mount").args(["sh", "-c", script, "sh"]);
        program.arg(folder).arg(room).arg(BEGUN.to_string()).arg(self.lab.folder());
        self.lab.hl_under(program, arguments)
    }
}

/// The room on a disk.
#[derive(Clone, Copy, Debug)]
pub enum Room {
    /// So many pages of 4096 bytes.
    Pages(usize),
    /// Enough until the journal has a step, and then nothing.
    UntilBegun,
    /// Nothing, and nothing on it changes.
    ReadOnly,
}

/// The files that are on the node and in the state after an apply.
const EXPECTED: [&str; 9] = [
    "[LAB]/box/config/web/.env",
    "[LAB]/box/config/web/www/index.html",
    "[LAB]/repo/state/.gitignore",
    "[LAB]/repo/state/history.jsonl",
    "[LAB]/repo/state/homelab.json",
    "[LAB]/repo/state/homelab.json.backup",
    "[LAB]/repo/state/lock",
    "[LAB]/box/.hl.lock",
    "[LAB]/repo/state/journal.jsonl",
];

/// The content of the mounted file in a version.
fn page(version: usize) -> String {
    format!("version {version}\n").repeat(LINES)
}

fn list(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { list(&path, found) } else { found.push(path) }
    }
    found.sort();
}

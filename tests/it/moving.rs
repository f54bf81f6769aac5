//! A service whose owner changes goes there with its data, and nothing is lost on the way, wherever it is cut off.

use std::time::{Duration, Instant};

use crate::support::fleet::{Build, Fleet, Machine};
use crate::support::homelab::Homelab;
use crate::support::image;
use crate::support::outcome::Outcome;
use crate::support::shop::expect_text;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_service_moves_with_all_that_is_odd_about_its_data, needs Engine, Root),
    trial!(a_move_that_is_cut_off_anywhere_is_completed_without_loss, needs Engine, Root),
    trial!(a_service_that_does_not_work_in_its_new_place_stays_in_the_old, needs Engine, Root),
    trial!(what_stands_in_the_way_of_a_move_is_found_before_anything_stops, needs Engine, Root),
    trial!(a_machine_that_is_too_small_or_another_one_gets_nothing, needs Engine, Root),
    trial!(data_in_a_volume_comes_along, needs Engine, Root),
    trial!(a_move_that_is_given_up_leaves_the_service_where_it_was, needs Engine, Root),
    trial!(what_was_written_in_the_new_place_is_not_lost_when_it_fails, needs Engine, Root),
    trial!(a_service_without_data_moves, needs Engine, Root),
    trial!(a_node_that_goes_in_the_middle_of_a_move_is_waited_for, needs Engine, Root),
];

const COMPOSE: &str = "\
name: notes
services:
  notes:
    image: hl-test/web:1
    stop_grace_period: 1s
    volumes: [\"/opt/homelab/data/notes:/data\"]
    environment: { PASSWORD: \"${PASSWORD}\" }
";
const RULES: &str = "env: { generate: { PASSWORD: { length: 20 } } }\n";

struct Move {
    fleet: Fleet,
    lab: Homelab,
}

impl Move {
    fn new() -> Move {
        let lab = Homelab::without_engine();
        let fleet = Fleet::start(&lab, &[("nas", Build::default()), ("pi", Build::default())]);
        lab.write("inventory/topology.yaml", &format!("version: 1\nname: home\n{}", fleet.topology()));
        lab.write("services/notes/docker-compose.yml", COMPOSE);
        lab.write("services/notes/env.example", "LEVEL=1\n");
        let moving = Move { fleet, lab };
        moving.owner("nas");
        moving.hl(&["apply", "--yes"]).code(0);
        moving
    }

    fn owner(&self, node: &str) {
        self.lab.write("services/notes/service.yaml", &format!("owner_node: {node}\n{RULES}"));
    }

    fn hl(&self, arguments: &[&str]) -> Outcome {
        self.lab.hl(arguments)
    }

    fn node(&self, name: &str) -> &Machine {
        self.fleet.node(name)
    }

    /// Data with owners, modes, times, holes, links and names that are odd.
    fn fill(&self, files: usize, bytes: usize) {
        self.node("nas").inside(&format!(
            "cd /opt/homelab/data/notes\n\
             mkdir -p many deep/er; chmod 2750 deep; chown 1000:2000 deep/er\n\
             i=0; while [ $i -lt {files} ]; do echo $i >many/$i; i=$((i + 1)); done\n\
             head -c {bytes} /dev/urandom >large; chmod 600 large; chown 33:44 large\n\
             truncate -s 64M sparse; printf x | dd of=sparse bs=1 seek=30000000 conv=notrunc 2>/dev/null\n\
             ln -s ../nowhere broken; ln -s large link; ln large hard; mkfifo pipe\n\
             printf odd >'a name with  spaces, \"quotes\" and \\\\'; printf odd >\"$(printf 'new\\nline')\"; printf odd >-dash\n\
             printf odd >ünïcödé; mkdir empty; chmod 1777 empty; chmod 4755 many/0\n\
             touch -d '2001-02-03 04:05:06' large many\n"
        ));
    }

    /// What tells one tree from another: everything that can be seen of it.
    fn seen(&self, node: &str, path: &str) -> String {
        self.node(node).inside(&format!(
            "cd {path}\nfind . -printf '%P|%y|%m|%U:%G|%l|%Ts|%s\\0' | sort -z | tr '\\0' '\\n' | grep -v '^|d\\|^[^|]*|d|' \n\
             find . -type d -printf '%P|%m|%U:%G\\n' | sort\n\
             find . -type f -print0 | sort -z | xargs -0 sha256sum\nstat -c '%h' large\n"
        ))
    }

    fn blocks(&self, node: &str, path: &str) -> u64 {
        self.node(node).inside(&format!("stat -c %b {path}\n")).trim().parse().expect("a number")
    }

    /// The password that the container has.
    fn password(&self, node: &str) -> String {
        let env = self.container(node)["Config"]["Env"].clone();
        let own = env.as_array().into_iter().flatten().filter_map(|v| v.as_str()).find(|v| v.starts_with("PASSWORD="));
        own.unwrap_or_default().to_owned()
    }

    /// Begins an apply and kills it once it has said that it is at something.
    fn cut_off(&self, moment: &str) {
        let log = std::fs::File::create(self.lab.scratch("log")).expect("a file can be made");
        let mut apply = self.lab.command(&["apply", "--yes"]);
        let mut apply = apply.stdout(std::process::Stdio::null()).stderr(log).spawn().expect("hl runs");
        let begun = Instant::now();
        loop {
            let said = std::fs::read_to_string(self.lab.scratch("log")).expect("there is a log");
            if said.contains(moment) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{moment}: {said}");
            std::thread::sleep(Duration::from_millis(2));
        }
        apply.kill().expect("it can be killed");
        apply.wait().expect("it ends");
        let until = Instant::now() + Duration::from_secs(60);
        while self.hl(&["unlock"]).stdout != "nas: free\npi: free\n" {
            assert!(Instant::now() < until, "the locks outlive their lease");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn container(&self, node: &str) -> serde_json::Value {
        self.node(node).engine().inspect("notes-notes-1")
    }
}

fn a_service_moves_with_all_that_is_odd_about_its_data() {
    let moving = Move::new();
    moving.fill(20_000, 2 << 30);
    let before = moving.seen("nas", "/opt/homelab/data/notes");
    let password = moving.password("nas");
    assert!(password.contains("PASSWORD=") && password.len() > 20, "{password}");
    moving.node("nas").inside("echo '# by hand' >>/opt/homelab/config/notes/.env\n");
    moving.owner("pi");
    let plan = moving.hl(&["plan", "--detailed-exitcode"]);
    plan.code(2)
        .says("pi/notes/directory:data/notes  move")
        .says("it comes from nas")
        .says("data/notes stays on nas as data/notes.moved-DATE");
    expect_text("move", &plan.stdout);
    moving.hl(&["apply", "--yes"]).code(0);
    assert!(before == moving.seen("pi", "/opt/homelab/data/notes"), "the data is not what it was");
    assert!(moving.blocks("pi", "/opt/homelab/data/notes/sparse") < 1000, "what was sparse is not");
    assert_eq!(moving.container("pi")["State"]["Running"], true);
    assert!(moving.container("nas").is_null());
    assert_eq!(moving.password("pi"), password, "its data knows the password");
    let env = "stat -c '%a' /opt/homelab/config/notes/.env; grep -c 'by hand' /opt/homelab/config/notes/.env\n";
    assert_eq!(moving.node("pi").inside(env), "600\n1\n");
    moving.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    let kept = moving.node("nas").inside("ls -d /opt/homelab/data/notes*\n");
    assert!(kept.starts_with("/opt/homelab/data/notes.moved-20"), "{kept}");
    assert!(before == moving.seen("nas", kept.trim()), "what was kept is not what it was");
}

fn a_move_that_is_cut_off_anywhere_is_completed_without_loss() {
    for moment in ["stopped container", "copy", "created container"] {
        let moving = Move::new();
        moving.fill(2_000, 200 << 20);
        let before = moving.seen("nas", "/opt/homelab/data/notes");
        moving.owner("pi");
        moving.cut_off(moment);
        moving.hl(&["apply", "--yes"]).code(0);
        assert!(before == moving.seen("pi", "/opt/homelab/data/notes"), "{moment}: the data is not what it was");
        assert_eq!(moving.container("pi")["State"]["Running"], true);
        moving.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
        assert_eq!(moving.node("pi").inside("ls /opt/homelab/data\n"), "notes\n");
        assert!(moving.container("nas").is_null());
    }
}

fn a_service_that_does_not_work_in_its_new_place_stays_in_the_old() {
    let moving = Move::new();
    moving.fill(10, 1 << 20);
    let before = moving.seen("nas", "/opt/homelab/data/notes");
    let id = moving.container("nas")["Id"].clone();
    moving.owner("pi");
    moving.lab.write("services/notes/healthcheck.sh", "#!/bin/sh\necho not here; exit 1\n");
    let rules = "owner_node: pi\nhealth: { script: healthcheck.sh, interval: 100ms, retries: 2 }\n";
    moving.lab.write("services/notes/service.yaml", &format!("{rules}{RULES}"));
    moving.hl(&["apply", "--yes"]).code(4).says("not here");
    assert_eq!(moving.container("nas")["Id"], id);
    assert_eq!(moving.container("nas")["State"]["Running"], true);
    assert!(moving.container("pi").is_null());
    assert!(before == moving.seen("nas", "/opt/homelab/data/notes"));
    assert_eq!(moving.node("pi").inside("ls /opt/homelab/data 2>/dev/null || true\n"), "");
    moving.lab.write("services/notes/healthcheck.sh", "#!/bin/sh\n");
    moving.hl(&["apply", "--yes"]).code(0);
    moving.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    // And back again.
    moving.owner("nas");
    moving.hl(&["apply", "--yes"]).code(0);
    assert!(before == moving.seen("nas", "/opt/homelab/data/notes"), "the way back lost something");
    moving.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
}

fn what_stands_in_the_way_of_a_move_is_found_before_anything_stops() {
    let moving = Move::new();
    moving.lab.write("services/notes/docker-compose.yml", &format!("{COMPOSE}    ports: [\"8080:80\"]\n"));
    moving.hl(&["apply", "--yes"]).code(0);
    let id = moving.container("nas")["Id"].clone();
    // Somebody else's container has the port over there.
    let pi = moving.node("pi").engine();
    let body = serde_json::json!({
        "Image": "hl-test/web:1",
        "HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}},
    });
    pi.post("/containers/create?name=other", &body);
    pi.post("/containers/other/start", &serde_json::Value::Null);
    moving.owner("pi");
    moving.hl(&["apply", "--yes"]).code(1).says("Port 8080/tcp of pi is taken by");
    assert_eq!(moving.container("nas")["Id"], id);
    assert_eq!(moving.container("nas")["State"]["Running"], true);
    pi.delete("/containers/other?force=1");
    // What cannot be read has the data, so nothing begins with nothing elsewhere.
    moving.node("nas").cut();
    let plan = moving.hl(&["plan"]);
    plan.code(3).says("notes: blocked, its data is on nas").never_says("create");
    moving.node("nas").mend();
    // Data whose place hl does not know cannot be taken along.
    moving.owner("nas");
    moving.node("nas").inside("mkdir /opt/elsewhere\n");
    moving.lab.write(
        "services/notes/docker-compose.yml",
        "name: notes\nservices: { notes: { image: \"hl-test/web:1\", volumes: [\"vol:/v\"] } }\n\
         volumes: { vol: { driver_opts: { type: none, o: bind, device: /opt/elsewhere } } }\n",
    );
    moving.hl(&["apply", "--yes"]).code(0);
    moving.owner("pi");
    moving.hl(&["plan"]).code(3).says("it has data on nas in volumes with a driver or options");
}

fn a_machine_that_is_too_small_or_another_one_gets_nothing() {
    let moving = Move::new();
    moving.fill(10, 100 << 20);
    let id = moving.container("nas")["Id"].clone();
    moving.owner("pi");
    let refused = |why: &str| {
        moving.hl(&["apply", "--yes"]).code(4).says_in_words(why);
        let old = moving.container("nas");
        assert_eq!((&old["Id"], &old["State"]["Running"]), (&id, &serde_json::json!(true)), "{why}");
        assert_eq!(old["RestartCount"], 0);
        assert!(moving.container("pi").is_null());
    };
    let started = moving.container("nas")["State"]["StartedAt"].clone();
    let pi = moving.node("pi");
    let password = moving.password("nas");
    // What an earlier try has left there: neither this configuration nor another one.
    pi.inside("mkdir -p /opt/homelab/config/notes; echo OTHER=1 >/opt/homelab/config/notes/.env\n");
    refused("put data in /opt/homelab/config/notes: other data is already there");
    pi.inside("rm -r /opt/homelab/config/notes\n");
    pi.inside("mkdir /opt/homelab/data; mount -t tmpfs -o size=50m tmpfs /opt/homelab/data\n");
    refused("are free in /opt/homelab/data, and 10");
    pi.inside("umount /opt/homelab/data\n");
    // Somebody's early copy, which is not what it was any more.
    pi.inside("mkdir -p /opt/homelab/data/notes; echo old >/opt/homelab/data/notes/large\n");
    refused("other data is already there, not a copy of /opt/homelab/data/notes on nas");
    pi.inside("rm -r /opt/homelab/data/notes\n");
    pi.inside("echo 'MemAvailable: 0 kB' >/run/meminfo; mount --bind /run/meminfo /proc/meminfo\n");
    refused("0 B of memory are free, and it uses");
    pi.inside("umount /proc/meminfo\n");
    // What lies elsewhere does not come along, and is not begun anew there.
    moving.node("nas").inside("mkdir -p /opt/photos\n");
    let photos = COMPOSE.replace("data/notes:/data\"", "data/notes:/data\", \"/opt/photos:/photos\"");
    moving.lab.write("services/notes/docker-compose.yml", &photos);
    refused("/opt/photos, which it mounts, is on nas and does not come along");
    moving.lab.write("services/notes/docker-compose.yml", COMPOSE);
    // The image there has the name and is for another kind of machine.
    let foreign = image::catalog().into_iter().find(|image| image.name == "hl-test/web:1").expect("it is there");
    pi.engine().load(&[image::Image { architecture: "riscv64".to_owned(), ..foreign }]);
    refused("is made for linux/riscv64,");
    assert_eq!(moving.container("nas")["State"]["StartedAt"], started, "it was stopped in between");
    pi.engine().load(&image::catalog());
    moving.hl(&["apply", "--yes"]).code(0);
    assert_eq!(moving.password("pi"), password, "what was refused at first was forgotten");
    moving.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
}

fn data_in_a_volume_comes_along() {
    let moving = Move::new();
    moving.lab.write(
        "services/notes/docker-compose.yml",
        "name: notes\nservices:\n  notes: { image: \"hl-test/web:1\", stop_grace_period: 1s, volumes: [\"vol:/v\", \"more:/m\"] }\n\
         volumes: { vol: {}, more: { name: more_notes } }\n",
    );
    moving.hl(&["apply", "--yes"]).code(0);
    let folder = |node: &str, volume: &str| {
        let seen = moving.node(node).engine().get(&format!("/volumes/{volume}"));
        seen["Mountpoint"].as_str().expect("a volume has a place").to_owned()
    };
    let fill =
        format!("cd {}\nseq 1000 >large; chown 33:44 large; chmod 750 .; chown 33:44 .\n", folder("nas", "notes_vol"));
    moving.node("nas").inside(&fill);
    let before = moving.seen("nas", &folder("nas", "notes_vol"));
    moving.owner("pi");
    moving.hl(&["plan"]).code(0).says("pi/notes/volume:vol  move").says("Volume notes_vol stays on nas");
    moving.hl(&["apply", "--yes"]).code(0);
    assert_eq!(moving.seen("pi", &folder("pi", "notes_vol")), before);
    let top = format!("stat -c '%a %u:%g' {}\n", folder("pi", "notes_vol"));
    assert_eq!(moving.node("pi").inside(&top), "750 33:44\n");
    moving.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    // What it has now is newer than what was left behind, which is not written over.
    moving.node("pi").inside(&format!("echo newer >{}/newer\n", folder("pi", "notes_vol")));
    let before = moving.seen("pi", &folder("pi", "notes_vol"));
    moving.owner("nas");
    moving.hl(&["apply", "--yes"]).code(4).says_in_words("other data is already there");
    assert_eq!(moving.container("pi")["State"]["Running"], true);
    // Given up, and what the first move left is removed.
    moving.hl(&["plan", "--prune-moved"]).code(0).says("What notes left on other nodes stays until");
    moving.owner("pi");
    moving.hl(&["apply", "--yes"]).code(0);
    assert_eq!(moving.seen("pi", &folder("pi", "notes_vol")), before);
    moving
        .hl(&["plan", "--prune-moved"])
        .code(0)
        .says("nas/notes/volume:vol  remove")
        .says("nas/notes/volume:more  remove")
        .says("it was left behind by the move to pi")
        .says("nas/notes/directory:config/notes.moved-");
    moving.hl(&["apply", "--prune-moved", "--yes"]).code(0);
    assert_eq!(moving.node("nas").inside("ls -A /opt/homelab/config\n"), "");
    assert!(moving.node("nas").engine().get("/volumes/notes_vol").is_null());
    moving.hl(&["plan", "--prune-moved", "--detailed-exitcode"]).code(0).says("No changes.");
    moving.owner("nas");
    moving.hl(&["apply", "--yes"]).code(0);
    assert_eq!(moving.seen("nas", &folder("nas", "notes_vol")), before);
    moving.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
}

fn a_move_that_is_given_up_leaves_the_service_where_it_was() {
    let moving = Move::new();
    moving.fill(10, 1 << 20);
    let before = moving.seen("nas", "/opt/homelab/data/notes");
    let (id, password) = (moving.container("nas")["Id"].clone(), moving.password("nas"));
    moving.owner("pi");
    moving.cut_off("started container");
    // What was written there in the meantime is not lost, and does not count.
    moving.node("pi").inside("echo late >/opt/homelab/data/notes/late\n");
    moving.owner("nas");
    moving.hl(&["apply", "--yes"]).code(0);
    assert_eq!(moving.container("nas")["Id"], id);
    assert_eq!(moving.container("nas")["State"]["Running"], true);
    assert_eq!(moving.password("nas"), password);
    assert!(before == moving.seen("nas", "/opt/homelab/data/notes"), "the data is not what it was");
    assert!(moving.container("pi").is_null());
    assert_eq!(moving.node("pi").inside("cat /opt/homelab/data/notes.moved-*/late\n"), "late\n");
    moving.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    moving.hl(&["apply", "--prune-moved", "--yes"]).code(0).says("pi/notes/directory:data/notes.moved-");
    assert_eq!(moving.node("pi").inside("ls -A /opt/homelab/data\n"), "");
}

fn a_node_that_goes_in_the_middle_of_a_move_is_waited_for() {
    let moving = Move::new();
    moving.fill(10, 1 << 20);
    let before = moving.seen("nas", "/opt/homelab/data/notes");
    moving.owner("pi");
    moving.cut_off("stopped container");
    moving.node("nas").cut();
    moving.hl(&["apply", "--yes"]).code(3).says("notes: blocked, its data is on nas");
    assert!(moving.container("pi").is_null(), "it was begun anew without its data");
    moving.node("nas").mend();
    moving.hl(&["apply", "--yes"]).code(0);
    assert!(before == moving.seen("pi", "/opt/homelab/data/notes"), "the data is not what it was");
    moving.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
}

fn what_was_written_in_the_new_place_is_not_lost_when_it_fails() {
    let moving = Move::new();
    moving.fill(10, 1 << 20);
    let before = moving.seen("nas", "/opt/homelab/data/notes");
    moving.owner("pi");
    moving.cut_off("started container");
    moving.node("pi").inside("echo late >/opt/homelab/data/notes/late\n");
    // Completed later, it turns out that it does not work.
    moving.lab.write("services/notes/healthcheck.sh", "#!/bin/sh\necho not here; exit 1\n");
    let rules = "owner_node: pi\nhealth: { script: healthcheck.sh, interval: 100ms, retries: 2 }\n";
    moving.lab.write("services/notes/service.yaml", &format!("{rules}{RULES}"));
    moving.hl(&["apply", "--yes"]).code(4).says("not here");
    let late = "cat /opt/homelab/data/notes/late /opt/homelab/data/notes.moved-*/late 2>/dev/null || true\n";
    assert_eq!(moving.node("pi").inside(late), "late\n");
    assert!(before == moving.seen("nas", "/opt/homelab/data/notes"), "the data is not what it was");
    assert_eq!(moving.container("nas")["State"]["Running"], true, "it runs nowhere");
    moving.lab.write("services/notes/healthcheck.sh", "#!/bin/sh\n");
    moving.owner("nas");
    moving.hl(&["apply", "--yes"]).code(0);
    assert_eq!(moving.node("pi").inside(late), "late\n");
    moving.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    // The data on nas is another one by now: what is left on pi is nobody's continuation.
    moving.node("nas").inside("echo newer >/opt/homelab/data/notes/newer\n");
    let newer = moving.seen("nas", "/opt/homelab/data/notes");
    moving.owner("pi");
    moving.hl(&["apply", "--yes"]).code(0);
    assert!(newer == moving.seen("pi", "/opt/homelab/data/notes"), "the data is not what it was");
}

fn a_service_without_data_moves() {
    let moving = Move::new();
    let compose = "name: notes\nservices: { notes: { image: \"hl-test/web:1\", stop_grace_period: 1s } }\n";
    moving.lab.write("services/notes/docker-compose.yml", compose);
    moving.hl(&["apply", "--yes"]).code(0);
    moving.owner("pi");
    moving.hl(&["plan"]).code(0).says("pi/notes/directory:data/notes  move, stops and starts again");
    moving.hl(&["apply", "--yes"]).code(0);
    assert_eq!(moving.container("pi")["State"]["Running"], true);
    assert!(moving.container("nas").is_null());
    moving.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
}

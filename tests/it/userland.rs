//! Nodes as people have them: files that hl's user may not read, engines of that user's own.

use std::time::{Duration, Instant};

use crate::support::fleet::{Build, Fleet, User, Userland};
use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_file_that_may_not_be_read_holds_back_its_service_alone, needs Engine, Root),
    trial!(the_engine_is_the_one_that_docker_uses_there, needs Engine, Root),
    trial!(a_program_that_is_missing_is_named, needs Engine, Root),
    trial!(a_node_of_busybox_alone_is_one_like_any_other, needs Engine, Root),
    trial!(what_cannot_be_looked_into_is_not_missing, needs Engine, Root),
];

/// A homelab of one machine, with two services that are nothing but containers.
fn homelab(build: Build) -> (Homelab, Fleet) {
    let lab = Homelab::without_engine();
    let fleet = Fleet::start(&lab, &[("nas", build)]);
    lab.write("inventory/topology.yaml", &format!("version: 1\nname: home\n{}", fleet.topology()));
    for service in ["plain", "web"] {
        lab.write(
            &format!("services/{service}/docker-compose.yml"),
            &format!(
                "name: {service}\nservices: {{ {service}: {{ image: \"hl-test/web:1\", stop_grace_period: 1s, \
                 environment: {{ PW: \"${{PW-}}\" }} }} }}\n"
            ),
        );
        lab.write(&format!("services/{service}/service.yaml"), "owner_node: nas\n");
    }
    (lab, fleet)
}

fn a_file_that_may_not_be_read_holds_back_its_service_alone() {
    let (lab, fleet) = homelab(Build { user: User::Docker, ..Build::default() });
    let nas = fleet.node("nas");
    nas.inside(
        "chown pilot /opt/homelab\ninstall -d -o pilot /opt/homelab/config /opt/homelab/config/web\n\
         echo PW=hunter2-long >/opt/homelab/config/web/.env\nchmod 600 /opt/homelab/config/web/.env\n",
    );
    let plan = lab.hl(&["plan"]);
    plan.code(3).says("nas/plain").says_in_words("? web: blocked, hl may not read");
    plan.talks("hl may not read /opt/homelab/config/web/.env: permission denied");
    plan.talks("`sudo chown USER /opt/homelab/config/web/.env`").never_says("hunter2");
    lab.hl(&["apply", "--yes"]).code(3);
    assert_eq!(nas.engine().containers(""), ["plain-plain-1"]);

    nas.inside("chown pilot /opt/homelab/config/web/.env\n");
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    assert_eq!(nas.engine().containers(""), ["plain-plain-1", "web-web-1"]);

    // Of what runs nothing is touched while it cannot be read.
    nas.inside("chown root /opt/homelab/config/web/.env\n");
    lab.hl(&["apply", "--yes"]).code(3);
    assert_eq!(nas.engine().containers(""), ["plain-plain-1", "web-web-1"]);
}

fn the_engine_is_the_one_that_docker_uses_there() {
    let (lab, fleet) = homelab(Build { user: User::Docker, ..Build::default() });
    let nas = fleet.node("nas");
    let socket = nas.engine_folder().join("docker.sock");
    let socket = socket.display();
    nas.inside(&format!(
        "chown pilot /opt/homelab\nrm /run/docker.sock\ncd /home/pilot\nmkdir -p .docker/contexts/meta/0a .docker/contexts/meta/0b\n\
         printf '{{\\n\\t\"auths\": {{}},\\n\\t\"currentContext\": \"rootless\"\\n}}\\n' >.docker/config.json\n\
         printf '{{\"Name\":\"other\",\"Metadata\":{{}},\"Endpoints\":{{\"docker\":{{\"Host\":\"tcp://x:1\"}}}}}}' \
         >.docker/contexts/meta/0a/meta.json\n\
         printf '{{\"Name\":\"rootless\",\"Metadata\":{{}},\"Endpoints\":{{\"docker\":{{\"Host\":\"unix://{socket}\"}}}}}}' \
         >.docker/contexts/meta/0b/meta.json\n"
    ));
    lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(nas.engine().containers(""), ["plain-plain-1", "web-web-1"]);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");

    // A missing engine is told by its name, and nobody is advised to become root.
    let says = |words: &str, hint: &str| {
        let plan = lab.hl(&["plan"]);
        plan.code(3).says_in_words(words).says_in_words(hint).never_says("usermod").never_says("sudo");
    };
    nas.inside(
        "sed -i 's#unix://[^\"]*#unix:///run/user/4242/docker.sock#' /home/pilot/.docker/contexts/meta/0b/meta.json\n",
    );
    says("does not run: no socket /run/user/4242/docker.sock", "`systemctl --user start docker`");
    nas.inside("sed -i s/rootless/other/ /home/pilot/.docker/config.json\n");
    says("its docker uses tcp://x:1, which is not a socket of that machine", "");
    nas.inside("sed -i s/other/gone/ /home/pilot/.docker/config.json\n");
    says("its docker uses the context gone, of which nothing is there", "`docker context use NAME`");
}

fn a_program_that_is_missing_is_named() {
    let (lab, fleet) = homelab(Build::default());
    let nas = fleet.node("nas");
    nas.inside("mount --bind /dev/null \"$(command -v flock)\"\n");
    lab.hl(&["plan"]).code(0);
    let apply = lab.hl(&["apply", "--yes"]);
    apply.code(4).says_in_words("hl needs the program flock there, and it is not installed");
    apply.never_says("another hl is at work");
    assert_eq!(nas.engine().containers(""), Vec::<String>::new());
}

fn a_node_of_busybox_alone_is_one_like_any_other() {
    let (lab, fleet) = homelab(Build { userland: Userland::Busybox, ..Build::default() });
    let nas = fleet.node("nas");
    let compose = |level: u8| {
        format!(
            "name: web\nservices:\n  web:\n    image: hl-test/web:1\n    stop_grace_period: 1s\n    user: \"1234:1235\"\n    \
             environment: {{ LEVEL: \"{level}\" }}\n    \
             volumes: [\"./conf.d:/etc/web:ro\", \"./one.conf:/one.conf:ro\", \"/opt/homelab/data/web:/d\"]\n"
        )
    };
    lab.write("services/web/docker-compose.yml", &compose(1));
    lab.write("services/web/conf.d/a.conf", "a\n").write("services/web/conf.d/tool.sh", "#!/bin/sh\necho tool\n");
    lab.write("services/web/one.conf", "one\n").write("services/web/env.example", "TOKEN=\n");
    lab.write(
        "services/web/service.yaml",
        "owner_node: nas\nenv: { generate: { TOKEN: { length: 12 } } }\nhealth: { script: healthcheck.sh, interval: 200ms }\n",
    );
    lab.write(
        "services/web/healthcheck.sh",
        "#!/bin/sh\ntest -n \"$TOKEN\" && test -x conf.d/tool.sh && sh conf.d/tool.sh\n",
    );
    lab.track();
    lab.hl(&["plan", "--detailed-exitcode"]).code(2);
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    lab.hl(&["drift"]).code(0);
    let seen = |path: &str| nas.inside(&format!("stat -c '%a %u:%g' /opt/homelab/{path}")).trim().to_owned();
    assert_eq!(seen("data/web"), "755 1234:1235");
    assert_eq!(seen("config/web/.env"), "600 0:0");
    assert_eq!(seen("config/web/conf.d/tool.sh"), "755 0:0");
    assert_eq!(seen("config/web/one.conf"), "644 0:0");
    assert_eq!(nas.inside("cat /opt/homelab/config/web/one.conf"), "one\n");

    // A health script ends as soon as it has ended.
    for _ in 0..15 {
        let began = Instant::now();
        lab.hl(&["verify"]).code(0).says("All 2 services work.");
        assert!(began.elapsed() < Duration::from_secs(9), "it took {:?}", began.elapsed());
    }

    // Content and mode that somebody changed, and a file that goes.
    nas.inside("cd /opt/homelab/config/web; echo worse >one.conf; chmod 600 conf.d/tool.sh; rm .env\n");
    let drift = lab.hl(&["drift"]);
    drift.code(2).says("one.conf").says("conf.d/tool.sh").says("config/web/.env");
    std::fs::write(lab.repository().join("services/web/docker-compose.yml"), compose(2)).expect("it can be written");
    std::fs::remove_file(lab.repository().join("services/web/conf.d/a.conf")).expect("it is there");
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    assert_eq!(seen("config/web/conf.d/tool.sh"), "755 0:0");
    assert_eq!(nas.inside("ls -A /opt/homelab/config/web/conf.d"), "tool.sh\n");
    assert_eq!(nas.inside("cat /opt/homelab/config/web/one.conf"), "one\n");

    // A script that hangs is ended, with all that it has begun.
    lab.write(
        "services/web/service.yaml",
        "owner_node: nas\nenv: { generate: { TOKEN: { length: 12 } } }\nhealth: { script: healthcheck.sh, timeout: 1s, retries: 1 }\n",
    );
    lab.write("services/web/healthcheck.sh", "#!/bin/sh\nsleep 4321 & sleep 4321\n");
    lab.hl(&["verify", "web"]).code(1);
    let left = nas.inside("for line in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$line 2>/dev/null || true; echo; done");
    assert!(!left.contains("sleep 4321"), "{left}");
    lab.hl(&["unlock"]).code(0).says("nas: free");
}

fn what_cannot_be_looked_into_is_not_missing() {
    let (lab, fleet) = homelab(Build { user: User::Docker, ..Build::default() });
    let nas = fleet.node("nas");
    nas.inside("chown pilot /opt/homelab\n");
    lab.write(
        "services/web/docker-compose.yml",
        "name: web\nservices: { web: { image: \"hl-test/web:1\", stop_grace_period: 1s, \
         volumes: [\"./conf.d:/etc/web:ro\"] } }\n",
    );
    lab.write("services/web/conf.d/a.conf", "a\n").write("services/web/conf.d/sub/b.conf", "b\n");
    lab.track();
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    let before = nas.engine().inspect("web-web-1")["State"]["StartedAt"].clone();
    let is_untouched = |closed: &str, open: &str| {
        nas.inside(closed);
        for arguments in [&["plan"][..], &["drift"], &["apply", "--yes"]] {
            let outcome = lab.hl(arguments);
            outcome.code(3).never_says("create").never_says("removed outside hl").never_says("is removed");
            outcome.says_in_words("? web: blocked, hl may not read");
        }
        assert_eq!(nas.engine().inspect("web-web-1")["State"]["StartedAt"], before, "{closed}");
        nas.inside(open);
        lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
        lab.hl(&["drift"]).code(0);
    };
    let of = |what: &str| format!("cd /opt/homelab/config/web && {what}\n");
    // The folder itself, one in it, and the one that it is in.
    for folder in ["conf.d", "conf.d/sub", "."] {
        let closed = of(&format!("chown root {folder} && chmod 700 {folder}"));
        is_untouched(&closed, &of(&format!("chmod 755 {folder} && chown pilot {folder}")));
    }
    // A file that leaves the repository meanwhile is not taken for gone: it leaves the node as soon as it can be seen.
    nas.inside(&of("chown root conf.d && chmod 700 conf.d"));
    lab.write(
        "services/web/docker-compose.yml",
        "name: web\nservices: { web: { image: \"hl-test/web:1\", stop_grace_period: 1s } }\n",
    );
    std::fs::remove_dir_all(lab.repository().join("services/web/conf.d")).expect("it is there");
    let plan = lab.hl(&["plan"]);
    plan.code(3).says_in_words("? web: blocked, hl may not read");
    lab.hl(&["apply", "--yes"]).code(3);
    nas.inside(&of("chmod 755 conf.d && chown pilot conf.d"));
    lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(nas.inside("ls -A /opt/homelab/config/web"), "");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
}

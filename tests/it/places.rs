//! Places of a node: the home folder of its user, the folders that every service has, and one folder by two paths.

use std::os::unix::fs::MetadataExt;

use serde_json::Value;

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::sshd::{HOST, Sshd};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_home_is_that_of_the_user_on_the_node, needs Engine, Root),
    trial!(every_service_has_its_folders, needs Engine, Root),
    trial!(an_adopted_service_gets_its_folders_and_is_left_alone, needs Engine),
    trial!(a_folder_by_another_path_is_the_same_folder, needs Engine),
    trial!(the_env_file_in_the_project_directory_on_the_node_counts, needs Engine, Root),
];

/// Makes the node one that is reached over SSH, where `home` is the home folder of the user.
fn over_ssh(lab: &Homelab, engine: &Engine) -> Sshd {
    let home = lab.scratch("there");
    std::fs::create_dir_all(&home).expect("a folder can be made");
    let home = format!("ForceCommand HOME={}; export HOME; eval \"$SSH_ORIGINAL_COMMAND\"", home.display());
    let sshd = Sshd::start(lab, &engine.address(), &home);
    let root = lab.node_root();
    let node = format!("  box: {{ address: \"ssh://{HOST}\", root: \"{}\", undeclared: ignore }}\n", root.display());
    lab.write("inventory/topology.yaml", &format!("version: 1\nname: home\nnodes:\n{node}"));
    sshd
}

fn is_settled(lab: &Homelab) {
    let plan = lab.hl(&["plan", "--detailed-exitcode"]);
    assert!(plan.code(0).stdout.starts_with("No changes. 1 service is as declared.\n"), "{plan}");
    lab.hl(&["drift"]).code(0);
    lab.hl(&["verify"]).code(0);
}

/// The sources of the mounts of a container of the service `m`.
fn sources(lab: &Homelab, engine: &Engine) -> Vec<String> {
    let found = engine.inspect(&lab.name("sample-lab-m-web-1"));
    let mounts = found["Mounts"].as_array().expect("a list").iter();
    let mut sources: Vec<String> = mounts.map(|m| lab.stand_in(m["Source"].as_str().unwrap_or_default())).collect();
    sources.sort();
    sources
}

fn a_home_is_that_of_the_user_on_the_node() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let _sshd = over_ssh(&lab, &engine);
    let volumes = "volumes: [\"~/pgdata:/data\", \"${HOME}/more:/more\"]";
    let file = format!("name: sample-lab-m\nservices: {{ web: {{ image: \"hl-test/app:1\", {volumes} }} }}\n");
    lab.write("services/m/docker-compose.yml", &file);
    std::fs::create_dir_all(lab.scratch("there/pgdata")).expect("a folder can be made");
    std::fs::write(lab.scratch("there/pgdata/it"), "precious\n").expect("it can be written");
    lab.hl(&["validate"]).code(0);
    lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(sources(&lab, &engine), ["[LAB]/there/more", "[LAB]/there/pgdata"]);
    assert_eq!(engine.exec(&lab.name("sample-lab-m-web-1"), &["cat", "/data/it"]).1, "precious\n");
    is_settled(&lab);
}

fn every_service_has_its_folders() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let _sshd = over_ssh(&lab, &engine);
    let root = lab.node_root();
    let data = root.join("data/m");
    let web = format!("image: \"hl-test/app:1\", user: \"1234:1235\", volumes: [\"{}:/data\"]", data.display());
    lab.write("services/m/docker-compose.yml", &format!("name: sample-lab-m\nservices: {{ web: {{ {web} }} }}\n"));
    lab.write("services/m/healthcheck.sh", "#!/bin/sh\npwd\n");
    lab.hl(&["apply", "--yes"]).code(0);
    let owner = |path: &str| std::fs::metadata(root.join(path)).map(|found| (found.uid(), found.gid())).ok();
    assert_eq!((owner("data/m"), owner("config/m")), (Some((1234, 1235)), Some((0, 0))));
    is_settled(&lab);
    // Whoever it belongs to later is right.
    std::os::unix::fs::chown(&data, Some(77), Some(77)).expect("root may");
    is_settled(&lab);
    lab.hl(&["delete", "m", "--yes"]).code(0);
    assert_eq!((owner("data/m"), owner("config/m")), (None, None), "empty folders that hl made go");
}

fn an_adopted_service_gets_its_folders_and_is_left_alone() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    lab.write("services/m/docker-compose.yml", "name: sample-lab-m\nservices: { web: { image: \"hl-test/app:1\" } }\n");
    lab.hl(&["apply", "--yes"]).code(0);
    let seen = || {
        let found = engine.inspect(&lab.name("sample-lab-m-web-1"));
        (found["Id"].clone(), found["State"]["StartedAt"].clone())
    };
    let before = seen();
    std::fs::remove_dir_all(lab.repository().join("state")).expect("the state can be thrown away");
    std::fs::remove_dir_all(lab.node_root()).expect("the folders are there");
    lab.write("services/m/healthcheck.sh", "#!/bin/sh\npwd\n");
    let plan = lab.hl(&["plan", "--detailed-exitcode", "--format", "json"]);
    let changes: Value = serde_json::from_str(&plan.stdout).expect("a plan in JSON");
    let actions: Vec<&str> =
        changes["changes"].as_array().expect("a list").iter().filter_map(|change| change["action"].as_str()).collect();
    assert_eq!(actions, ["adopt"; 4], "{plan}");
    lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(seen(), before, "nothing is touched");
    assert!(lab.node_root().join("data/m").is_dir() && lab.node_root().join("config/m").is_dir());
    is_settled(&lab);
}

fn a_folder_by_another_path_is_the_same_folder() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let volumes = "volumes: [\"./conf:/conf:ro\", \"./data:/data\"]";
    let web = format!("image: \"hl-test/app:1\", {volumes}");
    lab.write("services/m/docker-compose.yml", &format!("name: sample-lab-m\nservices: {{ web: {{ {web} }} }}\n"));
    lab.write("services/m/conf/a.conf", "a\n");
    lab.hl(&["apply", "--yes"]).code(0);
    let seen = || {
        let found = engine.inspect(&lab.name("sample-lab-m-web-1"));
        (found["Id"].clone(), found["State"]["StartedAt"].clone())
    };
    let before = seen();
    let link = lab.scratch("link");
    std::os::unix::fs::symlink(lab.repository(), &link).expect("a link can be made");
    let link = link.display().to_string();
    let plan = lab.hl(&["-C", &link, "plan", "--detailed-exitcode"]);
    assert!(plan.code(0).stdout.starts_with("No changes. 1 service is as declared.\n"), "{plan}");
    // The same for a link to the folder of one service.
    std::fs::create_dir(lab.repository().join("apps")).expect("a folder can be made");
    let [services, apps] = ["services/m", "apps/m"].map(|path| lab.repository().join(path));
    std::fs::rename(&services, &apps).expect("a folder can be renamed");
    std::os::unix::fs::symlink("../apps/m", &services).expect("a link can be made");
    is_settled(&lab);
    lab.write("apps/m/conf/a.conf", "b\n");
    lab.hl(&["-C", &link, "apply", "--yes"]).code(0);
    assert_eq!(seen().0, before.0, "it restarts at most");
    assert_eq!(sources(&lab, &engine), ["[LAB]/repo/services/m/conf", "[LAB]/repo/services/m/data"]);
    is_settled(&lab);
}

fn the_env_file_in_the_project_directory_on_the_node_counts() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let _sshd = over_ssh(&lab, &engine);
    let stack = lab.scratch("there/stack");
    std::fs::create_dir_all(&stack).expect("a folder can be made");
    let there = |text: &str| std::fs::write(stack.join(".env"), text).expect("it can be written");
    let file = "services: { web: { image: \"hl-test/app:1\", environment: [\"A=${A}\"] } }\n";
    lab.write("services/m/docker-compose.yml", &format!("name: sample-lab-m\n{file}"));
    lab.write("services/m/service.yaml", &format!("project_dir: {}\n", stack.display()));
    let has = |variable: &str| {
        let found = engine.inspect(&lab.name("sample-lab-m-web-1"));
        found["Config"]["Env"].as_array().is_some_and(|all| all.contains(&Value::from(variable)))
    };
    for (text, variable) in [("A=there\n", "A=there"), ("A=changed\n", "A=changed")] {
        there(text);
        lab.hl(&["apply", "--yes"]).code(0);
        assert!(has(variable), "{variable}");
        is_settled(&lab);
    }
    // The one of the service on its node counts more.
    let config = lab.node_root().join("config/m");
    std::fs::create_dir_all(&config).expect("a folder can be made");
    std::fs::write(config.join(".env"), "A=own\n").expect("it can be written");
    lab.hl(&["apply", "--yes"]).code(0);
    assert!(has("A=own"));
    is_settled(&lab);
    assert_eq!(std::fs::read_to_string(stack.join(".env")).expect("it is there"), "A=changed\n", "it is left alone");
}

//! Services that go by another name: what runs is not touched, nothing starts beside its data, and what cannot be told is
//! asked.

use crate::support::compose;
use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_folder_with_another_name_and_the_same_project, needs Engine),
    trial!(a_folder_with_another_name_is_not_made_anew, needs Engine),
    trial!(what_runs_undeclared_is_not_made_a_second_time, needs Engine, Compose),
    trial!(another_project_is_not_made_beside_the_old_one, needs Engine),
    trial!(a_whole_service_goes_by_another_name, needs Engine),
    trial!(a_service_that_does_not_work_under_its_new_name_goes_back, needs Engine),
    trial!(a_container_goes_to_another_file, needs Engine),
    trial!(a_container_goes_by_another_key, needs Engine),
    trial!(a_fixed_address_is_handed_on, needs Engine),
];

fn write(lab: &Homelab, service: &str, compose: &str) {
    lab.write(&format!("services/{service}/docker-compose.yml"), compose);
}

/// Gives the folder of a service another name.
fn rename(lab: &Homelab, from: &str, to: &str) {
    let services = lab.repository().join("services");
    std::fs::rename(services.join(lab.name(from)), services.join(lab.name(to))).expect("a folder can be renamed");
}

const WEB: &str = "image: \"hl-test/app:1\", volumes: [\"data:/data\"]";

fn a_folder_with_another_name_and_the_same_project() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let file = format!("name: sample-lab-keep\nservices: {{ web: {{ {WEB} }} }}\nvolumes: {{ data: }}\n");
    write(&lab, "sample-lab-old", &file);
    lab.hl(&["apply", "--yes"]).code(0);
    let before = lab.lives();
    rename(&lab, "sample-lab-old", "sample-lab-new");
    lab.hl(&["plan", "--detailed-exitcode", "--verbose"]).code(0).says("renamed from box/sample-lab-old/container:web");
    lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(lab.lives(), before, "nothing is touched");
    let plan = lab.hl(&["plan", "--detailed-exitcode"]);
    assert!(plan.code(0).stdout.starts_with("No changes. 1 service is as declared.\n"), "{plan}");
    lab.hl(&["state", "list"]).code(0).says("box/sample-lab-new/container:web");
    assert!(!lab.hl(&["state", "list"]).stdout.contains("sample-lab-old"));
    lab.hl(&["drift"]).code(0);
    lab.hl(&["verify"]).code(0);
}

fn a_folder_with_another_name_is_not_made_anew() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    write(&lab, "sample-lab-old", &format!("services: {{ web: {{ {WEB} }} }}\nvolumes: {{ data: }}\n"));
    lab.hl(&["apply", "--yes"]).code(0);
    let before = lab.lives();
    rename(&lab, "sample-lab-old", "sample-lab-new");
    for arguments in [&["plan"][..], &["apply", "--yes"]] {
        lab.hl(arguments).code(3).says("it looks like sample-lab-old");
        assert_eq!(lab.lives(), before, "nothing is touched");
    }
    lab.write("services/sample-lab-new/service.yaml", "project: sample-lab-old\n");
    lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(lab.lives(), before, "nothing is touched");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes. 1 service is as declared.");
    lab.hl(&["drift"]).code(0);
}

fn what_runs_undeclared_is_not_made_a_second_time() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    // No other test has such a container.
    let file = format!("services: {{ frame: {{ {WEB} }} }}\nvolumes: {{ data: }}\n");
    write(&lab, "sample-lab-immich-app", &file);
    compose::run(&lab, "sample-lab-immich-app", &engine.address(), &["up", "--detach"]).code(0);
    let before = lab.lives();
    lab.report_undeclared();
    // Nobody has recorded it, and the folder in the repository has another name.
    rename(&lab, "sample-lab-immich-app", "sample-lab-immich");
    for arguments in [&["plan"][..], &["apply", "--yes"]] {
        lab.hl(arguments).code(3).says_in_words("it looks like project sample-lab-immich-app");
        assert_eq!(lab.lives(), before, "nothing is touched");
    }
    let folder = lab.repository().join("services").join(lab.name("sample-lab-immich-app"));
    let was = format!("project: sample-lab-immich-app\nproject_dir: {}\n", folder.display());
    lab.write("services/sample-lab-immich/service.yaml", &was);
    lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(lab.lives(), before, "nothing is touched");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0);
    // A second one is declared beside it.
    write(&lab, "sample-lab-second", &file);
    lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(lab.lives().len(), 2, "what is declared is nothing to be taken for");
}

fn another_project_is_not_made_beside_the_old_one() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let file = format!("services: {{ web: {{ {WEB} }} }}\nvolumes: {{ data: }}\n");
    write(&lab, "sample-lab-photos", &file);
    lab.hl(&["apply", "--yes"]).code(0);
    let before = lab.lives();
    write(&lab, "sample-lab-photos", &format!("name: sample-lab-immich\n{file}"));
    for arguments in [&["plan"][..], &["apply", "--yes"]] {
        lab.hl(arguments).code(3).says("it runs as project sample-lab-photos");
        assert_eq!(lab.lives(), before, "nothing is touched");
    }
    lab.hl(&["drift"]).code(3);
    lab.write("services/sample-lab-photos/service.yaml", "project: sample-lab-photos\n");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes. 1 service is as declared.");
}

/// A database and two that write beside it, each with data in a volume of the project.
fn gallery(image: &str) -> String {
    let health = "healthcheck: { test: [\"CMD\", \"true\"], interval: 300ms }";
    format!(
        "services:\n  db: {{ image: \"hl-test/app:1\", volumes: [\"data:/data\"], {health} }}\n  \
         web: {{ image: \"{image}\", volumes: [\"data:/data\", \"more:/more\"], depends_on: [db], {health} }}\n\
         volumes: {{ data: , more: {{ name: sample-lab-more }} }}\n"
    )
}

/// The file in a container's folder of data.
fn kept(lab: &Homelab, engine: &Engine, container: &str) -> String {
    engine.exec(&lab.name(container), &["cat", "/data/it"]).1
}

fn a_whole_service_goes_by_another_name() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    write(&lab, "sample-lab-old", &gallery("hl-test/app:1"));
    lab.hl(&["apply", "--yes"]).code(0);
    engine.exec(&lab.name("sample-lab-old-db-1"), &["sh", "-c", "echo precious > /data/it"]);
    rename(&lab, "sample-lab-old", "sample-lab-new");
    lab.hl(&["plan"])
        .code(3)
        .says_in_words("or `renamed_from: sample-lab-old` to make it anew with copies of its volumes");
    lab.write("services/sample-lab-new/service.yaml", "renamed_from: sample-lab-old\n");
    let plan = lab.hl(&["plan"]);
    plan.code(0)
        .says("renamed from box/sample-lab-old/container:db")
        .says("renamed from box/sample-lab-old/volume:data");
    lab.hl(&["apply", "--yes"]).code(0);
    let names: Vec<String> = lab.lives().into_keys().map(|name| lab.stand_in(&name)).collect();
    assert_eq!(names, ["sample-lab-new-db-1", "sample-lab-new-web-1"]);
    assert_eq!(kept(&lab, &engine, "sample-lab-new-db-1"), "precious\n");
    assert!(!engine.get(&lab.name("/volumes/sample-lab-old_data")).is_null(), "the old volume stays");
    assert!(engine.get(&lab.name("/networks/sample-lab-old_default")).is_null(), "its network goes");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0);
    lab.hl(&["drift"]).code(0);
    lab.hl(&["verify"]).code(0);
    assert!(!lab.hl(&["state", "list"]).stdout.contains("sample-lab-old"));
}

fn a_service_that_does_not_work_under_its_new_name_goes_back() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    write(&lab, "sample-lab-old", &gallery("hl-test/app:1"));
    lab.hl(&["apply", "--yes"]).code(0);
    engine.exec(&lab.name("sample-lab-old-db-1"), &["sh", "-c", "echo precious > /data/it"]);
    let before: Vec<String> = lab.lives().into_values().map(|(id, _)| id).collect();
    rename(&lab, "sample-lab-old", "sample-lab-new");
    let sick = gallery("hl-test/app:1").replace(
        "depends_on: [db], healthcheck: { test: [\"CMD\", \"true\"]",
        "depends_on: [db], healthcheck: { retries: 1, test: [\"CMD\", \"false\"]",
    );
    write(&lab, "sample-lab-new", &sick);
    lab.write("services/sample-lab-new/service.yaml", "renamed_from: sample-lab-old\n");
    lab.hl(&["apply", "--yes"]).code(4);
    let after: Vec<String> = lab.lives().into_values().map(|(id, _)| id).collect();
    assert_eq!(before, after, "the old containers are back");
    engine.exec(&lab.name("sample-lab-old-db-1"), &["sh", "-c", "echo newer >> /data/it"]);
    write(&lab, "sample-lab-new", &gallery("hl-test/app:1"));
    lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(kept(&lab, &engine, "sample-lab-new-db-1"), "precious\nnewer\n");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0);
}

fn a_container_goes_to_another_file() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let web = |image: &str| {
        let data = "volumes: [\"sample-lab-data:/data\"], stop_grace_period: 1s, networks: [front]";
        format!("web: {{ image: \"{image}\", container_name: sample-lab-web, {data} }}")
    };
    let other = "other: { image: \"hl-test/app:1\", stop_grace_period: 1s }";
    let rest = "networks: { front: }\nvolumes: { sample-lab-data: { external: true } }";
    engine.post("/volumes/create", &serde_json::json!({"Name": lab.name("sample-lab-data")}));
    write(&lab, "sample-lab-a", &format!("services: {{ {other} }}\n"));
    write(&lab, "sample-lab-side", &format!("services: {{ {other}, {} }}\n{rest}\n", web("hl-test/app:1")));
    lab.hl(&["apply", "--yes"]).code(0);
    let before = lab.lives();
    assert_eq!(engine.exec(&lab.name("sample-lab-web"), &["sh", "-c", "echo precious > /data/it"]).0, 0);

    // A container that does not work in its new place is taken back to the old one.
    let broken = web("hl-test/app:1").replace("networks:", "command: [\"/nothing\"], networks:");
    write(&lab, "sample-lab-a", &format!("services: {{ {other}, {broken} }}\n{rest}\n"));
    write(&lab, "sample-lab-side", &format!("services: {{ {other} }}\n"));
    lab.hl(&["apply", "--yes"]).code(4);
    assert_eq!(lab.lives()["sample-lab-web"].0, before["sample-lab-web"].0);

    write(&lab, "sample-lab-a", &format!("services: {{ {other}, {} }}\n{rest}\n", web("hl-test/app:1")));
    let plan = lab.hl(&["plan", "--detailed-exitcode"]);
    plan.code(2).says("1 to replace").says_in_words("renamed from box/sample-lab-side/container:web");
    assert!(!plan.stdout.contains("box/sample-lab-side/container:web  "), "{plan}");
    lab.hl(&["drift"]).code(0);
    lab.hl(&["apply", "--yes"]).code(0);
    let after = lab.lives();
    for (name, was) in &before {
        assert_eq!(after.get(name) == Some(was), name != "sample-lab-web", "{name}");
    }
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    assert_eq!(engine.exec(&lab.name("sample-lab-web"), &["cat", "/data/it"]).1.trim(), "precious");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    lab.hl(&["verify"]).code(0);
    assert!(engine.get(&lab.name("/networks/sample-lab-side_front")).is_null(), "nothing of it is left behind");
}

fn a_container_goes_by_another_key() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let of = |key: &str| format!("services: {{ {key}: {{ image: \"hl-test/app:1\", stop_grace_period: 1s }} }}\n");
    write(&lab, "sample-lab-a", &of("web"));
    write(&lab, "sample-lab-b", &of("x"));
    lab.hl(&["apply", "--yes"]).code(0);

    // Nothing proves what becomes of it, so the user says it.
    write(&lab, "sample-lab-a", &of("app"));
    lab.hl(&["plan"]).code(0).says("1 to create").says("1 to remove");
    let says = |what: &str| lab.write("services/sample-lab-a/service.yaml", &format!("renamed_from: {what}\n"));
    says("{ \"container:app\": \"sample-lab-a/container:web\" }");
    lab.hl(&["plan"]).code(0).says("1 to replace").says_in_words("renamed from box/sample-lab-a/container:web");
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    let names: Vec<String> = lab.lives().into_keys().collect();
    assert_eq!(names, ["sample-lab-a-app-1", "sample-lab-b-x-1"]);
    lab.hl(&["drift"]).code(0);

    says("{ \"container:nothing\": \"sample-lab-a/container:web\" }");
    lab.hl(&["validate"]).code(1).talks("has no container `nothing`");
    says("{ \"container:app\": web }");
    lab.hl(&["validate"]).code(1).talks("for a container `\"container:web\": \"shop/container:web\"`");
}

fn a_fixed_address_is_handed_on() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let at = |name: &str, address: u8| {
        let end = format!("networks: {{ n: {{ ipv4_address: 10.202.7.{address} }} }}");
        format!("{name}: {{ image: \"hl-test/app:1\", {end} }}")
    };
    let network = "networks: { n: { ipam: { config: [{ subnet: 10.202.7.0/24 }] } } }";
    write(&lab, "sample-lab-net", &format!("services: {{ {} }}\n{network}\n", at("b", 10)));
    lab.hl(&["apply", "--yes"]).code(0);
    write(&lab, "sample-lab-net", &format!("services: {{ {}, {} }}\n{network}\n", at("a0", 10), at("b", 20)));
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    lab.hl(&["verify"]).code(0);
}

//! The contents of records, and when they are written.

use super::*;
use crate::envfile;
use crate::model::homelab::{Lifecycle, Protect};
use crate::model::pending::Pending;
use crate::model::spec::{ContainerSpec, FileContent, FileSpec, Variable};
use crate::model::typed::State;
use crate::model::view::{FileKind, LiveFile};
use crate::model::{Field, Fields, Key, Text, Value};
use crate::plan::Block;

fn env_file(variables: &[(&str, Variable)]) -> FileSpec {
    FileSpec {
        path: "/root/config/shop/.env".into(),
        content: FileContent::Variables(variables.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect()),
        mode: 0o600,
        owner: None,
    }
}

fn container(environment: &[(&str, Text)]) -> ContainerSpec {
    ContainerSpec {
        name: "web".into(),
        environment: environment.iter().map(|(n, t)| ((*n).to_owned(), Some(t.clone()))).collect(),
        ..Default::default()
    }
}

fn create(spec: &ContainerSpec) -> Operation {
    Operation::CreateContainer {
        name: spec.name.clone(),
        spec: Box::new(spec.clone()),
        peers: BTreeMap::new(),
        inherited_volumes: BTreeMap::new(),
    }
}

fn applied(fields: Fields) -> Record {
    Record::Applied(Box::new(fields))
}

#[test]
fn a_generated_secret_goes_into_the_file_and_the_container_and_is_recorded_sealed() {
    let mut bench = Bench::new(&["nas"]);
    let file = env_file(&[("PW", Variable::Generated { length: 20 })]);
    let url = Text::of_secret(format!("pg://{}@db", Pending::gap("PW")));
    let spec = container(&[("URL", url), ("TZ", Text::plain("UTC"))]);
    bench.step(Operation::WriteFile(Box::new(file.clone())), &[]);
    bench.step(create(&spec), &[0]);
    bench.step(start("web"), &[1]);
    bench.node().world().fails.insert("start other".into());
    bench.change(Kind::File, "config/shop/.env", &[0], applied(file.fields()));
    let mut declared = spec.fields();
    declared.set(Key::ImageContent, Value::Unknown);
    declared.set(Key::State, Value::from(State::RUNNING));
    bench.change(Kind::Container, "web", &[1, 2], applied(declared));
    let left = run(bench.apply());
    assert!(left.report.is_complete(), "{:?}", left.report);

    let world = bench.node().world();
    let text = String::from_utf8(world.files["/root/config/shop/.env"].content.clone().unwrap()).unwrap();
    let password = text.lines().find_map(|l| l.strip_prefix("PW=")).unwrap();
    assert_eq!(password.len(), 20);
    let url = format!("pg://{password}@db");
    assert_eq!(world.containers["web"].spec.environment["URL"], Some(Text::secret(&*url)));
    assert!(!left.files.contains(password));

    let record = |kind, name: &str| {
        let addr = Addr {
            node: NodeName::new("nas").unwrap(),
            service: ServiceName::new("shop").unwrap(),
            kind,
            name: name.into(),
        };
        left.state.view.resources[&addr].clone()
    };
    let web = record(Kind::Container, "web");
    assert_eq!(web.id, "id-web");
    for fields in [&web.declared, &web.baseline] {
        let recorded = fields.get(&Field::item(Key::Environment, "URL")).unwrap();
        assert!(recorded.same(&Value::text(&*url), &left.state.sealer));
        assert_eq!(fields.get(&Field::key(Key::ImageContent)), Some(&Value::text("sha256:1")));
        assert_eq!(fields.get(&Field::key(Key::State)), Some(&Value::from(State::RUNNING)));
    }
    let file = record(Kind::File, "config/shop/.env");
    assert_eq!(file.id, "/root/config/shop/.env");
    assert_eq!(file.baseline.get(&Field::item(Key::Environment, "PW")), Some(&Value::Unknown));
    assert_eq!(left.state.view.services.len(), 1);
}

#[test]
fn a_container_that_needs_a_value_nobody_made_is_not_made() {
    let mut bench = Bench::new(&["nas"]);
    bench.step(create(&container(&[("URL", Text::of_secret(Pending::gap("PW")))])), &[]);
    let left = run(bench.apply());
    let failures: Vec<_> = left.report.failures().collect();
    assert_eq!(failures, [(0, "container web needs a generated value that was not made")]);
    assert!(bench.node().world().containers.is_empty());
}

#[test]
fn only_what_nothing_can_take_back_any_more_is_recorded() {
    let mut bench = Bench::new(&["nas"]);
    let spec = container(&[]);
    let made = bench.step(create(&spec), &[]);
    made.group = Some(GroupId(0));
    made.undo =
        Some(Operation::RemoveContainer { container: "web".into(), volumes: crate::plan::AnonymousVolumes::Keep });
    bench.step(start("check"), &[0]).verifies = BTreeSet::from([GroupId(0)]);
    bench.change(Kind::Container, "web", &[0], applied(spec.fields()));
    bench.node().world().fails.insert("start check".into());
    let left = run(bench.apply());
    assert!(left.state.view.resources.is_empty());
    assert!(left.state.view.services.is_empty());
    assert!(bench.node().world().containers.is_empty());

    bench.node().world().fails.clear();
    let left = run(bench.apply());
    assert_eq!(left.state.view.resources.len(), 1);
    // And once it is gone again, that is recorded too.
    let mut later = Bench::new(&["nas"]);
    later.folder = bench.folder;
    later.change(Kind::Container, "web", &[], Record::Forget);
    let left = run(later.apply());
    assert!(left.state.view.resources.is_empty() && left.state.view.services.is_empty());
}

#[test]
fn an_adopted_container_is_read_back_by_its_id_and_one_that_vanished_is_not_recorded() {
    let mut bench = Bench::new(&["nas"]);
    bench.node().world().containers.insert("x".into(), super::node::live("x", container(&[])));
    bench.change(Kind::Container, "web", &[], applied(container(&[]).fields())).live_id = Some("id-x".into());
    bench.change(Kind::Container, "gone", &[], applied(container(&[]).fields())).live_id = Some("id-gone".into());
    let left = run(bench.apply());
    assert!(left.report.is_complete() && left.report.steps.is_empty());
    let ids: Vec<_> = left.state.view.resources.values().map(|r| r.id.as_str()).collect();
    assert_eq!(ids, ["id-x"]);
    let notices: Vec<_> = left.events.iter().filter(|e| matches!(e, Event::Notice { .. })).collect();
    let text = "nas/shop/container:gone is not recorded (it no longer exists); the next plan looks at it again.";
    assert_eq!(notices, [&Event::Notice { text: text.into() }]);
}

#[test]
fn a_node_that_cannot_be_read_back_costs_the_record_and_nothing_else() {
    let mut bench = Bench::new(&["nas"]);
    bench.step(create(&container(&[])), &[]);
    bench.change(Kind::Container, "web", &[0], applied(container(&[]).fields()));
    bench.node().world().fails.insert("read".into());
    let left = run(bench.apply());
    assert!(left.report.is_complete() && left.state.view.resources.is_empty());
    assert!(left.events.iter().any(|e| matches!(e, Event::Notice { text } if !text.contains("hunter2"))));
}

#[test]
fn a_new_protection_is_recorded_without_any_change() {
    let mut bench = Bench::new(&["nas"]);
    bench.node().world().containers.insert("web".into(), super::node::live("web", container(&[])));
    bench.change(Kind::Container, "web", &[], applied(container(&[]).fields())).live_id = Some("id-web".into());
    run(bench.apply());
    bench.plan = Plan::default();
    for service in bench.options.services.values_mut() {
        service.lifecycle = Lifecycle { protect: Protect::On, ..Default::default() };
    }
    // A service that the plan leaves out stays as it was recorded.
    bench
        .plan
        .blocked
        .insert(ServiceName::new("shop").unwrap(), Block::OnSeveralNodes { home: None, nodes: Vec::new() });
    let protection = |left: &Left| left.state.view.services.values().next().unwrap().lifecycle.protect;
    assert_eq!(protection(&run(bench.apply())), Protect::Off);
    bench.plan.blocked.clear();
    assert_eq!(protection(&run(bench.apply())), Protect::On);
}

#[test]
fn a_line_of_a_value_is_no_assignment_and_a_quote_is_a_value() {
    let mut bench = Bench::new(&["nas"]);
    let file = env_file(&[("D", Variable::Generated { length: 12 }), ("Q", Variable::Secret(Text::secret("'")))]);
    let text = "M=\"two\nD=x\nlines\"\nQ=\n";
    let there =
        LiveFile { kind: FileKind::File, mode: 0o600, owner: "0:0".into(), content: Some(text.into()), entries: None };
    bench.node().world().files.insert(file.path.clone(), there);
    bench.step(Operation::WriteFile(Box::new(file.clone())), &[]);
    bench.change(Kind::File, "config/shop/.env", &[0], applied(file.fields()));
    let left = run(bench.apply());
    assert!(left.report.is_complete(), "{:?}", left.report);
    let written = bench.node().world().files[&file.path].content.clone().unwrap();
    let values = envfile::values(&String::from_utf8(written).unwrap());
    assert_eq!((values["M"].as_str(), values["Q"].as_str()), ("two\nD=x\nlines", "'"));
    assert_eq!(values["D"].len(), 12);
    // The record agrees with the file, so that the next plan finds no change.
    let recorded = left.state.view.resources.into_values().next().unwrap();
    for name in ["D", "Q"] {
        let field = Field::item(Key::Environment, name);
        let (declared, baseline) = (recorded.declared.get(&field).unwrap(), recorded.baseline.get(&field).unwrap());
        assert!(*declared == Value::Unknown || declared.same(baseline, &left.state.sealer), "{name}");
    }
}

#[test]
fn prepare_alone_writes_files_and_touches_no_container() {
    let mut bench = Bench::new(&["nas"]);
    let file = env_file(&[("TZ", Variable::Is(Text::plain("UTC")))]);
    bench.step(Operation::WriteFile(Box::new(file.clone())), &[]).phase = Phase::Prepare;
    bench.step(start("web"), &[0]);
    // It belongs to the first phase and needs a later one, so it has to wait for that.
    bench.step(start("late"), &[1]).phase = Phase::Prepare;
    bench.change(Kind::File, "config/shop/.env", &[0], applied(file.fields()));
    bench.change(Kind::Container, "web", &[1], applied(Fields::default()));
    bench.options.until = Some(Phase::Prepare);
    let left = run(bench.apply());
    assert_eq!(left.report.steps, BTreeMap::from([(0, Outcome::Done)]));
    assert!(left.report.is_complete());
    assert_eq!(left.state.view.resources.len(), 1);
}

#[test]
fn a_container_that_was_left_off_its_network_is_unfinished_although_its_own_steps_were_not_begun() {
    let mut bench = Bench::new(&["nas"]);
    bench.node().world().containers.insert("web".into(), super::node::live("web", container(&[])));
    let adopted = bench.change(Kind::Container, "web", &[], applied(container(&[]).fields()));
    adopted.live_id = Some("id-web".into());
    run(bench.apply());
    bench.plan = Plan::default();
    let (container, network) = ("id-web".to_owned(), "lan".to_owned());
    bench.step(Operation::DisconnectNetwork { container: container.clone(), network: network.clone() }, &[]);
    bench.step(start("other"), &[0]);
    let attachment = Box::default();
    bench.step(Operation::ConnectNetwork { container: container.clone(), network, attachment }, &[1]);
    bench.step(Operation::RestartContainer { container }, &[2]);
    bench.change(Kind::Network, "lan", &[0, 1, 2], Record::Nothing);
    let addr = bench.change(Kind::Container, "web", &[3], Record::Nothing).addr.clone();
    bench.node().world().fails.insert("start other".into());
    assert!(run(bench.apply()).state.view.unfinished.contains(&addr));
}

//! Effects of a container's change on the containers that depend on it, and effects of a stop on all of them.

use std::collections::BTreeMap;

use super::causes;
use super::fixture::{World, container, needs};
use crate::model::homelab::{DependentRestart, Role, RunState};
use crate::model::spec::{ContainerRef, ContainerSpec, ImageRef, NetworkMode, RestartPolicy};
use crate::model::typed::State;
use crate::model::view::{Health, Status};
use crate::model::{Kind, Text};
use crate::plan::{Operation, Plan, Reason};

/// Everything runs, and `web` has two more containers: one that uses its namespace, and one that restarts with it.
fn with_neighbours() -> World {
    let mut world = World::new();
    let sharing = NetworkMode::Container(ContainerRef::Service("main".to_owned()));
    for (name, network_mode) in [("sidecar", sharing), ("follower", NetworkMode::Networks)] {
        let (name_of_it, image) = (format!("web-{name}-1"), ImageRef::new("web:1"));
        let spec = ContainerSpec { name: name_of_it, image, network_mode, ..ContainerSpec::default() };
        let mut neighbour = container(name, spec);
        neighbour.depends_on = BTreeMap::from([("main".to_owned(), needs(DependentRestart::On))]);
        world.service("web").containers.insert(name.to_owned(), neighbour);
    }
    world.settle();
    world
}

/// The containers of `web` that the plan is about: what is done to each, and why.
fn of_web(plan: &Plan) -> Vec<String> {
    let changes = plan.changes.iter().filter(|c| c.addr.service.as_str() == "web" && c.addr.kind == Kind::Container);
    changes.map(|c| format!("{} {} [{}]", c.action.symbol(), c.addr.name, causes(&c.reasons))).collect()
}

#[test]
fn who_shares_a_namespace_is_replaced_too_and_who_follows_restarts() {
    let mut world = with_neighbours();
    world.spec("web").user = Some("1".to_owned());
    insta::assert_snapshot!(of_web(&world.plan()).join("\n"));
}

#[test]
fn nobody_restarts_with_what_was_only_paused() {
    let mut world = with_neighbours();
    world.container("web").status = Status::Paused;
    assert_eq!(of_web(&world.plan()), ["↻ main [not running: paused]"]);
}

#[test]
fn what_is_paused_restarts_with_its_neighbour_all_the_same() {
    let mut world = with_neighbours();
    world.container("web").status = Status::Exited { code: 1 };
    world.container("follower").status = Status::Paused;
    let plan = world.plan();
    assert_eq!(of_web(&plan).len(), 3);
    let restart = Operation::RestartContainer { container: "follower-id".to_owned() };
    assert!(plan.steps.iter().any(|s| s.operation == restart));
}

#[test]
fn of_a_stopped_service_who_shares_a_namespace_is_replaced_too_and_nothing_starts() {
    let mut world = with_neighbours();
    world.service("web").state = RunState::Stopped;
    for container in ["web", "sidecar", "follower"] {
        world.container(container).status = Status::Exited { code: 0 };
    }
    world.spec("web").user = Some("1".to_owned());
    let plan = world.plan();
    assert_eq!(of_web(&plan).iter().map(|c| c.chars().next().unwrap()).collect::<String>(), "±±");
    assert!(
        !plan
            .steps
            .iter()
            .any(|s| matches!(s.operation, Operation::StartContainer { .. } | Operation::AwaitContainer { .. }))
    );
}

#[test]
fn what_is_stopped_is_not_verified_whatever_it_needs() {
    let mut world = World::running();
    world.service("api").state = RunState::Stopped;
    world.container("api").status = Status::Exited { code: 0 };
    world.container("api").health = Some(Health::Healthy);
    world.spec("db").user = Some("1".to_owned());
    world.spec("api").mem_limit = Some(1 << 30);
    let plan = world.plan();
    let verified: Vec<&str> = plan.verifications.iter().map(|v| v.service.as_str()).collect();
    assert_eq!(verified, ["db"]);
    assert!(
        !plan
            .steps
            .iter()
            .any(|s| s.service.as_str() == "api" && !matches!(s.operation, Operation::UpdateContainer { .. }))
    );
}

#[test]
fn what_is_being_stopped_is_not_waited_for() {
    let mut world = World::running();
    world.container("api").health = Some(Health::Healthy);
    world.service("api").state = RunState::Stopped;
    world.spec("db").user = Some("1".to_owned());
    let of_api = world.plan().steps.into_iter().filter(|s| s.service.as_str() == "api");
    assert_eq!(
        of_api.map(|s| s.operation).collect::<Vec<_>>(),
        [Operation::StopContainer { container: "api-id".to_owned() }]
    );
}

#[test]
fn a_file_of_a_stopped_container_is_read_at_its_next_start() {
    let mut world = World::new();
    let web = world.spec("web");
    web.mounted_files.insert("www/a.css".to_owned(), Text::plain("1"));
    world.settle();
    world.service("web").state = RunState::Stopped;
    world.container("web").status = Status::Exited { code: 0 };
    world.spec("web").mounted_files.insert("www/a.css".to_owned(), Text::plain("2"));
    let plan = world.plan();
    assert!(!plan.has_changes() && plan.steps.is_empty(), "{:?}", plan.steps);
    assert_eq!(of_web(&plan), ["= main [file changed www/a.css]"]);
}

#[test]
fn what_was_changed_in_place_proves_nothing() {
    let mut world = World::running();
    world.service("web").health = None;
    world.spec("web").mem_limit = Some(1 << 30);
    let plan = world.plan();
    assert!(plan.verifications.is_empty() && plan.has_changes());
}

#[test]
fn whose_peer_is_gone_did_not_change_by_itself() {
    let mut world = with_neighbours();
    world.node().containers.remove("web-id");
    world.container("sidecar").spec.network_mode =
        NetworkMode::Container(ContainerRef::Gone("0123456789abcdef".into()));
    let plan = of_web(&world.plan());
    assert_eq!(plan[0], "+ main [gone]");
    assert!(plan.contains(&"± sidecar [peer gone network_mode]".to_owned()), "{plan:?}");
}

#[test]
fn who_uses_the_namespace_of_a_leftover_is_replaced_with_it() {
    let mut world = with_neighbours();
    let mut old = world.container("web").clone();
    (old.id, old.name, old.status) = ("old-id".to_owned(), "web-main-1.old-x".to_owned(), Status::Exited { code: 0 });
    world.node().containers.insert(old.id.clone(), old);
    world.container("sidecar").shares_with.insert("old-id".to_owned());
    let plan = of_web(&world.plan());
    assert!(plan[0].starts_with("- web-main-1.old-x [leftover]"), "{plan:?}");
    assert!(plan[1].starts_with("± sidecar [peer replaced "), "{plan:?}");
    assert_eq!(plan.len(), 2);
}

#[test]
fn of_a_stopped_service_a_namespace_is_there_before_who_uses_it() {
    let mut world = with_neighbours();
    world.service("web").state = RunState::Stopped;
    world.node().containers.retain(|_, live| live.identity.as_ref().unwrap().project.as_str() != "web");
    let plan = world.plan();
    let step = |created: &str| {
        let is_it = |call: &Operation| matches!(call, Operation::CreateContainer { name, .. } if name == created);
        plan.steps.iter().find(|s| is_it(&s.operation)).unwrap()
    };
    assert!(step("web-sidecar-1").after.contains(&step("web-main-1").id));
}

#[test]
fn who_moved_a_state_is_told() {
    let mut world = World::running();
    let reasons = |world: &World| world.plan().changes.into_iter().flat_map(|c| c.reasons).collect::<Vec<_>>();
    world.service("web").state = RunState::Stopped;
    assert_eq!(reasons(&world), [Reason::DeclaredStopped]);
    let record = world.recorded.resources.get_mut(&"box/web/container:main".parse().unwrap()).unwrap();
    record.declared.set(crate::model::Key::State, State::Stopped.into());
    assert_eq!(reasons(&world), [Reason::StartedOutside]);
    world.service("web").state = RunState::Running;
    world.container("web").status = Status::Exited { code: 0 };
    assert_eq!(reasons(&world), [Reason::DeclaredRunning]);
}

#[test]
fn what_hl_stopped_itself_is_no_job_that_is_done() {
    let mut world = World::running();
    world.container("web").status = Status::Exited { code: 0 };
    let record = world.recorded.resources.get_mut(&"box/web/container:main".parse().unwrap()).unwrap();
    record.declared.set(crate::model::Key::State, State::Stopped.into());
    record.baseline.set(crate::model::Key::State, State::Container(Status::Exited { code: 0 }).into());
    assert_eq!(of_web(&world.plan()), ["↻ main [declared running]"]);
}

#[test]
fn a_job_that_is_done_is_put_on_its_network_too_when_that_was_made_anew() {
    let mut world = World::new();
    world.service("web").containers.get_mut("main").unwrap().role = Role::OneShot;
    world.settle();
    world.container("web").status = Status::Exited { code: 0 };
    world.container("web").stale_networks.insert("web_net".to_owned(), "old".to_owned());
    let plan = world.plan();
    assert_eq!(of_web(&plan), ["~ main [stale network web_net]"]);
    assert!(plan.steps.iter().any(|s| matches!(s.operation, Operation::ConnectNetwork { .. })));
}

#[test]
fn what_only_the_record_follows_is_not_said_to_be_made_anew() {
    let mut world = World::running();
    world.spec("web").restart = RestartPolicy::Always;
    world.container("web").spec.restart = RestartPolicy::Always;
    let crate::model::homelab::Network::Own(spec) = world.service("db").networks.get_mut("net").unwrap() else {
        panic!()
    };
    spec.labels.insert("a".to_owned(), Text::plain("b"));
    let plan = world.plan();
    let reasons: Vec<&Reason> = plan.changes.iter().flat_map(|c| &c.reasons).collect();
    let (restart, label) = (vec!["restart".to_owned()], vec!["labels.a".to_owned()]);
    assert_eq!(reasons, [&Reason::RecordedOnly(label), &Reason::Converged(restart)]);
    assert!(!plan.has_changes());
}

//! Containers that use something of a container of another service.

use super::fixture::{World, service_name};
use super::outline::outline;
use crate::model::homelab::{Condition, Rollback, RunState};
use crate::model::spec::{ContainerRef, NetworkMode};
use crate::model::view::Status;
use crate::model::{Addr, Target};
use crate::plan::{Action, Note, Objection, Operation, Phase, Plan};

/// Everything runs, and `web` uses the network of `db`.
fn world() -> World {
    let mut world = World::new();
    world.service("web").depends_on = [(service_name("db"), Condition::Started)].into();
    world.spec("web").network_mode = NetworkMode::Container(ContainerRef::Name("db-main-1".to_owned()));
    world.spec("web").networks.clear();
    world.spec("web").ports.clear();
    world.settle();
    let web = world.container("web");
    web.shares_with.insert("db-id".to_owned());
    web.namespaces_of.insert("db-id".to_owned());
    world
}

fn addr(service: &str) -> Addr {
    format!("box/{service}/container:main").parse().unwrap()
}

fn target(text: &str) -> Target {
    text.parse().unwrap()
}

fn action(plan: &Plan, service: &str) -> Option<Action> {
    plan.changes.iter().find(|c| c.addr == addr(service)).map(|c| c.action)
}

#[test]
fn who_shares_stops_before_its_owner_and_starts_after_it_and_both_stand_or_fall_together() {
    let mut world = world();
    world.spec("db").user = Some("1".to_owned());
    for service in ["db", "web"] {
        world.service(service).health = None;
    }
    insta::assert_snapshot!(outline(&world.plan()));
    world.service("web").update.rollback = Rollback::Off;
    assert!(world.plan().steps.iter().all(|step| step.undo.is_none()), "what cannot go back whole does not go back");
}

#[test]
fn who_shares_comes_into_the_plan_with_its_own_changes_and_nothing_else_of_its_service() {
    let mut world = world();
    world.spec("db").user = Some("1".to_owned());
    world.spec("web").tty = true;
    world.spec("api").tty = true;
    world.options.targets = vec![target("db")];
    let plan = world.plan();
    assert_eq!((action(&plan, "web"), action(&plan, "api")), (Some(Action::Replace), None));
    let fields = |plan: &Plan| plan.changes.iter().find(|c| c.addr == addr("web")).map(|c| c.fields.len());
    assert_eq!(fields(&plan), Some(1));
    assert_eq!(plan.order, [service_name("db"), service_name("web")]);
}

#[test]
fn who_cannot_follow_stands_in_the_way() {
    let mut world = world();
    world.spec("db").user = Some("1".to_owned());
    world.options.excludes = vec![target("web")];
    let objections = world.plan().objections;
    assert!(matches!(&objections[..], [Objection::SharerLeft { sharer, .. }] if sharer.name == "web-main-1"));
    // A stranger is told of.
    world.options.excludes = Vec::new();
    let mut stranger = world.container("web").clone();
    (stranger.id, stranger.name, stranger.identity) = ("x-id".to_owned(), "stranger".to_owned(), None);
    world.node().containers.insert(stranger.id.clone(), stranger);
    let plan = world.plan();
    assert_eq!(plan.objections, []);
    assert_eq!(plan.notes, [Note::SharerOfOthers { addr: addr("db"), sharer: "stranger".to_owned() }]);
}

#[test]
fn nobody_runs_in_the_namespace_of_one_that_is_declared_stopped() {
    let mut world = world();
    world.service("db").state = RunState::Stopped;
    let plan = world.plan();
    assert_eq!(plan.objections, [Objection::OwnerStopped { addr: addr("web"), owner: addr("db") }]);
    world.service("web").state = RunState::Stopped;
    assert_eq!(world.plan().objections, []);
}

#[test]
fn who_shares_restarts_when_its_owner_is_started() {
    let mut world = world();
    world.container("db").status = Status::Exited { code: 1 };
    let plan = world.plan();
    assert_eq!((action(&plan, "db"), action(&plan, "web")), (Some(Action::Restart), Some(Action::Restart)));
    let step = |operation| plan.steps.iter().find(|step| step.operation == operation).unwrap();
    let start = step(Operation::StartContainer { container: "db-id".to_owned() });
    let restart = step(Operation::RestartContainer { container: "web-id".to_owned() });
    assert!(restart.after.contains(&start.id));
}

#[test]
fn who_was_started_before_its_owner_is_cut_off_from_it() {
    let mut world = world();
    world.container("db").started_at = "2026-01-01T10:00:02Z".to_owned();
    world.container("web").started_at = "2026-01-01T10:00:03Z".to_owned();
    assert!(!world.plan().has_changes());
    world.container("db").started_at = "2026-01-01T10:00:03.5Z".to_owned();
    let plan = world.plan();
    assert_eq!((action(&plan, "db"), action(&plan, "web")), (None, Some(Action::Restart)));
}

#[test]
fn who_is_new_in_a_namespace_goes_with_the_owner_that_is_taken_back() {
    let mut world = world();
    world.spec("db").user = Some("1".to_owned());
    world.node().containers.remove("web-id");
    let plan = world.plan();
    assert_eq!((action(&plan, "db"), action(&plan, "web")), (Some(Action::Replace), Some(Action::Create)));
    let step = |fits: &dyn Fn(&Operation) -> bool| plan.steps.iter().find(|step| fits(&step.operation)).unwrap();
    let stop = step(&|call| *call == Operation::StopContainer { container: "db-id".to_owned() });
    let create = step(&|call| matches!(call, Operation::CreateContainer { name, .. } if name == "web-main-1"));
    assert_eq!(create.group, stop.group);
    assert!(create.undo.is_some());
    let removal = step(&|call| matches!(call, Operation::RemoveContainer { container, .. } if container == "db-id"));
    let proof = plan.steps.iter().find(|step| step.addr == Some(addr("web")) && step.phase == Phase::Verify).unwrap();
    assert!(removal.after.contains(&proof.id));
}

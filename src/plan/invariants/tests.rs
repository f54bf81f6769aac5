//! Each invariant can fail: a plan that is good, with one thing made bad.

use super::*;
use crate::diff::path_fields;
use crate::model::spec::{
    ContainerRef, ContainerSpec, DataPlace, DataSource, DirectorySpec, Mount, MountKind, NetworkMode,
};
use crate::model::view::{FileKind, LiveFile, Recorded};
use crate::model::{Addr, Key, Value};
use crate::plan::operation::Operation;
use crate::plan::step::{GroupId, Phase, Step, StepId};
use crate::plan::tests::fixture::{World, node_name, service_name};
use crate::plan::{Action, AnonymousVolumes, Holder, Objection, OnFailure, PlannedChange};

/// Returns the violations in a valid plan after `spoil` has modified it.
fn found(world: &World, spoil: impl FnOnce(&mut Plan)) -> Vec<Violation> {
    let (mut plan, changes) = (world.plan(), world.changes());
    spoil(&mut plan);
    invariants(&plan, &world.input(&changes))
}

/// A world in which the container of `db` is replaced.
fn replacing() -> World {
    let mut world = World::running();
    world.spec("db").user = Some("1".to_owned());
    assert_eq!(found(&world, |_| {}), []);
    world
}

fn addr(service: &str) -> Addr {
    format!("box/{service}/container:main").parse().unwrap()
}

fn push(plan: &mut Plan, of: &str, operation: Operation) -> StepId {
    let id = StepId(plan.steps.len());
    plan.steps.push(Step {
        id,
        node: node_name(),
        service: service_name(of),
        addr: Some(addr(of)),
        phase: Phase::Deploy,
        operation,
        undo: None,
        group: None,
        verifies: Default::default(),
        after: Default::default(),
        behind: Default::default(),
        on_failure: OnFailure::default(),
    });
    id
}

fn create(name: &str, spec: ContainerSpec) -> Operation {
    let spec = Box::new(spec);
    Operation::CreateContainer {
        name: name.to_owned(),
        spec,
        peers: Default::default(),
        inherited_volumes: Default::default(),
    }
}

fn remove(container: &str) -> Operation {
    Operation::RemoveContainer { container: container.to_owned(), volumes: AnonymousVolumes::Keep }
}

/// The first step whose call fits.
fn step(plan: &mut Plan, fits: fn(&Operation) -> bool) -> &mut Step {
    plan.steps.iter_mut().find(|s| fits(&s.operation)).unwrap()
}

#[test]
fn what_names_no_step_is_found() {
    let spoilt = found(&replacing(), |plan| {
        plan.steps[0].after.insert(StepId(99));
    });
    assert_eq!(spoilt, [Violation::NoSuchStep(StepId(99))]);
    let spoilt = found(&replacing(), |plan| plan.steps[1].id = StepId(0));
    assert_eq!(spoilt, [Violation::NoSuchStep(StepId(0))]);
    let spoilt = found(&replacing(), |plan| plan.changes[0].steps.push(StepId(99)));
    assert_eq!(spoilt, [Violation::NoSuchStep(StepId(99))]);
}

#[test]
fn a_cycle_is_found() {
    let spoilt = found(&replacing(), |plan| {
        plan.steps[0].after.insert(StepId(2));
    });
    assert_eq!(spoilt, [Violation::Cycle(vec![StepId(0), StepId(1), StepId(2)])]);
    let spoilt = found(&replacing(), |plan| {
        plan.steps[1].after.insert(StepId(1));
    });
    assert_eq!(spoilt, [Violation::Cycle(vec![StepId(1)])]);
}

#[test]
fn an_undo_that_is_none_is_found() {
    let stop: fn(&Operation) -> bool = |operation| matches!(operation, Operation::StopContainer { .. });
    let spoilt = found(&replacing(), |plan| step(plan, stop).group = None);
    assert!(matches!(spoilt[..], [Violation::UndoWithoutGroup(_)]), "{spoilt:?}");
    let spoilt = found(&replacing(), |plan| step(plan, stop).undo = None);
    assert!(matches!(spoilt[..], [Violation::NoWayBack(_)]), "{spoilt:?}");
    let spoilt = found(&replacing(), |plan| step(plan, stop).undo = Some(remove("db-id")));
    assert!(matches!(spoilt[..], [Violation::WrongUndo(_)]), "{spoilt:?}");
    let spoilt = found(&replacing(), |plan| {
        plan.steps[0].verifies.insert(GroupId(77));
    });
    assert_eq!(spoilt, [Violation::NoSuchGroup(StepId(0), GroupId(77))]);
}

#[test]
fn an_undo_without_order_is_found() {
    let spoilt = found(&replacing(), |plan| {
        let is_old = |operation: &Operation| matches!(operation, Operation::RenameContainer { container, .. } if container == "db-id");
        step(plan, is_old).after.clear();
    });
    assert!(matches!(spoilt[..], [Violation::UndoWithoutOrder(..), ..]), "{spoilt:?}");
}

#[test]
fn two_entries_for_one_thing_are_found() {
    let spoilt = found(&replacing(), |plan| plan.changes.push(plan.changes[0].clone()));
    assert_eq!(spoilt, [Violation::TwoEntries(addr("db"), addr("db"))]);
}

#[test]
fn two_generations_on_one_volume_are_found() {
    let start: fn(&Operation) -> bool = |operation| matches!(operation, Operation::StartContainer { .. });
    let spoilt = found(&replacing(), |plan| step(plan, start).after.clear());
    let is_it = |v: &Violation| matches!(v, Violation::TwoOnData { old, .. } if old == "db-main-1");
    assert!(spoilt.iter().any(is_it), "{spoilt:?}");
}

#[test]
fn a_rename_that_is_not_understood_is_found_and_so_is_what_it_takes() {
    let mut world = World::running();
    let mut service = world.homelab.services.remove("web").unwrap();
    (service.name, service.project) = (service_name("shop"), crate::model::ProjectName::new("shop").unwrap());
    let spec = service.containers["main"].spec.clone();
    world.homelab.services.insert(service.name.clone(), service);
    assert_eq!(found(&world, |plan| assert!(plan.blocked.contains_key(&service_name("shop")))), []);
    let spoilt = found(&world, |plan| {
        let (container, volumes) = ("web-id".to_owned(), AnonymousVolumes::Keep);
        let create = Operation::CreateContainer {
            name: spec.name.clone(),
            peers: Default::default(),
            inherited_volumes: Default::default(),
            spec: Box::new(spec.clone()),
        };
        let made = [create, Operation::StartContainer { container: spec.name.clone() }].map(|o| push(plan, "shop", o));
        let stop = Operation::StopContainer { container: container.clone() };
        let gone = [stop, Operation::RemoveContainer { container, volumes }].map(|o| push(plan, "web", o));
        let change =
            |service, action, steps: [StepId; 2]| PlannedChange::new(addr(service), action, Vec::new(), steps.into());
        plan.changes.extend([change("web", Action::Delete, gone), change("shop", Action::Create, made)]);
    });
    let renamed = Violation::RenameNotUnderstood { removed: addr("web"), created: addr("shop") };
    assert!(spoilt.contains(&renamed), "{spoilt:?}");
    assert!(spoilt.iter().any(|v| matches!(v, Violation::DataTakenTooEarly { .. })), "{spoilt:?}");
}

#[test]
fn a_copy_of_what_is_written_to_is_found() {
    let spoilt = found(&World::running(), |plan| {
        let place = DataPlace::Volume("web_data".to_owned());
        let source = DataSource::Node { node: node_name(), place: place.clone() };
        push(plan, "web", Operation::CopyData { source, target: place });
    });
    assert_eq!(spoilt, [Violation::CopiedWhileRunning { copies: StepId(0), container: "web-main-1".to_owned() }]);
}

#[test]
fn what_is_taken_too_early_is_found() {
    let spoilt = found(&replacing(), |plan| {
        let is_new =
            |operation: &Operation| matches!(operation, Operation::RenameContainer { name, .. } if name == "db-main-1");
        step(plan, is_new).after.clear();
    });
    let name = Claim::ContainerName("db-main-1".to_owned());
    let is_it = |v: &Violation| matches!(v, Violation::TakenTooEarly { claim, .. } if *claim == name);
    assert!(spoilt.iter().any(is_it), "{spoilt:?}");
}

#[test]
fn what_its_holder_keeps_is_found_unless_the_plan_objects() {
    let world = World::running();
    let take = |plan: &mut Plan| {
        push(plan, "api", create("web-main-1", ContainerSpec::default()));
    };
    let (claim, holder) = (Claim::ContainerName("web-main-1".to_owned()), "web-main-1".to_owned());
    assert_eq!(found(&world, take), [Violation::KeptByHolder { takes: StepId(0), claim, holder }]);
    let objected = found(&world, |plan| {
        take(plan);
        let holder = Holder { name: "web-main-1".to_owned(), project: None, owner: None };
        plan.objections.push(Objection::NameTaken { addr: addr("api"), holder });
    });
    assert_eq!(objected, [Violation::HintRemovesOwn("web-main-1".to_owned())]);
}

#[test]
fn who_shares_and_does_not_follow_is_found() {
    let mut world = World::running();
    let sharer = world.container("api");
    sharer.shares_with.insert("web-id".to_owned());
    sharer.namespaces_of.insert("web-id".to_owned());
    sharer.spec.network_mode = NetworkMode::Container(ContainerRef::Name("web-main-1".to_owned()));
    world.spec("api").network_mode = NetworkMode::Container(ContainerRef::Name("web-main-1".to_owned()));
    let (changes, mut plan) = (world.changes(), Plan::default());
    let (owner, sharer) = (|| "web-main-1".to_owned(), || "api-main-1".to_owned());
    push(&mut plan, "web", remove("web-id"));
    let left = Violation::SharerLeft { owner: owner(), sharer: sharer() };
    assert_eq!(invariants(&plan, &world.input(&changes)), [left]);
    push(&mut plan, "api", remove("api-id"));
    let wait = Operation::AwaitContainer {
        container: "api-main-1".to_owned(),
        condition: crate::model::homelab::Condition::Healthy,
        timeout_ms: 1,
    };
    let proof = push(&mut plan, "api", wait);
    plan.steps[proof.0].phase = Phase::Verify;
    let early = Violation::OwnerRemovedTooEarly { owner: owner(), sharer: sharer() };
    assert_eq!(invariants(&plan, &world.input(&changes)), [early]);
    plan.steps[0].after.insert(proof);
    assert_eq!(invariants(&plan, &world.input(&changes)), []);
    let mut plan = Plan::default();
    push(&mut plan, "web", Operation::RestartContainer { container: "web-id".to_owned() });
    let stays = Violation::SharerNotRestarted { owner: owner(), sharer: sharer() };
    assert_eq!(invariants(&plan, &world.input(&changes)), [stays]);
}

#[test]
fn a_network_without_a_way_back_is_found() {
    let mut world = World::running();
    let network = world.service("web").networks.get_mut("net").unwrap();
    let crate::model::homelab::Network::Own(spec) = network else { panic!() };
    spec.internal = true;
    let spoilt = found(&world, |plan| {
        let removes = |step: &&mut Step| matches!(step.operation, Operation::RemoveNetwork { .. });
        for step in plan.steps.iter_mut().filter(removes) {
            (step.undo, step.group) = (None, None);
        }
    });
    assert!(matches!(spoilt[..], [Violation::NetworkWithoutUndo(_)]), "{spoilt:?}");
}

#[test]
fn what_was_not_proven_and_is_not_verified_is_found() {
    let mut world = World::running();
    world.recorded.unverified.insert(service_name("api"));
    let spoilt = found(&world, |plan| plan.verifications.clear());
    assert_eq!(spoilt, [Violation::UnprovenNotVerified(service_name("api"))]);
}

#[test]
fn a_path_of_another_kind_is_found() {
    let mut world = World::running();
    let file = LiveFile { kind: FileKind::File, mode: 0o644, owner: "0:0".to_owned(), content: None, entries: None };
    world.node().files.insert("/srv/a".to_owned(), file);
    let spec = DirectorySpec { path: "/srv/a".to_owned(), ..DirectorySpec::default() };
    let spoilt = found(&world, |plan| {
        push(plan, "web", Operation::EnsureDirectory(spec));
    });
    assert_eq!(spoilt, [Violation::PathOfOtherKind(StepId(0))]);
}

/// A world in which a file that hl wrote is no longer declared, with its address.
fn with_undeclared_file() -> (World, Addr) {
    let mut world = World::running();
    let (addr, path): (Addr, _) = ("box/web/file:config/web/a".parse().unwrap(), "/opt/homelab/config/web/a");
    let content = Some(b"a".to_vec());
    let file = LiveFile { kind: FileKind::File, mode: 0o644, owner: "0:0".to_owned(), content, entries: None };
    let mut fields = path_fields(&file, FileKind::File);
    fields.set(Key::Content, Value::text("a"));
    world.node().files.insert(path.to_owned(), file);
    let recorded = Recorded {
        id: path.to_owned(),
        declared: fields.clone(),
        baseline: fields,
        applied_at: "2026-01-01T00:00:00Z".to_owned(),
    };
    world.recorded.resources.insert(addr.clone(), recorded);
    (world, addr)
}

#[test]
fn a_shipped_file_that_stays_is_found() {
    let (world, addr) = with_undeclared_file();
    let spoilt = found(&world, |plan| {
        let change = plan.changes.iter_mut().find(|change| change.addr == addr).unwrap();
        assert_eq!((change.action, change.steps.len()), (Action::Delete, 1));
        change.steps.clear();
    });
    assert_eq!(spoilt, [Violation::ShippedFileStays(addr)]);
}

#[test]
fn a_home_that_is_not_resolved_is_found() {
    let kind = MountKind::Bind {
        source: "~/data".to_owned(),
        propagation: None,
        selinux: None,
        must_exist: false,
        recursive: None,
    };
    let mut spec = ContainerSpec { name: "new".to_owned(), ..ContainerSpec::default() };
    spec.mounts.insert("/data".to_owned(), Mount { kind, read_only: false });
    let spoilt = found(&World::running(), |plan| {
        push(plan, "web", create("new", spec));
    });
    assert_eq!(spoilt, [Violation::HomeNotResolved(addr("web"))]);
}

//! Removal of undeclared resources and of the leftovers of an interrupted replacement.

use super::fixture::{World, live_container, node_name, service_name};
use super::outline;
use crate::model::Kind;
use crate::model::homelab::Protect;
use crate::model::view::Status;
use crate::plan::{Action, ObjectionKind, Stake};

#[test]
fn services_that_are_gone_are_removed_dependents_first_and_data_stays() {
    let mut world = World::running();
    world.homelab.services.remove("api");
    world.homelab.services.remove("web");
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn protection_outlives_the_folder() {
    let mut world = World::running();
    world.homelab.services.remove("web");
    world.recorded.services.get_mut(&service_name("web")).unwrap().lifecycle.protect = Protect::On;
    let plan = world.plan();
    assert_eq!(plan.objections[0].kind(), ObjectionKind::Protected);
    assert!(plan.steps.is_empty());
}

#[test]
fn a_leftover_of_a_replacement_that_never_got_there_is_removed() {
    let mut world = World::running();
    let service = world.homelab.services["web"].clone();
    let mut fresh = live_container(&service, &service.containers["main"]);
    fresh.id = "fresh".to_owned();
    fresh.name = "web-id_web-main-1".to_owned();
    fresh.status = Status::Created;
    world.node().containers.insert(fresh.id.clone(), fresh);
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn the_old_container_goes_only_when_its_unrecorded_successor_is_proved() {
    let mut world = World::running();
    let service = world.homelab.services["web"].clone();
    let mut fresh = live_container(&service, &service.containers["main"]);
    fresh.id = "fresh".to_owned();
    world.node().containers.insert(fresh.id.clone(), fresh);
    let old = world.container("web");
    old.name = "web-main-1.old-web-id".to_owned();
    old.status = Status::Exited { code: 0 };
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn a_service_that_lost_its_container_and_record_of_it_is_made_again() {
    let mut world = World::running();
    world.node().containers.remove("web-id");
    assert!(outline(&world.plan()).starts_with("+ box/web/container:main: gone "));
}

#[test]
fn where_the_anonymous_volumes_of_a_removed_container_are_is_told() {
    let mut world = World::running();
    let name = "a".repeat(64);
    world.container("web").anonymous_volumes.insert("/cache".to_owned(), name.clone());
    world.homelab.services.remove(&service_name("web"));
    let plan = world.plan();
    let change = plan.changes.iter().find(|c| c.addr.kind == Kind::Container).unwrap();
    let stays = Stake::VolumeStays { volume: name, node: node_name() };
    assert_eq!((change.action, &change.data_at_stake), (Action::Delete, &vec![stays]));
}

#[test]
fn what_a_profile_disables_stays_with_all_that_it_uses() {
    let mut world = World::running();
    let web = world.service("web");
    web.containers.clear();
    web.networks.clear();
    web.volumes.clear();
    web.disabled.insert("main".to_owned());
    assert_eq!(world.changes(), []);
    let mut removed = world;
    removed.homelab.services.remove("web");
    assert!(removed.plan().changes.iter().any(|c| c.action == Action::Delete && c.addr.kind == Kind::Container));
}

#[test]
fn a_network_goes_with_the_plan_that_takes_its_last_container_off() {
    let mut world = World::running();
    world.service("web").networks.clear();
    world.spec("web").networks.clear();
    let plan = world.plan();
    assert!(outline(&plan).contains("- box/web/network:net"), "{}", outline(&plan));
    assert_eq!(plan.notes, []);
}

//! First plans, empty plans, adoption.

use super::fixture::{World, service_name};
use super::outline;
use crate::model::NodeName;
use crate::model::homelab::Unresolved;
use crate::model::view::NodeView;
use crate::plan::Action;

#[test]
fn the_first_plan_makes_everything_in_order() {
    insta::assert_snapshot!(outline(&World::new().plan()));
}

#[test]
fn after_an_apply_the_plan_is_empty() {
    assert_eq!(outline(&World::running().plan()), "");
}

#[test]
fn without_its_record_everything_is_adopted_and_nothing_touched() {
    let mut world = World::running();
    world.recorded = Default::default();
    let plan = world.plan();
    assert!(!plan.has_changes() && plan.steps.is_empty());
    assert!(plan.changes.iter().all(|c| c.action == Action::Adopt));
    assert_eq!(plan.changes.len(), 9);
}

#[test]
fn a_missing_image_is_pulled_once_and_first() {
    let mut world = World::new();
    world.node().images.clear();
    for service in ["db", "api"] {
        world.spec(service).image = crate::model::spec::ImageRef::new("same:1");
    }
    world.homelab.services.remove("web");
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn an_unknown_node_is_not_planned_and_nothing_of_it_is_created() {
    let mut world = World::running();
    let unknown = NodeView::Unknown { why: "connect timed out after 10 s".to_owned(), hint: String::new() };
    world.live.nodes.insert(super::fixture::node_name(), unknown);
    let plan = world.plan();
    assert_eq!(outline(&plan), "unknown box: connect timed out after 10 s\n");
    assert_eq!(plan.unknown.values().next().unwrap().services.len(), 3);
}

#[test]
fn an_empty_repository_removes_nothing_by_accident() {
    let mut world = World::running();
    world.homelab.services.clear();
    let plan = world.plan();
    assert_eq!(plan.objections.len(), 1);
    assert_eq!(plan.objections[0].kind(), crate::plan::ObjectionKind::Empty);
}

#[test]
fn what_nobody_asked_for_is_no_gap_in_the_plan() {
    let mut world = World::running();
    let unresolved = Unresolved { node: super::fixture::node_name(), why: "DB_PASSWORD is empty".to_owned() };
    world.homelab.services.remove(&service_name("db"));
    world.homelab.unresolved.insert(service_name("db"), unresolved);
    let far = NodeName::new("far").unwrap();
    let unknown = NodeView::Unknown { why: "connect timed out after 10 s".to_owned(), hint: String::new() };
    world.live.nodes.insert(far, unknown);
    assert!(world.plan().is_incomplete());
    world.options.targets = vec!["api".parse().unwrap(), "web/container:main".parse().unwrap()];
    let plan = world.plan();
    assert_eq!(outline(&plan), "");
    assert!(!plan.is_incomplete());
    assert_eq!(plan.order, [service_name("api"), service_name("web")]);
    world.options.targets = Vec::new();
    world.options.excludes = vec!["far".parse().unwrap(), "db".parse().unwrap()];
    assert!(!world.plan().is_incomplete());
}

//! Changes of what runs: from the files, from outside, from both.

use std::collections::BTreeMap;

use super::fixture::{World, container, needs, node_name, service_name};
use super::outline;
use crate::diff::Verdict;
use crate::model::homelab::{DependentRestart, Role, RunState, UpdateOrder, Volume};
use crate::model::spec::{ContainerRef, ImageRef, Mount, MountKind, NetworkMode, Port, RestartPolicy};
use crate::model::view::{Health, NodeView, Status};
use crate::model::{Target, Text};
use crate::plan::{Action, Objection, ObjectionKind, Operation, Reason, Required};
use crate::render::sentences;

#[test]
fn a_changed_variable_replaces_and_reverifies_dependents() {
    let mut world = World::running();
    world.spec("db").environment.insert("A".to_owned(), Some(Text::plain("b")));
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn a_changed_limit_is_set_in_place() {
    let mut world = World::running();
    world.spec("db").mem_limit = Some(1 << 30);
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn drift_of_the_restart_policy_is_put_back_in_place() {
    let mut world = World::running();
    world.container("api").spec.restart = RestartPolicy::Always;
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn a_stopped_container_is_started() {
    let mut world = World::running();
    world.container("api").status = Status::Exited { code: 137 };
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn a_paused_container_is_thawed() {
    let mut world = World::running();
    world.container("web").status = Status::Paused;
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn a_lost_network_is_connected_again() {
    let mut world = World::running();
    world.container("web").spec.networks.clear();
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn a_renamed_container_gets_its_name_back() {
    let mut world = World::running();
    world.container("web").name = "other".to_owned();
    world.container("web").spec.name = "other".to_owned();
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn a_stopped_container_gets_its_name_back_though_what_else_changed_can_wait() {
    let mut world = World::running();
    world.service("web").state = RunState::Stopped;
    world.spec("web").mounted_files.insert("www/a.css".to_owned(), Text::plain("1"));
    world.settle();
    world.container("web").status = Status::Exited { code: 0 };
    world.spec("web").mounted_files.insert("www/a.css".to_owned(), Text::plain("2"));
    world.container("web").name = "other".to_owned();
    world.container("web").spec.name = "other".to_owned();
    let plan = world.plan();
    let renames = |step: &crate::plan::Step| matches!(step.operation, Operation::RenameContainer { .. });
    assert!(plan.steps.iter().any(renames), "{}", outline(&plan));
}

#[test]
fn a_moved_tag_replaces() {
    let mut world = World::running();
    let mut image = world.node().images.remove("sha256:web").unwrap();
    image.id = "sha256:new".to_owned();
    world.node().images.insert(image.id.clone(), image);
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn a_new_image_is_pulled_before_anything_stops() {
    let mut world = World::running();
    world.spec("web").image = ImageRef::new("web:2");
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn without_ports_and_data_the_new_one_starts_first() {
    let mut world = World::new();
    world.spec("web").mounts.clear();
    world.settle();
    world.spec("web").user = Some("1".to_owned());
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn an_anonymous_volume_whose_line_is_gone_stays_and_its_name_is_told() {
    let anonymous = || Mount { kind: MountKind::Anonymous, read_only: false };
    let name = |digit: &str| digit.repeat(64);
    let mut world = World::new();
    for target in ["/cache", "/kept", "/image"] {
        world.spec("web").mounts.insert(target.to_owned(), anonymous());
    }
    world.settle();
    for (target, digit) in [("/cache", "a"), ("/kept", "b"), ("/image", "c")] {
        world.container("web").anonymous_volumes.insert(target.to_owned(), name(digit));
    }
    for target in ["/cache", "/image"] {
        world.spec("web").mounts.remove(target);
    }
    let image = world.node().images.get_mut("sha256:web").unwrap();
    image.config.as_mut().unwrap().volumes.insert("/image".to_owned());
    let plan = world.plan();
    let change = plan.changes.iter().find(|c| c.action == Action::Replace).unwrap();
    let stakes: Vec<String> = change.data_at_stake.iter().map(sentences::stake).collect();
    let a = name("a");
    assert_eq!(stakes, [format!("/cache is no longer kept in volume {a}; what is in volume {a} stays there.")]);
    let inherited = plan.steps.iter().find_map(|step| match &step.operation {
        Operation::CreateContainer { inherited_volumes, .. } => Some(inherited_volumes.clone()),
        _ => None,
    });
    let expected = [("/image".to_owned(), name("c")), ("/kept".to_owned(), name("b"))];
    assert_eq!(inherited, Some(BTreeMap::from(expected)));
}

#[test]
fn stop_first_can_be_asked_for() {
    let mut world = World::new();
    world.spec("web").mounts.clear();
    world.service("web").update.order = UpdateOrder::StopFirst;
    world.settle();
    world.spec("web").user = Some("1".to_owned());
    assert_eq!(world.plan().steps[1].operation, Operation::StopContainer { container: "web-id".to_owned() });
}

#[test]
fn in_a_stopped_service_too_a_namespace_is_shared_once_its_owner_has_its_name() {
    let mut world = World::running();
    world.container("web").name = "other".to_owned();
    world.container("web").spec.name = "other".to_owned();
    let web = world.service("web");
    web.state = RunState::Stopped;
    let mut sidecar = container("sidecar", Default::default());
    sidecar.spec.name = "web-sidecar-1".to_owned();
    sidecar.spec.image = ImageRef::new("web:1");
    sidecar.spec.network_mode = NetworkMode::Container(ContainerRef::Service("main".to_owned()));
    sidecar.depends_on = BTreeMap::from([("main".to_owned(), needs(DependentRestart::On))]);
    web.containers.insert("sidecar".to_owned(), sidecar);
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn nothing_of_a_stopped_service_is_waited_for() {
    let mut world = World::running();
    world.spec("db").environment.insert("A".to_owned(), Some(Text::plain("b")));
    world.container("api").status = Status::Exited { code: 137 };
    world.container("api").health = Some(Health::Unhealthy);
    world.service("api").state = RunState::Stopped;
    let plan = outline(&world.plan());
    assert!(!plan.contains("await api"), "{plan}");
}

#[test]
fn a_declared_stop_stops() {
    let mut world = World::running();
    world.service("web").state = RunState::Stopped;
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn a_job_that_ended_well_is_no_change() {
    let mut world = World::running();
    world.service("web").containers.get_mut("main").unwrap().role = Role::OneShot;
    world.container("web").status = Status::Exited { code: 0 };
    assert!(!world.plan().has_changes());
    world.container("web").status = Status::Exited { code: 1 };
    assert!(world.plan().has_changes());
}

#[test]
fn a_port_that_another_container_holds_is_an_objection() {
    let mut world = World::running();
    let port = Port { target: 80, protocol: "tcp".to_owned(), host_ip: String::new(), published: "8080".to_owned() };
    world.spec("web").ports.insert(port.clone());
    let mut foreign = world.container("db").clone();
    foreign.id = "foreign".to_owned();
    foreign.name = "squatter".to_owned();
    foreign.identity = None;
    foreign.spec.ports.insert(port);
    world.node().containers.insert(foreign.id.clone(), foreign);
    let plan = world.plan();
    assert_eq!(plan.objections.len(), 1);
    assert_eq!(
        sentences::objection(&plan.objections[0]),
        "Port 8080/tcp of box is taken by container squatter, which no compose file made."
    );
}

#[test]
fn a_name_that_somebody_took_is_an_objection() {
    let mut world = World::running();
    let mut foreign = world.container("db").clone();
    foreign.id = "foreign".to_owned();
    foreign.name = world.container("web").name.clone();
    foreign.identity = None;
    world.container("web").name = "mine".to_owned();
    world.container("web").spec.name = "mine".to_owned();
    let name = foreign.name.clone();
    world.node().containers.insert(foreign.id.clone(), foreign);
    let plan = world.plan();
    let texts: Vec<String> = plan.objections.iter().map(sentences::objection).collect();
    assert_eq!(texts, [format!("The name {name} is taken on box by container {name}, which no compose file made.")]);
}

#[test]
fn a_changed_network_is_made_anew_and_its_containers_are_put_back() {
    let mut world = World::running();
    let network = world.service("web").networks.get_mut("net").unwrap();
    let crate::model::homelab::Network::Own(spec) = network else { panic!() };
    spec.internal = true;
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn a_changed_volume_needs_leave_to_destroy_data() {
    let mut world = World::running();
    let volume = world.service("web").volumes.get_mut("data").unwrap();
    let crate::model::homelab::Volume::Own(spec) = volume else { panic!() };
    spec.driver = Some("other".to_owned());
    let refused = world.plan();
    assert_eq!(refused.objections[0].kind(), crate::plan::ObjectionKind::DataLoss);
    assert!(refused.steps.is_empty());
    world.options.allow_data_loss = vec!["web/volume:data".parse().unwrap()];
    insta::assert_snapshot!(outline(&world.plan()));
}

/// Whoever allows the loss of a volume's data did not allow the loss of what others run with it.
#[test]
fn a_volume_that_others_mount_does_not_go() {
    let foreign = |world: &mut World| {
        let mount = world.container("web").spec.mounts.clone();
        let mut other = world.container("api").clone();
        (other.id, other.name, other.identity) = ("other-id".to_owned(), "other".to_owned(), None);
        other.spec.mounts = mount;
        world.node().containers.insert(other.id.clone(), other);
        world.options.allow_data_loss = vec!["web/volume:data".parse().unwrap()];
    };
    let mut remade = World::running();
    foreign(&mut remade);
    let volume = remade.service("web").volumes.get_mut("data").unwrap();
    let crate::model::homelab::Volume::Own(spec) = volume else { panic!() };
    spec.driver = Some("other".to_owned());
    let mut removed = World::running();
    foreign(&mut removed);
    removed.homelab.services.remove("web");
    for world in [remade, removed] {
        let plan = world.plan();
        let [crate::plan::Objection::VolumeHeld { holder, .. }] = plan.objections.as_slice() else {
            panic!("{:?}", plan.objections)
        };
        assert_eq!((holder.name.as_str(), &holder.owner), ("other", &None));
        let text = outline(&plan);
        assert!(!text.contains("other-id") && !text.contains("remove volume"), "{text}");
    }
}

/// Another service of the homelab that mounts it comes back in the same plan, whichever of the two is planned first.
#[test]
fn a_service_that_mounts_a_volume_is_made_anew_with_it() {
    let mounted_by = |service: &str, owner: &str| {
        let mut world = World::new();
        let mount = world.spec(owner).mounts["/data"].clone();
        world.spec(service).mounts.insert("/shared".to_owned(), mount);
        let volume = Volume::External { name: format!("{owner}_data") };
        world.service(service).volumes.insert("shared".to_owned(), volume);
        world.settle();
        let lost: Target = format!("{owner}/volume:data").parse().unwrap();
        (world.options.allow_data_loss, world.options.replace) = (vec![lost.clone()], vec![lost]);
        world
    };
    let mut world = mounted_by("web", "api");
    insta::assert_snapshot!(outline(&world.plan()));
    let whole = world.plan();
    world.options.targets = vec!["api".parse().unwrap()];
    assert_eq!(world.plan().steps, whole.steps, "it comes along unasked");
    world.options.excludes = vec!["web".parse().unwrap()];
    let held = |plan: crate::plan::Plan| {
        let objections = plan.objections;
        assert!(matches!(objections.as_slice(), [Objection::VolumeHeld { .. }]), "{objections:?}");
    };
    held(world.plan());
    // web needs api, so that neither could be first.
    held(mounted_by("api", "web").plan());
    let mut free = mounted_by("api", "web");
    free.service("web").depends_on.clear();
    let plan = free.plan();
    assert!(plan.objections.is_empty());
    let makes = |step: &&crate::plan::Step| matches!(step.operation, Operation::CreateVolume(_));
    let made = plan.steps.iter().find(makes).unwrap().id;
    let api = |step: &&crate::plan::Step| matches!(&step.operation, Operation::CreateContainer { name, .. } if name == "api-main-1");
    assert!(plan.steps.iter().find(api).unwrap().after.contains(&made), "{}", outline(&plan));
}

#[test]
fn what_is_to_be_replaced_is_made_anew_whatever_the_views_say() {
    let requested = |target: &str, leave: &[&str]| {
        let mut world = World::running();
        world.options.replace = vec![target.parse().unwrap()];
        world.options.allow_data_loss = leave.iter().map(|leave| leave.parse().unwrap()).collect();
        world.plan()
    };
    let replaced = |plan: &crate::plan::Plan| {
        let acting = plan.changes.iter().filter(|change| change.action == Action::Replace);
        acting.map(|change| (change.addr.to_string(), change.reasons[0].clone())).collect::<Vec<_>>()
    };
    let one = |addr: &str| vec![(addr.to_owned(), Reason::Requested)];
    assert_eq!(replaced(&requested("api/container:main", &[])), one("box/api/container:main"));
    assert_eq!(replaced(&requested("box/api", &[])), one("box/api/container:main"), "a service means its containers");
    assert_eq!(replaced(&requested("api/network:net", &[])), one("box/api/network:net"));
    let refused = requested("api/volume:data", &[]);
    assert_eq!(refused.objections[0].kind(), crate::plan::ObjectionKind::DataLoss);
    assert!(refused.steps.is_empty());
    let allowed = requested("api/volume:data", &["api/volume:data"]);
    assert_eq!(replaced(&allowed)[0], ("box/api/volume:data".to_owned(), Reason::Requested));
    assert!(allowed.objections.is_empty() && !allowed.steps.is_empty());
}

#[test]
fn targets_choose_with_what_they_stand_on() {
    let mut world = World::new();
    world.options.targets = vec!["api".parse().unwrap()];
    world.options.excludes = vec!["api/volume:data".parse().unwrap()];
    let touched: Vec<String> = world.plan().changes.iter().map(|c| c.addr.to_string()).collect();
    assert_eq!(touched, ["box/api/network:net", "box/api/container:main"]);
}

#[test]
fn a_clock_that_is_far_off_is_told() {
    let mut world = World::running();
    world.node().clock_ahead = -2;
    assert_eq!(world.plan().notes, []);
    world.node().clock_ahead = -3 * 3_600;
    let notes: Vec<String> = world.plan().notes.iter().map(sentences::note).collect();
    assert!(notes[0].starts_with("The clock of box is 3 hours behind this machine's."), "{notes:?}");
}

#[test]
fn all_nodes_can_be_required() {
    let mut world = World::running();
    let silent = NodeView::Unknown { why: "no answer".to_owned(), hint: String::new() };
    world.live.nodes.insert(node_name(), silent);
    assert_eq!(world.plan().objections, []);
    world.options.required = Required::All;
    let objections = world.plan().objections;
    assert_eq!((objections.len(), objections[0].kind()), (1, ObjectionKind::Incomplete));
}

#[test]
fn what_was_not_proven_is_verified_whatever_else_there_is_to_do() {
    let mut world = World::running();
    world.recorded.unverified.insert(service_name("api"));
    world.container("api").health = Some(Health::Unhealthy);
    let plan = world.plan();
    let verified: Vec<_> = plan.verifications.iter().map(|v| (v.service.as_str(), v.reasons.clone())).collect();
    assert_eq!(verified, [("api", vec![Reason::Unproven])]);
    assert!(!plan.has_changes() && plan.has_work());
}

#[test]
fn steps_name_containers_as_they_are_called_at_their_time() {
    let mut world = World::running();
    let id = "0123456789ab".repeat(6)[..64].to_owned();
    let mut live = world.node().containers.remove("db-id").unwrap();
    live.id = id.clone();
    world.node().containers.insert(id.clone(), live);
    world.recorded.resources.values_mut().filter(|record| record.id == "db-id").for_each(|r| r.id = id.clone());
    world.spec("db").environment.insert("A".to_owned(), Some(Text::plain("b")));
    let plan = world.plan();
    let of = |is_it: fn(&Operation) -> bool| plan.steps.iter().find(|step| is_it(&step.operation)).unwrap();
    let stop = of(|operation| matches!(operation, Operation::StopContainer { .. }));
    let rename =
        of(|operation| matches!(operation, Operation::RenameContainer { container, .. } if container.len() == 64));
    let remove = of(|operation| matches!(operation, Operation::RemoveContainer { .. }));
    let names = &plan.names;
    assert_eq!(names.before(stop.id, &id), Some("db-main-1"));
    assert_eq!(names.before(rename.id, &id), Some("db-main-1"));
    let kept = "db-main-1.old-0123456789ab";
    assert_eq!((names.after(rename.id, &id), names.before(remove.id, &id)), (Some(kept), Some(kept)));
    let text = format!("box: stop container {id}: No such container: {id}");
    let told = "box: stop container db-main-1: No such container: db-main-1";
    assert_eq!(names.in_text(stop.id, &text), told);
    let other = "1".repeat(64);
    assert_eq!(names.in_text(stop.id, &other), other);
}

/// As an engine of API 1.44 and later shows it: at the end of a network.
#[test]
fn a_mac_address_that_is_taken_out_of_the_file_is_taken_off() {
    let mut world = World::new();
    world.spec("db").mac_address = Some("02:42:00:11:22:33".to_owned());
    world.settle();
    let live = &mut world.container("db").spec;
    let address = live.mac_address.take();
    live.networks.values_mut().for_each(|end| end.mac_address.clone_from(&address));
    assert!(!world.plan().has_changes());
    world.spec("db").mac_address = None;
    let plan = world.plan();
    let change = plan.changes.iter().find(|change| change.action == Action::Replace).unwrap();
    assert_eq!(change.fields.iter().filter(|f| f.field.to_string() == "mac_address").count(), 1);
    // Another address is another container.
    world.spec("db").mac_address = Some("02:42:00:11:22:44".to_owned());
    assert!(world.plan().changes.iter().any(|change| change.action == Action::Replace));
}

#[test]
fn what_an_apply_left_half_done_is_nobody_elses_doing() {
    let mut world = World::running();
    world.container("web").status = Status::Exited { code: 1 };
    world.container("api").status = Status::Exited { code: 1 };
    world.recorded.unfinished.insert("box/web/container:main".parse().unwrap());
    let plan = world.plan();
    let reasons = |service: &str| {
        let change = plan.changes.iter().find(|c| c.addr.service.as_str() == service).unwrap();
        (change.reasons.clone(), change.fields.iter().map(|f| f.verdict).collect::<Vec<_>>())
    };
    assert_eq!(reasons("web"), (vec![Reason::Unfinished], vec![Verdict::Pending]));
    assert!(matches!(reasons("api").0[..], [Reason::NotRunning(_)]));
}

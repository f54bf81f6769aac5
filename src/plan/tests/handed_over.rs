//! Claims that are handed over: who gives up goes before who takes, whatever depends on whom.

use std::collections::BTreeMap;

use super::fixture::{World, container, needs, service_name};
use super::outline;
use crate::model::homelab::{DependentRestart, Network, Service, Volume};
use crate::model::spec::{Attachment, ContainerSpec, IpamPool, NetworkSpec, Port, VolumeSpec};
use crate::model::view::{FileKind, LiveFile, Status, Wanted};
use crate::plan::{Action, Objection, Operation, Plan, Reason, Record, StepId};

fn port(published: &str) -> Port {
    Port { target: 80, protocol: "tcp".to_owned(), host_ip: String::new(), published: published.to_owned() }
}

fn named(world: &mut World, service: &str, name: &str) {
    name.clone_into(&mut world.spec(service).name);
}

fn net<'w>(world: &'w mut World, service: &str) -> &'w mut NetworkSpec {
    match world.service(service).networks.get_mut("net") {
        Some(Network::Own(spec)) => spec,
        other => panic!("{other:?}"),
    }
}

fn with_subnet(spec: &mut NetworkSpec, subnet: &str) {
    spec.ipam_pools = vec![IpamPool { subnet: Some(subnet.to_owned()), ..IpamPool::default() }];
}

/// The step whose call fits.
fn find(plan: &Plan, fits: impl Fn(&Operation) -> bool) -> StepId {
    plan.steps.iter().find(|step| fits(&step.operation)).map(|step| step.id).unwrap()
}

/// Whether one is done before the other, whatever the executor chooses.
fn comes_before(plan: &Plan, before: StepId, after: StepId) -> bool {
    let step = &plan.steps[after.0];
    step.after.iter().chain(&step.behind).any(|id| *id == before || comes_before(plan, before, *id))
}

// `web` needs `api`, and `api` needs `db`. Each plan is checked by its invariants as well.

#[test]
fn names_that_are_swapped_go_through_another_one() {
    let mut world = World::running();
    named(&mut world, "db", "api-main-1");
    named(&mut world, "api", "db-main-1");
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn names_go_round_in_one_service_and_across_services() {
    let mut world = World::running();
    named(&mut world, "db", "api-main-1");
    named(&mut world, "api", "web-main-1");
    named(&mut world, "web", "db-main-1");
    insta::assert_snapshot!(outline(&world.plan()));

    let mut world = World::new();
    for name in ["b", "c"] {
        let spec = ContainerSpec { name: name.to_owned(), ..world.spec("web").clone() };
        world.service("web").containers.insert(name.to_owned(), container(name, spec));
    }
    world.settle();
    for (container, name) in [("main", "b"), ("b", "c"), ("c", "web-main-1")] {
        name.clone_into(&mut world.service("web").containers.get_mut(container).unwrap().spec.name);
    }
    assert_eq!(world.plan().objections, []);
}

#[test]
fn names_are_swapped_by_containers_that_are_replaced() {
    let mut world = World::running();
    for (service, name) in [("db", "web-main-1"), ("web", "db-main-1")] {
        named(&mut world, service, name);
        world.spec(service).user = Some("1".to_owned());
    }
    insta::assert_snapshot!(outline(&world.plan()));
}

#[test]
fn a_dependency_gets_the_name_of_what_needs_it() {
    let mut world = World::running();
    named(&mut world, "db", "web-main-1");
    named(&mut world, "web", "web-main-2");
    assert_eq!(world.plan().objections, []);
    world.spec("web").user = Some("1".to_owned());
    world.spec("db").user = Some("1".to_owned());
    assert_eq!(world.plan().objections, []);
}

#[test]
fn a_dependency_gets_the_port_of_what_needs_it_and_a_failure_takes_both_back() {
    let mut world = World::new();
    world.spec("web").ports.insert(port("80"));
    world.settle();
    world.spec("web").ports.clear();
    world.spec("db").ports.insert(port("80"));
    let plan = world.plan();
    let stop = find(&plan, |o| matches!(o, Operation::StopContainer { container } if container == "web-id"));
    let start = find(&plan, |o| matches!(o, Operation::StartContainer { container } if container == "db-main-1"));
    assert!(comes_before(&plan, stop, start));
    let (stop, start) = (&plan.steps[stop.0], &plan.steps[start.0]);
    assert!(start.verifies.contains(&stop.group.unwrap()));
    let create = find(&plan, |o| matches!(o, Operation::CreateContainer { spec, .. } if spec.name == "web-main-1"));
    assert!(comes_before(&plan, start.id, create), "the rest of it waits for its dependency all the same");
}

#[test]
fn addresses_are_swapped_in_place() {
    let mut world = World::new();
    let shared = "shared".to_owned();
    for (service, address) in [("db", "10.0.0.5"), ("web", "10.0.0.6")] {
        let end = Attachment { ipv4_address: Some(address.to_owned()), ..Default::default() };
        world.spec(service).networks.insert(shared.clone(), end);
    }
    world.settle();
    for (service, address) in [("db", "10.0.0.6"), ("web", "10.0.0.5")] {
        world.spec(service).networks.get_mut(&shared).unwrap().ipv4_address = Some(address.to_owned());
    }
    let plan = world.plan();
    // One that is stopped holds no address.
    let off = find(&plan, |o| matches!(o, Operation::StopContainer { container } if container == "web-id"));
    let on = find(&plan, |o| matches!(o, Operation::ConnectNetwork { container, .. } if container == "db-id"));
    let starts = |id: &str| find(&plan, |o| matches!(o, Operation::StartContainer { container } if container == id));
    assert!(comes_before(&plan, off, on) && comes_before(&plan, on, starts("db-id")));
    assert!(comes_before(&plan, starts("db-id"), starts("web-id")));
}

#[test]
fn subnets_are_handed_over() {
    let mut world = World::new();
    with_subnet(net(&mut world, "db"), "10.9.1.0/24");
    with_subnet(net(&mut world, "web"), "10.9.2.0/24");
    world.settle();
    with_subnet(net(&mut world, "db"), "10.9.2.0/25");
    with_subnet(net(&mut world, "web"), "10.9.1.0/24");
    let plan = world.plan();
    assert_eq!(plan.objections, []);
    let removed = find(&plan, |o| matches!(o, Operation::RemoveNetwork { name, .. } if name == "web_net"));
    let made = find(&plan, |o| matches!(o, Operation::CreateNetwork(spec) if spec.name == "db_net"));
    assert!(comes_before(&plan, removed, made));
}

#[test]
fn a_subnet_that_another_network_keeps_is_found() {
    let mut world = World::new();
    with_subnet(net(&mut world, "db"), "10.9.0.0/16");
    with_subnet(net(&mut world, "web"), "10.9.2.0/24");
    let taken = |plan: &Plan| match &plan.objections[..] {
        [Objection::SubnetTaken { addr, network, owner, .. }] => {
            (addr.service.to_string(), network.clone(), owner.clone())
        }
        other => panic!("{other:?}"),
    };
    let plan = world.plan();
    assert_eq!(taken(&plan), ("web".to_owned(), "db_net".to_owned(), Some(service_name("db"))));

    let mut world = World::running();
    let mut foreign = world.node().networks["db_net-id"].clone();
    foreign.id = "foreign".to_owned();
    foreign.identity = None;
    foreign.spec.name = "other".to_owned();
    with_subnet(&mut foreign.spec, "10.9.0.0/16");
    world.node().networks.insert(foreign.id.clone(), foreign);
    with_subnet(net(&mut world, "web"), "10.9.2.0/24");
    assert_eq!(taken(&world.plan()), ("web".to_owned(), "other".to_owned(), None));
}

#[test]
fn what_is_fixed_is_claimed_before_what_the_engine_chooses() {
    let mut world = World::new();
    with_subnet(net(&mut world, "web"), "10.9.2.0/24");
    let fixed = world.spec("web").networks.get_mut("web_net").unwrap();
    fixed.ipv4_address = Some("10.9.2.2".to_owned());
    let spec = ContainerSpec {
        name: "web-a-1".to_owned(),
        networks: BTreeMap::from([("web_net".to_owned(), Default::default())]),
        ..world.spec("web").clone()
    };
    world.service("web").containers.insert("a".to_owned(), container("a", spec));
    let plan = world.plan();
    let network = |name: &str| find(&plan, |o| matches!(o, Operation::CreateNetwork(spec) if spec.name == name));
    assert!(comes_before(&plan, network("web_net"), network("db_net")));
    let start = |name: &str| find(&plan, |o| matches!(o, Operation::StartContainer { container } if container == name));
    assert!(comes_before(&plan, start("web-main-1"), start("web-a-1")));
}

#[test]
fn a_name_that_an_own_container_keeps_is_told_without_a_hint_to_remove_it() {
    let mut world = World::running();
    let web: Service = world.homelab.services["web"].clone();
    named(&mut world, "web", "web-main-2");
    named(&mut world, "db", "web-main-1");
    world.options.targets = vec!["db".parse().unwrap()];
    let plan = world.plan();
    let [Objection::NameTaken { holder, .. }] = &plan.objections[..] else { panic!("{:?}", plan.objections) };
    assert_eq!(holder.owner, Some(web.name));
    assert!(plan.changes.iter().all(|change| change.action != Action::Delete));
}

#[test]
fn an_address_that_somebody_has_by_chance_and_an_interface_that_is_missing_are_found() {
    let mut world = World::running();
    world.container("db").addresses.insert("shared".to_owned(), "10.0.0.2".to_owned());
    world.container("db").spec.networks.insert("shared".to_owned(), Default::default());
    world.spec("db").networks.insert("shared".to_owned(), Default::default());
    world.spec("web").networks.entry("shared".to_owned()).or_default().ipv4_address = Some("10.0.0.2".to_owned());
    let macvlan = net(&mut world, "api");
    macvlan.driver = Some("macvlan".to_owned());
    macvlan.driver_opts.insert("parent".to_owned(), "eth7.10".to_owned());
    let interfaces = b"Inter-|   Receive\n face |bytes\n    lo: 0 0\n  eth0: 1 2\n".to_vec();
    let file = LiveFile {
        kind: FileKind::File,
        mode: 0o444,
        owner: "0:0".to_owned(),
        content: Some(interfaces),
        entries: None,
    };
    world.node().files.insert(Wanted::INTERFACES.to_owned(), file);
    let objections = world.plan().objections;
    let [Objection::AddressTaken { holder, .. }, Objection::ParentMissing { there, .. }] = &objections[..] else {
        panic!("{objections:?}")
    };
    assert_eq!((holder.owner.clone(), there), (Some(service_name("db")), &vec!["eth0".to_owned()]));
    net(&mut world, "api").driver_opts.insert("parent".to_owned(), "eth0.10".to_owned());
    assert_eq!(world.plan().objections.len(), 1);
}

#[test]
fn who_runs_already_gets_its_fixed_address_before_one_that_it_depends_on_is_started() {
    let mut world = World::new();
    let (shared, automatic) = ("shared".to_owned(), Attachment::default());
    let networks = BTreeMap::from([(shared.clone(), automatic.clone())]);
    let spec = ContainerSpec { name: "web-vpn-1".to_owned(), networks, ..world.spec("web").clone() };
    world.service("web").containers.insert("vpn".to_owned(), container("vpn", spec));
    let needs = BTreeMap::from([("vpn".to_owned(), needs(DependentRestart::Off))]);
    world.service("web").containers.get_mut("main").unwrap().depends_on = needs;
    world.settle();
    world.node().containers.remove("vpn-id");
    let fixed = Attachment { ipv4_address: Some("10.9.2.2".to_owned()), ..automatic };
    world.spec("web").networks.insert(shared, fixed);
    let plan = world.plan();
    let on = find(&plan, |o| matches!(o, Operation::ConnectNetwork { container, .. } if container == "web-id"));
    let start = find(&plan, |o| matches!(o, Operation::StartContainer { container } if container == "web-vpn-1"));
    assert!(comes_before(&plan, on, start));
    assert!(!plan.steps[start.0].after.contains(&on), "one that cannot have its address does not hold it back");
}

#[test]
fn who_is_only_started_waits_for_the_port_that_somebody_gives_up() {
    let mut world = World::new();
    world.spec("db").ports.insert(port("80"));
    world.settle();
    world.container("db").status = Status::Created;
    world.container("web").spec.ports.insert(port("80"));
    let plan = world.plan();
    let stop = find(&plan, |o| matches!(o, Operation::StopContainer { container } if container == "web-id"));
    let start = find(&plan, |o| matches!(o, Operation::StartContainer { container } if container == "db-id"));
    assert!(comes_before(&plan, stop, start));
}

#[test]
fn a_volume_that_another_service_has_now_is_one_thing_whose_record_moves() {
    let mut world = World::new();
    let photos = || Volume::Own(VolumeSpec { name: "photos".to_owned(), ..VolumeSpec::default() });
    world.service("db").volumes.insert("photos".to_owned(), photos());
    world.settle();
    world.service("db").volumes.remove("photos");
    world.service("web").volumes.insert("photos".to_owned(), photos());
    let plan = world.plan();
    assert!(!plan.has_changes());
    let of = |service: &str| plan.changes.iter().find(|c| c.addr.service == service_name(service)).unwrap();
    assert_eq!(of("web").reasons, [Reason::RenamedFrom(of("db").addr.clone())]);
    assert_eq!(of("db").record, Record::Forget);
}

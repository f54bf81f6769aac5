//! Values that look like what hl itself writes are nothing but values.

use super::fixture::{World, container};
use crate::model::spec::{ContainerRef, ContainerSpec, ImageRef, IpcMode, Mount, MountKind, PidMode};
use crate::model::{Kind, Text};
use crate::plan::{Action, PlannedChange, Reason};

fn of_container(world: &World, name: &str) -> PlannedChange {
    let plan = world.plan();
    let found = plan.changes.into_iter().find(|c| c.addr.kind == Kind::Container && c.addr.name == name);
    found.unwrap_or_else(|| panic!("{name} is not planned"))
}

fn bind(source: &str) -> Mount {
    let kind = MountKind::Bind {
        source: source.to_owned(),
        propagation: None,
        selinux: None,
        must_exist: false,
        recursive: None,
    };
    Mount { kind, read_only: false }
}

fn volume(source: &str) -> Mount {
    let kind = MountKind::Volume { source: source.to_owned(), nocopy: false, subpath: None };
    Mount { kind, read_only: false }
}

/// Returns the data at stake of `web` when its mount at `/data` changes.
fn at_stake(old: Mount, new: Mount) -> String {
    let mut world = World::new();
    world.spec("web").mounts.insert("/data".to_owned(), old);
    world.settle();
    world.spec("web").mounts.insert("/data".to_owned(), new);
    let change = of_container(&world, "main");
    assert_eq!(change.reasons, [Reason::Declared(vec!["volumes./data".to_owned()])]);
    format!("{:?}", change.data_at_stake)
}

#[test]
fn a_label_is_no_reference_to_a_container_whatever_it_says() {
    let mut world = World::running();
    let note = Text::plain("container:0123456789ab (gone)");
    world.container("web").spec.labels.insert("note".to_owned(), note);
    let change = of_container(&world, "main");
    assert_eq!(change.reasons, [Reason::Drift(vec!["labels.note".to_owned()])]);
}

#[test]
fn a_variable_is_no_mount_whatever_it_is_called() {
    let mut world = World::running();
    world.spec("web").environment.insert("tmpfs".to_owned(), Some(Text::plain("anonymous volume, read-only")));
    let change = of_container(&world, "main");
    assert_eq!(change.reasons, [Reason::Declared(vec!["environment.tmpfs".to_owned()])]);
    assert!(change.data_at_stake.is_empty());
}

#[test]
fn a_path_with_a_comma_is_one_path() {
    let told = at_stake(bind("/srv/a, b"), bind("/srv/a, c"));
    assert!(told.contains("/srv/a, b") && told.contains("/srv/a, c"), "{told}");
    let mut read_only = bind("/srv/a, b");
    read_only.read_only = true;
    assert_eq!(at_stake(bind("/srv/a, b"), read_only), "[]");
}

#[test]
fn a_volume_that_is_called_like_memory_keeps_data() {
    let told = at_stake(volume("tmpfs"), volume("anonymous"));
    assert!(told.contains("tmpfs") && told.contains("anonymous"), "{told}");
    let memory = Mount { kind: MountKind::Tmpfs { size: None, mode: None }, read_only: false };
    assert_eq!(at_stake(memory, volume("tmpfs")), "[]");
}

#[test]
fn who_shares_processes_or_memory_follows_whom_they_share_it_with() {
    let main = || ContainerRef::Service("main".to_owned());
    for (pid, ipc) in
        [(PidMode::Container(main()), IpcMode::EngineDefault), (PidMode::Private, IpcMode::Container(main()))]
    {
        let mut world = World::new();
        let (name, image) = ("web-sidecar-1".to_owned(), ImageRef::new("web:1"));
        let spec = ContainerSpec { name, image, pid, ipc, ..ContainerSpec::default() };
        world.service("web").containers.insert("sidecar".to_owned(), container("sidecar", spec));
        world.settle();
        world.spec("web").user = Some("1".to_owned());
        let change = of_container(&world, "sidecar");
        let peer = Reason::PeerReplaced("box/web/container:main".parse().unwrap());
        assert_eq!((change.action, change.reasons), (Action::Replace, vec![peer]));
    }
}

//! Copies, checks and what they leave, on simulated nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Arrival, DataError, Refusal, Route, check, copy, discard, remove, retire};
use crate::model::NodeName;
use crate::model::spec::{DataPlace, DataSource, ImageConfig, ImageRef, VolumeSpec};
use crate::node::simulated::{Behaviour, Entry, Inode, Simulated, World};
use crate::node::{Node, NodeError};

const DATA: &str = "/opt/homelab/data/notes";
const DAY: &str = "2026-01-02";

/// Two machines; the first one has data.
struct Lab {
    nas: Simulated,
    pi: Simulated,
    nodes: BTreeMap<NodeName, Arc<dyn Node>>,
}

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

impl Lab {
    fn new() -> Self {
        let (nas, pi) = (Simulated::new(name("nas"), World::default()), Simulated::new(name("pi"), World::default()));
        let nodes = [&nas, &pi].map(|node| (node.name().clone(), Arc::new(node.clone()) as Arc<dyn Node>)).into();
        fill(&mut nas.world(), DATA);
        pi.world().files.make_directory("/opt/homelab/data", 1).unwrap();
        Self { nas, pi, nodes }
    }

    fn route(&self) -> Route<'_> {
        Route { to: &self.pi, nodes: &self.nodes }
    }

    async fn copy(&self) -> Result<(), DataError> {
        copy(self.route(), &source(), &folder(), &|_| {}).await
    }

    async fn discard(&self) -> Result<(), DataError> {
        discard(self.route(), &source(), &folder(), DAY).await
    }

    async fn check(&self) -> Result<(), DataError> {
        let data = [(source(), folder())];
        let arrival = Arrival { from: &name("nas"), data: &data, mounts: &[], images: &[], containers: &[] };
        check(self.route(), &arrival).await
    }

    #[track_caller]
    fn assert_copied(&self) {
        assert_eq!(self.pi.world().files.below(DATA), self.nas.world().files.below(DATA));
        assert_eq!(self.names(), [".notes.came", "notes"]);
    }

    /// The names beside the data on the new node.
    fn names(&self) -> Vec<String> {
        self.pi.world().files.list("/opt/homelab/data").into_iter().map(str::to_owned).collect()
    }
}

fn folder() -> DataPlace {
    DataPlace::Folder(DATA.to_owned())
}

fn source() -> DataSource {
    DataSource::Node { node: name("nas"), place: folder() }
}

/// Data with owners, modes, links and bytes that are no text.
fn fill(world: &mut World, directory: &str) {
    let files = &mut world.files;
    files.make_directory(directory, 5).unwrap();
    files.put_file(&format!("{directory}/deep/er/text"), "words\n");
    files.put_file(&format!("{directory}/-dash with spaces"), [0_u8, 159, 255]);
    files.put_file(&format!("{directory}/large"), vec![7_u8; 700_000]);
    let link = Inode::Link("deep/er".into());
    files.put(&format!("{directory}/link"), Entry { node: link, mode: 0o777, uid: 3, gid: 4, modified: 11 });
    files.change(&format!("{directory}/deep"), Some(0o2750), Some((1000, 2000)));
    files.change(&format!("{directory}/large"), Some(0o600), Some((33, 44)));
}

/// Why something was refused.
#[track_caller]
fn refusal(result: Result<(), DataError>) -> Refusal {
    match result {
        Err(DataError::Refused { kind, .. }) => *kind,
        other => panic!("it was not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_copy_is_equal_and_a_second_one_leaves_it_alone() {
    let lab = Lab::new();
    lab.check().await.unwrap();
    lab.copy().await.unwrap();
    lab.assert_copied();
    // It has been used since, and its source has not.
    lab.pi.world().files.put_file(&format!("{DATA}/new"), "written on the new node");
    lab.check().await.unwrap();
    lab.copy().await.unwrap();
    assert!(lab.pi.world().files.exists(&format!("{DATA}/new")));
}

#[tokio::test]
async fn a_copy_that_is_cut_off_anywhere_leaves_the_source_and_is_made_again() {
    for calls in 0.. {
        let lab = Lab::new();
        let before = lab.nas.world().files.clone();
        lab.pi.cut_after(Some(calls));
        let done = lab.copy().await;
        lab.pi.cut_after(None);
        assert_eq!(lab.nas.world().files, before, "the source is read and no more");
        let in_place = lab.pi.world().files.exists(DATA);
        assert_eq!(in_place, done.is_ok(), "what is in its place after {calls} calls is whole");
        lab.copy().await.unwrap();
        lab.assert_copied();
        if done.is_ok() {
            assert!(calls > 3, "there is something to cut");
            break;
        }
    }
}

#[tokio::test]
async fn other_data_is_never_overwritten() {
    let lab = Lab::new();
    lab.pi.world().files.put_file(&format!("{DATA}/precious"), "1");
    let before = lab.pi.world().files.clone();
    assert!(matches!(refusal(lab.check().await), Refusal::Occupied { .. }));
    assert!(matches!(refusal(lab.copy().await), Refusal::Occupied { .. }));
    assert_eq!(lab.pi.world().files, before);
    // A copy whose source has changed since is other data, too.
    let lab = Lab::new();
    lab.copy().await.unwrap();
    lab.nas.world().files.put_file(&format!("{DATA}/new"), "written on the old node");
    assert!(matches!(refusal(lab.copy().await), Refusal::Occupied { .. }));
}

#[tokio::test]
async fn an_empty_directory_is_no_data_and_of_no_data_one_is_made() {
    let lab = Lab::new();
    lab.pi.world().files.make_directory(DATA, 1).unwrap();
    lab.copy().await.unwrap();
    lab.assert_copied();
    let lab = Lab::new();
    lab.nas.world().files.remove(DATA);
    lab.copy().await.unwrap();
    assert!(lab.pi.world().files.is_vacant(DATA) && lab.pi.world().files.exists(DATA));
}

#[tokio::test]
async fn a_copy_is_taken_away_and_what_was_written_to_it_stays() {
    let lab = Lab::new();
    lab.copy().await.unwrap();
    lab.discard().await.unwrap();
    assert!(lab.names().is_empty());

    lab.copy().await.unwrap();
    lab.pi.world().files.put_file(&format!("{DATA}/new"), "written on the new node");
    lab.discard().await.unwrap();
    assert_eq!(lab.names(), [format!("notes.moved-{DAY}")]);
    assert!(lab.pi.world().files.exists(&format!("{DATA}.moved-{DAY}/new")));

    // A source that is gone has no copy: what is there may be all that there is.
    lab.copy().await.unwrap();
    lab.nas.world().files.remove(DATA);
    lab.discard().await.unwrap();
    assert_eq!(lab.names(), [format!("notes.moved-{DAY}"), format!("notes.moved-{DAY}.2")]);
}

#[tokio::test]
async fn data_of_volumes_goes_from_one_to_the_other() {
    let lab = Lab::new();
    let volume = |name: &str| VolumeSpec { name: name.to_owned(), ..VolumeSpec::default() };
    let directory = |name: &str| format!("/var/lib/docker/volumes/{name}/_data");
    let source = DataSource::Node { node: name("nas"), place: DataPlace::Volume("old".to_owned()) };
    let target = DataPlace::Volume("new".to_owned());
    let missing = copy(lab.route(), &source, &target, &|_| {}).await;
    assert!(matches!(refusal(missing), Refusal::NoVolume));
    lab.nas.create_volume(&volume("old")).await.unwrap();
    lab.pi.create_volume(&volume("new")).await.unwrap();
    fill(&mut lab.nas.world(), &directory("old"));
    copy(lab.route(), &source, &target, &|_| {}).await.unwrap();
    assert_eq!(lab.pi.world().files.below(&directory("new")), lab.nas.world().files.below(&directory("old")));
    // A volume that was written to is kept, and is no copy any more.
    lab.pi.world().files.put_file(&format!("{}/new", directory("new")), "1");
    discard(lab.route(), &source, &target, DAY).await.unwrap();
    assert!(matches!(refusal(copy(lab.route(), &source, &target, &|_| {}).await), Refusal::Occupied { .. }));
    lab.pi.world().files.remove(&format!("{}/new", directory("new")));
    discard(lab.route(), &source, &target, DAY).await.unwrap();
    assert!(lab.pi.world().volumes.is_empty());
}

#[tokio::test]
async fn what_stays_behind_gets_a_name_that_nothing_has() {
    let lab = Lab::new();
    retire(&lab.nas, DATA, DAY).await.unwrap();
    retire(&lab.nas, DATA, DAY).await.unwrap();
    fill(&mut lab.nas.world(), DATA);
    retire(&lab.nas, DATA, DAY).await.unwrap();
    lab.nas.world().files.make_directory(DATA, 1).unwrap();
    retire(&lab.nas, DATA, DAY).await.unwrap();
    let names = |lab: &Lab| lab.nas.world().files.list("/opt/homelab/data").join(" ");
    assert_eq!(names(&lab), format!("notes.moved-{DAY} notes.moved-{DAY}.2"));
    remove(&lab.nas, &format!("{DATA}.moved-{DAY}")).await.unwrap();
    assert_eq!(names(&lab), format!("notes.moved-{DAY}.2"));
}

#[tokio::test]
async fn a_machine_that_is_too_small_is_known_before_anything_stops() {
    let lab = Lab::new();
    lab.pi.world().machine.disk = 64 << 20;
    assert!(matches!(refusal(lab.check().await), Refusal::NoSpace { free, needed, .. } if free < needed + (64 << 20)));
    lab.pi.world().machine.disk = 1 << 30;
    lab.check().await.unwrap();

    lab.nas.world().publish("notes:1", ImageConfig::default(), Behaviour::Runs);
    let image = ImageRef::new("notes:1");
    lab.nas.world().registry.get_mut(&image.normal()).unwrap().memory = 3 << 30;
    lab.nas.pull_image(&image, None, &|_| {}).await.unwrap();
    let spec = crate::model::spec::ContainerSpec { image: image.clone(), ..Default::default() };
    let (peers, inherited_volumes) = (BTreeMap::new(), BTreeMap::new());
    let new =
        crate::node::NewContainer { name: "notes", spec: &spec, peers: &peers, inherited_volumes: &inherited_volumes };
    let id = lab.nas.create_container(&new).await.unwrap();
    lab.nas.start_container(&id).await.unwrap();
    let containers = [id];
    let (nas, images) = (name("nas"), [image]);
    let arrival = Arrival { from: &nas, data: &[], mounts: &[], images: &[], containers: &containers };
    check(lab.route(), &arrival).await.unwrap();
    lab.pi.world().machine.memory = 1 << 30;
    assert!(matches!(refusal(check(lab.route(), &arrival).await), Refusal::NoMemory { used, .. } if used == 3 << 30));

    let arrival = Arrival { images: &images, containers: &[], ..arrival };
    lab.pi.pull_image(&images[0], None, &|_| {}).await.unwrap();
    check(lab.route(), &arrival).await.unwrap();
    lab.pi.world().machine.platform = "linux/arm64".to_owned();
    assert!(matches!(refusal(check(lab.route(), &arrival).await), Refusal::OtherPlatform { .. }));
}

#[tokio::test]
async fn what_is_mounted_and_does_not_come_along_has_to_be_there() {
    let lab = Lab::new();
    lab.nas.world().files.make_directory("/srv/music", 1).unwrap();
    let (nas, mounts) = (name("nas"), ["/dev/null".to_owned(), "/srv/music".to_owned()]);
    let arrival = Arrival { from: &nas, data: &[], mounts: &mounts, images: &[], containers: &[] };
    let refused = refusal(check(lab.route(), &arrival).await);
    assert!(matches!(refused, Refusal::MountStays { path, .. } if path == "/srv/music"));
    lab.pi.world().files.make_directory("/srv/music", 1).unwrap();
    check(lab.route(), &arrival).await.unwrap();
}

#[tokio::test]
async fn a_node_that_is_away_and_one_that_fails_say_so() {
    let lab = Lab::new();
    let none = BTreeMap::new();
    let route = Route { to: &lab.pi, nodes: &none };
    let error = copy(route, &source(), &folder(), &|_| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "nas: copy data: hl is not connected to it");
    lab.pi.cut_after(Some(0));
    let error = lab.copy().await.unwrap_err();
    assert!(matches!(error, DataError::Node(NodeError { ref node, .. }) if *node == name("pi")), "{error:?}");
}

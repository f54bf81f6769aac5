//! Records that an hl wrote whose fields were texts: they are read as the values of today, so that the next plan is
//! empty.

use std::collections::BTreeMap;

use crate::model::spec::{
    ContainerRef, ContainerSpec, Device, DeviceRequest, ImageRef, IpcMode, Mount, MountKind, NetworkMode, PidMode, Port,
};
use crate::model::typed::{FileKind, NetworkEnd, State, Status};
use crate::model::view::Recorded;
use crate::model::{Addr, Field, Fields, Key, Sealer, Text, Typed, Value};
use crate::state::format::{StoredResource, open, seal};
use crate::state::key::KeyMatch;

/// The record of [`specimens`] that the older hl wrote.
const WRITTEN: &str = include_str!("../fixtures/fields-as-texts.json");

fn bind(source: &str, options: [Option<&str>; 3]) -> MountKind {
    let [propagation, selinux, recursive] = options.map(|o| o.map(str::to_owned));
    MountKind::Bind { source: source.into(), propagation, selinux, must_exist: true, recursive }
}

fn volume(source: &str, nocopy: bool, subpath: Option<&str>) -> MountKind {
    MountKind::Volume { source: source.into(), nocopy, subpath: subpath.map(str::to_owned) }
}

fn mounts() -> BTreeMap<String, Mount> {
    let image = |source: &str, subpath: Option<&str>| MountKind::Image {
        source: source.into(),
        subpath: subpath.map(str::to_owned),
    };
    let kinds = [
        bind("/srv/data", [None, None, None]),
        bind("/srv/a, b", [None, None, None]),
        bind("/srv/a b", [Some("rslave"), Some("Z"), Some("readonly")]),
        bind("/", [Some("rprivate"), Some("z"), None]),
        bind("/srv/x", [Some("shared"), None, Some("disabled")]),
        bind("/srv/y", [None, None, Some("writable")]),
        bind(r"/srv/back\slash", [Some("private"), None, None]),
        volume("shop_data", false, None),
        volume("tmpfs", true, None),
        volume("anonymous", false, Some("a/b")),
        volume("volume", true, Some("a, b")),
        MountKind::Anonymous,
        MountKind::Tmpfs { size: None, mode: None },
        MountKind::Tmpfs { size: Some(0), mode: Some(0) },
        MountKind::Tmpfs { size: Some(64 << 20), mode: Some(0o1777) },
        MountKind::Tmpfs { size: Some(1), mode: None },
        MountKind::Tmpfs { size: None, mode: Some(0o700) },
        image("ghcr.io/a/b:1", None),
        image("debian", Some("usr/share")),
        MountKind::Other { kind: "npipe".into(), source: r"\\.\pipe\docker_engine".into() },
        MountKind::Other { kind: "cluster".into(), source: "group:shared".into() },
    ];
    let both =
        kinds.into_iter().flat_map(|kind| [false, true].map(|read_only| Mount { kind: kind.clone(), read_only }));
    both.enumerate().map(|(n, mount)| (format!("/mnt/{n:02}"), mount)).collect()
}

fn requests() -> Vec<DeviceRequest> {
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    vec![
        DeviceRequest { count: -1, capabilities: words(&["gpu"]), ..Default::default() },
        DeviceRequest {
            driver: "nvidia".into(),
            count: 2,
            capabilities: words(&["utility", "gpu"]),
            ..Default::default()
        },
        DeviceRequest { driver: "nvidia".into(), device_ids: words(&["1", "GPU-3a23"]), ..Default::default() },
        DeviceRequest {
            driver: "cdi".into(),
            device_ids: words(&["vendor.com/class=name"]),
            options: BTreeMap::from([("virtualization".into(), "false".into()), ("a".into(), "b, c".into())]),
            ..Default::default()
        },
        DeviceRequest { driver: "nvidia".into(), device_ids: words(&["all"]), ..Default::default() },
    ]
}

fn ports() -> Vec<Port> {
    let port = |target, protocol: &str, host_ip: &str, published: &str| Port {
        target,
        protocol: protocol.into(),
        host_ip: host_ip.into(),
        published: published.into(),
    };
    vec![
        port(80, "tcp", "", "8080"),
        port(80, "tcp", "127.0.0.1", "8081"),
        port(80, "tcp", "0.0.0.0", "90"),
        port(80, "tcp", "", ""),
        port(80, "tcp", "::1", "8082"),
        port(80, "tcp", "fe80::1", ""),
        port(80, "tcp", "10.0.0.1", ""),
        port(53, "udp", "::", "53"),
        port(443, "sctp", "", "8000-8010"),
    ]
}

fn spec(name: &str, network_mode: NetworkMode) -> ContainerSpec {
    ContainerSpec { name: name.into(), image: ImageRef::new("nginx"), network_mode, ..Default::default() }
}

fn live(spec: ContainerSpec, status: Status) -> Fields {
    let mut fields = spec.fields();
    fields.set(Key::State, State::Container(status).into());
    fields.set(Key::ImageContent, Value::text("sha256:1"));
    fields.set_item(Key::Networks, "left", Typed::End(NetworkEnd::Gone).into());
    fields
}

/// One of every kind of value that was a text.
fn specimens() -> BTreeMap<Addr, Fields> {
    let gone = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let refs =
        [ContainerRef::Service("vpn".into()), ContainerRef::Name("other".into()), ContainerRef::Gone(gone.into())];
    let mut web = spec("web", NetworkMode::Networks);
    web.mounts = mounts();
    web.ports = ports().into_iter().collect();
    web.device_requests = requests();
    web.devices = [("/dev/a", "/dev/dri/card 0", "rwm"), ("/dev/b", "/dev/b", "r")]
        .map(|(to, source, permissions)| {
            (to.to_owned(), Device { source: source.into(), permissions: permissions.into() })
        })
        .into();
    web.networks = BTreeMap::from([("front".into(), Default::default())]);
    web.volumes_from = refs.clone().into();
    let statuses = [
        Status::Created,
        Status::Running,
        Status::Paused,
        Status::Restarting,
        Status::Exited { code: 0 },
        Status::Exited { code: -1 },
        Status::Exited { code: 137 },
        Status::Removing,
        Status::Dead,
    ];
    let modes = [
        NetworkMode::Bridge,
        NetworkMode::Host,
        NetworkMode::None,
        NetworkMode::Other("pasta".into()),
        NetworkMode::Other("ns:/run/netns/x".into()),
    ];
    let modes = modes.into_iter().chain(refs.iter().cloned().map(NetworkMode::Container));
    let words = ["host", "shareable", "private", "none"].map(|word| (PidMode::word(word), IpcMode::word(word)));
    let shared = refs.iter().map(|other| (PidMode::Container(other.clone()), IpcMode::Container(other.clone())));
    let namespaces = words.into_iter().chain(shared);
    let mut all = vec![("web".to_owned(), live(web, Status::Running))];
    all.extend(
        statuses
            .into_iter()
            .enumerate()
            .map(|(n, status)| (format!("status-{n}"), live(spec("s", NetworkMode::Networks), status))),
    );
    all.extend(modes.enumerate().map(|(n, mode)| (format!("mode-{n}"), live(spec("m", mode), Status::Running))));
    all.extend(namespaces.enumerate().map(|(n, (pid, ipc))| {
        let spec = ContainerSpec { pid, ipc, ..spec("n", NetworkMode::Networks) };
        (format!("namespace-{n}"), live(spec, Status::Running))
    }));
    let instead = [FileKind::File, FileKind::Directory, FileKind::Other].map(State::Instead);
    let states = [State::Stopped, State::RUNNING, State::Present].into_iter().chain(instead);
    all.extend(states.enumerate().map(|(n, state)| {
        let mut fields = Fields::default();
        fields.set(Key::State, state.into());
        (format!("state-{n}"), fields)
    }));
    all.into_iter().map(|(name, fields)| (format!("nas/shop/container:{name}").parse().unwrap(), fields)).collect()
}

fn record(fields: &Fields) -> Recorded {
    Recorded {
        id: "c1".into(),
        declared: fields.clone(),
        baseline: Fields::default(),
        applied_at: "2026-01-01T00:00:00Z".into(),
    }
}

/// The same with other texts in place of device requests, whose words cannot be read back.
fn with_words(fields: &Fields) -> Fields {
    let words = |value: &Value| match value {
        Value::Typed(Typed::DeviceRequest(request)) => Value::text(request.words()),
        other => other.clone(),
    };
    let value = |value: &Value| match value {
        Value::List(items) => Value::List(items.iter().map(words).collect()),
        other => other.clone(),
    };
    fields.iter().map(|(field, v)| (field.clone(), value(v))).collect()
}

#[test]
fn records_of_texts_are_read_as_the_values_of_today() {
    let resources: BTreeMap<String, StoredResource> = serde_json::from_str(WRITTEN).unwrap();
    let Ok(read) = open(resources, KeyMatch::Yes) else { panic!("it cannot be read") };
    let (sealer, specimens) = (Sealer::new([1; 32]), specimens());
    assert_eq!(read.keys().collect::<Vec<_>>(), specimens.keys().collect::<Vec<_>>());
    for (addr, fields) in specimens {
        let recorded = &read[&addr].declared;
        assert_eq!(recorded, &with_words(&fields), "{addr}");
        for (field, value) in fields.iter() {
            assert!(recorded.get(field).unwrap().same(value, &sealer), "{addr}: {field}");
        }
    }
}

#[test]
fn records_are_written_as_ever_but_for_device_requests() {
    let old: BTreeMap<String, serde_json::Value> = serde_json::from_str(WRITTEN).unwrap();
    let sealer = Sealer::new([1; 32]);
    for (addr, fields) in specimens() {
        let written = seal(&record(&fields), &sealer);
        let mut json = serde_json::to_value(&written).unwrap();
        let mut before = old[&addr.to_string()].clone();
        for declared in [&mut before["declared"], &mut json["declared"]] {
            declared.as_object_mut().unwrap().remove("gpus");
        }
        assert_eq!(json, before, "{addr}");
        let read = open([(addr.to_string(), written)].into(), KeyMatch::Yes).unwrap();
        assert_eq!(read[&addr].declared, fields, "{addr}");
    }
}

#[test]
fn words_of_a_setting_without_typed_values_stay_words() {
    let mut fields = Fields::default();
    fields.set_item(Key::Labels, "note", Value::text("container:x (gone)"));
    fields.set_item(Key::Environment, "tmpfs", Value::text("tmpfs, read-only"));
    fields.set(Key::NetworkMode, Value::text("host"));
    fields.set_field(Field::part(Key::Networks, "front", "aliases"), Value::texts(["attached", "gone"]));
    fields.set_item(Key::Volumes, "/secret", Value::Text(Text::Sealed(Sealer::new([1; 32]).seal("x"))));
    let written = seal(&record(&fields), &Sealer::new([1; 32]));
    let read = open([("nas/shop/container:x".to_owned(), written)].into(), KeyMatch::Yes).unwrap();
    assert_eq!(read.values().next().unwrap().declared, fields);
}

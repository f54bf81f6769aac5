//! Typed values as short texts, and back: how records, fingerprints and JSON hold them.
//!
//! The texts are those that hl has written since its first release, so that what is recorded can be compared with what
//! is there. Texts for people are made elsewhere, and may be others.

use super::setting::Key;
use super::typed::{ContainerRef, Device, FileKind, HostPort, Mount, MountKind, NetworkEnd, State, Status, Typed};

/// A value as text.
pub fn text(value: &Typed) -> String {
    match value {
        Typed::State(state) => state_text(state),
        Typed::End(NetworkEnd::Attached) => "attached".to_owned(),
        Typed::End(NetworkEnd::Gone) => "gone".to_owned(),
        Typed::Mount(mount) => mount_text(mount),
        Typed::HostPort(port) => host_port_text(port),
        Typed::Container(ContainerRef::Service(name)) => format!("service:{name}"),
        Typed::Container(ContainerRef::Name(name)) => format!("container:{name}"),
        Typed::Container(ContainerRef::Gone(id)) => format!("container:{id}{GONE}"),
        Typed::Device(Device { source, permissions }) => format!("{source} {permissions}"),
        Typed::DeviceRequest(request) => request.words(),
    }
}

/// The value that a text stands for as (an item of) a setting; none where the setting has no typed values, where the
/// text is a plain word of it such as the network mode `host`, and for device requests, whose texts do not tell all.
pub fn read(key: Key, text: &str) -> Option<Typed> {
    match key {
        Key::State => read_state(text).map(Typed::State),
        Key::Networks => match text {
            "attached" => Some(Typed::End(NetworkEnd::Attached)),
            "gone" => Some(Typed::End(NetworkEnd::Gone)),
            _ => None,
        },
        Key::Volumes => Some(Typed::Mount(read_mount(text))),
        Key::Ports => Some(Typed::HostPort(read_host_port(text))),
        Key::NetworkMode | Key::Pid | Key::Ipc | Key::VolumesFrom => read_container(text).map(Typed::Container),
        Key::Devices => {
            let (source, permissions) = text.rsplit_once(' ')?;
            Some(Typed::Device(Device { source: source.to_owned(), permissions: permissions.to_owned() }))
        }
        _ => None,
    }
}

const GONE: &str = " (gone)";

fn read_container(text: &str) -> Option<ContainerRef> {
    if let Some(service) = text.strip_prefix("service:") {
        return Some(ContainerRef::Service(service.to_owned()));
    }
    let name = text.strip_prefix("container:")?;
    Some(match name.strip_suffix(GONE) {
        Some(id) => ContainerRef::Gone(id.to_owned()),
        None => ContainerRef::Name(name.to_owned()),
    })
}

const CUT_OFF: &str = "cut off from ";

/// The states whose text is fixed.
static STATES: [(State, &str); 11] = [
    (State::Container(Status::Created), "created, never started"),
    (State::Container(Status::Running), "running"),
    (State::Container(Status::Paused), "paused"),
    (State::Container(Status::Restarting), "restarting again and again"),
    (State::Container(Status::Removing), "being removed"),
    (State::Container(Status::Dead), "dead"),
    (State::Stopped, "stopped"),
    (State::Present, "present"),
    (State::Instead(FileKind::File), "a file"),
    (State::Instead(FileKind::Directory), "a directory"),
    (State::Instead(FileKind::Other), "neither a file nor a directory"),
];

fn state_text(state: &State) -> String {
    match state {
        State::Container(Status::Exited { code }) => format!("exited ({code})"),
        State::CutOff(owner) => format!("{CUT_OFF}{owner}"),
        state => STATES.iter().find(|(s, _)| s == state).map(|(_, text)| *text).unwrap_or_default().to_owned(),
    }
}

fn read_state(text: &str) -> Option<State> {
    if let Some(code) = text.strip_prefix("exited (").and_then(|rest| rest.strip_suffix(')')) {
        return Some(State::Container(Status::Exited { code: code.parse().ok()? }));
    }
    if let Some(owner) = text.strip_prefix(CUT_OFF) {
        return Some(State::CutOff(owner.to_owned()));
    }
    STATES.iter().find(|(_, t)| *t == text).map(|(state, _)| state.clone())
}

/// The text for a port that the engine chooses.
const ANY: &str = "any";

fn host_port_text(HostPort { host_ip, published }: &HostPort) -> String {
    let port = if published.is_empty() { ANY } else { published };
    match host_ip.as_str() {
        "" => port.to_owned(),
        ip if ip.contains(':') => format!("[{ip}]:{port}"),
        ip => format!("{ip}:{port}"),
    }
}

fn read_host_port(text: &str) -> HostPort {
    let (ip, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = if port == ANY { "" } else { port };
    HostPort { host_ip: ip.trim_matches(['[', ']']).to_owned(), published: port.to_owned() }
}

const ANONYMOUS: &str = "anonymous volume";
const TMPFS: &str = "tmpfs";
const READ_ONLY: &str = "read-only";
const READ_WRITE: &str = "read-write";

/// Whether default options are written after a source. They are written where the source could be read as options.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Defaults {
    Omitted,
    Written,
}

/// `volume shop_data, read-only`. Where a source ends like options, what the options are is said in full.
fn mount_text(mount: &Mount) -> String {
    let short = mount_words(mount, Defaults::Omitted);
    if read_mount(&short) == *mount { short } else { mount_words(mount, Defaults::Written) }
}

fn mount_words(mount: &Mount, defaults: Defaults) -> String {
    let written = defaults == Defaults::Written;
    let mut words = vec![mount.kind.source().to_string()];
    match &mount.kind {
        MountKind::Bind { propagation, selinux, recursive, source: _, must_exist: _ } => {
            let default = written.then(|| MountKind::DEFAULT_PROPAGATION.to_owned());
            words.extend(propagation.clone().or(default));
            words.extend(selinux.iter().cloned());
            words.extend(recursive.iter().map(|r| format!("recursive {r}")));
        }
        MountKind::Volume { nocopy, subpath, source: _ } => {
            words.extend(nocopy.then(|| "nocopy".to_owned()));
            words.extend(subpath.iter().map(|p| format!("subpath {p}")));
        }
        MountKind::Tmpfs { size, mode } => {
            words.extend(size.map(|s| format!("size {s}")));
            words.extend(mode.map(|m| format!("mode {m:o}")));
        }
        MountKind::Image { subpath, source: _ } => words.extend(subpath.iter().map(|p| format!("subpath {p}"))),
        MountKind::Anonymous | MountKind::Other { .. } => {}
    }
    match (mount.read_only, written) {
        (true, _) => words.push(READ_ONLY.to_owned()),
        (false, true) => words.push(READ_WRITE.to_owned()),
        (false, false) => {}
    }
    words.join(", ")
}

/// Reads from the end, since options are known words and a path may be anything.
fn read_mount(text: &str) -> Mount {
    let (rest, read_only) = match before_word(text, &[READ_ONLY, READ_WRITE]) {
        Some((rest, word)) => (rest, word == READ_ONLY),
        None => (text, false),
    };
    Mount { kind: read_kind(rest), read_only }
}

fn read_kind(text: &str) -> MountKind {
    if text.starts_with('/') {
        return read_bind(text);
    }
    if text == ANONYMOUS {
        return MountKind::Anonymous;
    }
    if let Some(tmpfs) = read_tmpfs(text) {
        return tmpfs;
    }
    match text.split_once(' ') {
        Some(("volume", rest)) => {
            let (rest, subpath) = read_subpath(rest);
            let (source, nocopy) = match rest.strip_suffix(", nocopy") {
                Some(source) => (source, true),
                None => (rest, false),
            };
            MountKind::Volume { source: source.to_owned(), nocopy, subpath }
        }
        Some(("image", rest)) => {
            let (source, subpath) = read_subpath(rest);
            MountKind::Image { source: source.to_owned(), subpath }
        }
        Some((kind, source)) => MountKind::Other { kind: kind.to_owned(), source: source.to_owned() },
        None => read_bind(text),
    }
}

fn read_bind(text: &str) -> MountKind {
    let (text, recursive) = match before_word(text, &["recursive disabled", "recursive readonly", "recursive writable"])
    {
        Some((rest, word)) => (rest, word.split_once(' ').map(|(_, word)| word.to_owned())),
        None => (text, None),
    };
    let (text, selinux) = read_word(text, &["z", "Z"]);
    let (source, propagation) =
        read_word(text, &["private", MountKind::DEFAULT_PROPAGATION, "shared", "rshared", "slave", "rslave"]);
    let propagation = propagation.filter(|word| word != MountKind::DEFAULT_PROPAGATION);
    MountKind::Bind { source: source.to_owned(), propagation, selinux, must_exist: false, recursive }
}

fn read_tmpfs(text: &str) -> Option<MountKind> {
    let mut words = text.split(", ");
    let (mut size, mut mode) = (None, None);
    words.next().filter(|word| *word == TMPFS)?;
    for word in words {
        match word.split_once(' ')? {
            ("size", bytes) => size = Some(bytes.parse().ok()?),
            ("mode", bits) => mode = Some(i64::from_str_radix(bits, 8).ok()?),
            _ => return None,
        }
    }
    Some(MountKind::Tmpfs { size, mode })
}

/// The name of a volume or an image has no comma, so that the rest is all of the subpath.
fn read_subpath(text: &str) -> (&str, Option<String>) {
    match text.split_once(", subpath ") {
        Some((source, subpath)) => (source, Some(subpath.to_owned())),
        None => (text, None),
    }
}

fn read_word<'a>(text: &'a str, words: &[&str]) -> (&'a str, Option<String>) {
    before_word(text, words).map_or((text, None), |(rest, word)| (rest, Some(word.to_owned())))
}

/// The text before the last word and the last word itself, if that word is one of `words`.
fn before_word<'a>(text: &'a str, words: &[&str]) -> Option<(&'a str, &'a str)> {
    text.rsplit_once(", ").filter(|(_, last)| words.contains(last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path() -> impl Strategy<Value = String> {
        let end = prop_oneof![
            Just(String::new()),
            ".*",
            Just(", read-only".to_owned()),
            Just(", z, read-write".to_owned()),
            Just(", rprivate".to_owned()),
            Just(", recursive readonly".to_owned()),
        ];
        end.prop_map(|end| format!("/srv/a{end}"))
    }

    fn word(words: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
        prop::option::of(prop::sample::select(words).prop_map(str::to_owned))
    }

    fn kind() -> impl Strategy<Value = MountKind> {
        let name = "[a-zA-Z0-9][a-zA-Z0-9_.-]{0,8}";
        let bind = (
            path(),
            word(&["private", "rprivate", "shared", "rslave"]),
            word(&["z", "Z"]),
            word(&["disabled", "readonly", "writable"]),
        );
        let bind = bind.prop_map(|(source, propagation, selinux, recursive)| MountKind::Bind {
            source,
            propagation,
            selinux,
            must_exist: true,
            recursive,
        });
        let subpath = || prop::option::of(path());
        prop_oneof![
            bind,
            (name, any::<bool>(), subpath()).prop_map(|(source, nocopy, subpath)| MountKind::Volume {
                source,
                nocopy,
                subpath
            }),
            Just(MountKind::Anonymous),
            (prop::option::of(0..i64::MAX), prop::option::of(0..0o7777_i64))
                .prop_map(|(size, mode)| MountKind::Tmpfs { size, mode }),
            ("[a-z0-9./:]{1,9}", subpath()).prop_map(|(source, subpath)| MountKind::Image { source, subpath }),
            ("(npipe|cluster)", path()).prop_map(|(kind, source)| MountKind::Other { kind, source }),
        ]
    }

    fn typed() -> impl Strategy<Value = (Key, Typed)> {
        let container = prop_oneof![
            "[a-z0-9_.-]{1,9}".prop_map(ContainerRef::Service),
            "[a-zA-Z0-9_.-]{1,9}".prop_map(ContainerRef::Name),
            "[0-9a-f]{12}".prop_map(ContainerRef::Gone),
        ];
        let ip = prop_oneof![Just(""), Just("127.0.0.1"), Just("::1"), Just("fe80::a:1")];
        let state = prop_oneof![
            prop::sample::select(STATES.iter().map(|(state, _)| state.clone()).collect::<Vec<_>>()),
            any::<i64>().prop_map(|code| State::Container(Status::Exited { code })),
        ];
        prop_oneof![
            state.prop_map(|state| (Key::State, Typed::State(state))),
            (kind(), any::<bool>())
                .prop_map(|(kind, read_only)| (Key::Volumes, Typed::Mount(Mount { kind, read_only }.normal()))),
            (ip, "([1-9][0-9]{0,3}(-[1-9][0-9]{0,3})?)?").prop_map(|(ip, published)| {
                (Key::Ports, Typed::HostPort(HostPort { host_ip: ip.to_owned(), published }))
            }),
            container.prop_map(|other| (Key::NetworkMode, Typed::Container(other))),
            (path(), "[rwm]{1,3}")
                .prop_map(|(source, permissions)| { (Key::Devices, Typed::Device(Device { source, permissions })) }),
        ]
    }

    proptest! {
        /// A text is read as the value that it was made of, whatever stands in paths.
        #[test]
        fn texts_read_back((key, value) in typed()) {
            prop_assert_eq!(read(key, &text(&value)), Some(value));
        }
    }

    #[test]
    fn mounts_are_what_they_are_and_not_what_they_are_called() {
        let bind = |source: &str| MountKind::Bind {
            source: source.to_owned(),
            propagation: None,
            selinux: None,
            must_exist: false,
            recursive: None,
        };
        let volume = |source: &str| MountKind::Volume { source: source.to_owned(), nocopy: false, subpath: None };
        for (kind, written) in [
            (bind("/srv/a, b"), "/srv/a, b"),
            (bind("/srv/a, z"), "/srv/a, z, rprivate, read-write"),
            (volume("tmpfs"), "volume tmpfs"),
            (volume("shop_data"), "volume shop_data"),
            (MountKind::Tmpfs { size: None, mode: Some(0o700) }, "tmpfs, mode 700"),
        ] {
            let mount = Mount { kind, read_only: false };
            assert_eq!(mount_text(&mount), written);
            assert_eq!(read_mount(written), mount);
        }
    }

    #[test]
    fn plain_words_are_no_typed_values() {
        for (key, word) in [(Key::NetworkMode, "host"), (Key::Ipc, "shareable"), (Key::Labels, "container:x (gone)")] {
            assert_eq!(read(key, word), None);
        }
    }
}

//! What is sent to a real engine comes back as it was sent: a spec, made a container, inspected, is the same spec. On
//! this every plan rests; a field that came back differently would be drift that nobody made.

use std::collections::{BTreeMap, BTreeSet};

use hl::model::Kind;
use hl::model::spec::{
    Attachment, BlkioConfig, ContainerRef, ContainerSpec, CopiedFile, Device, DeviceRequest, Healthcheck, IpamPool,
    IpcMode, Logging, Mount, MountKind, NetworkMode, NetworkSpec, PidMode, Port, RestartPolicy, Ulimit, VolumeSpec,
};
use hl::model::value::Text;
use hl::model::view::Status;

use crate::support::door::{Door, differences, service_of};
use crate::support::engine::Engine;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(what_runs_comes_back, needs Engine),
    trial!(what_an_image_brings_along_comes_back, needs Engine),
    trial!(what_it_reaches_comes_back, needs Engine),
    trial!(what_it_keeps_comes_back, needs Engine, Root),
    trial!(what_it_may_use_comes_back, needs Engine),
    trial!(what_it_may_do_comes_back, needs Engine),
    trial!(shared_namespaces_come_back, needs Engine),
    trial!(networks_and_volumes_come_back, needs Engine),
];

const PLAIN: &str = "hl-test/plain:1";
const RICH: &str = "hl-test/rich:1";
const APP: &str = "hl-test/app:1";

fn texts(words: &[&str]) -> Vec<Text> {
    words.iter().map(|word| Text::plain(*word)).collect()
}

fn words(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn map<V>(entries: impl IntoIterator<Item = (&'static str, V)>) -> BTreeMap<String, V> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn what_runs_comes_back() {
    let door = Door::open();
    door.comes_back(&door.spec("minimal", APP));
    door.comes_back(&ContainerSpec {
        command: Some(texts(&["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"])),
        environment: map([
            ("FOO", Some(Text::plain("bar"))),
            ("EMPTY", Some(Text::plain(""))),
            ("NULLV", None),
            ("EQUALS", Some(Text::plain("a=b=c"))),
            ("SIGNS", Some(Text::plain("a$b<&>\"'\\ ä\n2"))),
        ]),
        labels: map([("a.b", Text::plain("1")), ("empty", Text::plain(""))]),
        hostname: Some("hh".to_owned()),
        domainname: Some("dd.lan".to_owned()),
        user: Some("1000:1000".to_owned()),
        working_dir: Some("/tmp".to_owned()),
        stop_signal: Some("SIGTERM".to_owned()),
        stop_grace_period: Some(2),
        tty: true,
        stdin_open: true,
        init: Some(true),
        restart: RestartPolicy::UnlessStopped,
        ..door.spec("process", PLAIN)
    });
    for (index, restart) in
        [RestartPolicy::Always, RestartPolicy::OnFailure(0), RestartPolicy::OnFailure(5)].into_iter().enumerate()
    {
        door.comes_back(&ContainerSpec { restart, ..door.spec(&format!("restart{index}"), APP) });
    }
    door.comes_back(&ContainerSpec {
        healthcheck: Some(Healthcheck {
            test: Some(texts(&["CMD-SHELL", "true"])),
            interval: 90_000_000_000,
            timeout: 10_000_000_000,
            retries: 3,
            start_period: 40_000_000_000,
            start_interval: 0,
        }),
        logging: Some(Logging {
            driver: "json-file".to_owned(),
            options: map([("max-size", Text::plain("10m")), ("max-file", Text::plain("3"))]),
        }),
        platform: Some(format!("linux/{}", if cfg!(target_arch = "aarch64") { "arm64/v8" } else { "amd64" })),
        init: Some(false),
        ..door.spec("health", APP)
    });
}

fn what_an_image_brings_along_comes_back() {
    let door = Door::open();
    let rich = |service: &str| ContainerSpec { stop_grace_period: Some(1), ..door.spec(service, RICH) };
    door.comes_back(&rich("plain"));
    door.comes_back(&ContainerSpec {
        environment: map([("IMGVAR", Some(Text::plain("override"))), ("IMGVAR2", None)]),
        labels: map([("shared", Text::plain("mine"))]),
        ..rich("override")
    });
    door.comes_back(&ContainerSpec {
        command: Some(texts(&["sleep", "1000"])),
        user: Some("root".to_owned()),
        working_dir: Some("/".to_owned()),
        healthcheck: Some(Healthcheck { interval: 10_000_000_000, ..Default::default() }),
        ..rich("command")
    });
    door.comes_back(&ContainerSpec {
        entrypoint: Some(texts(&["/bin/sh", "-c"])),
        command: Some(texts(&["sleep 1000; echo \"hi there\""])),
        ..rich("entrypoint")
    });
    door.comes_back(&ContainerSpec { entrypoint: Some(texts(&["pause"])), ..rich("noargs") });
    door.comes_back(&ContainerSpec {
        entrypoint: Some(Vec::new()),
        command: Some(texts(&["sleep", "500"])),
        ..rich("cleared")
    });
    door.comes_back(&ContainerSpec {
        healthcheck: Some(Healthcheck { test: Some(texts(&["NONE"])), ..Default::default() }),
        ..rich("nohealth")
    });
    door.comes_back(&ContainerSpec { tmpfs: map([("/data", String::new())]), ..rich("tmpfsdata") });
}

fn port(target: u16, protocol: &str, host_ip: &str, published: &str) -> Port {
    Port { target, protocol: protocol.to_owned(), host_ip: host_ip.to_owned(), published: published.to_owned() }
}

/// The names that an end has: the container's, its service's, and more.
pub fn names(spec: &ContainerSpec, more: &[&str]) -> BTreeSet<String> {
    let mut names = words(more);
    names.extend([spec.name.clone(), service_of(spec).to_owned()]);
    names
}

fn what_it_reaches_comes_back() {
    let door = Door::open();
    let [front, back, six] = ["front", "back", "six"].map(|name| door.name(name));
    door.network(NetworkSpec { name: front.clone(), ..Default::default() });
    let pool = |subnet: &str| IpamPool { subnet: Some(subnet.to_owned()), ..Default::default() };
    door.network(NetworkSpec { name: back.clone(), ipam_pools: vec![pool("10.99.7.0/24")], ..Default::default() });
    door.network(NetworkSpec {
        name: six.clone(),
        enable_ipv6: Some(true),
        ipam_pools: vec![pool("2001:db8:77::/64"), pool("10.99.8.0/24")],
        ..Default::default()
    });
    let on = |spec: ContainerSpec, networks: Vec<(&String, Attachment)>| ContainerSpec {
        network_mode: NetworkMode::Networks,
        networks: networks.into_iter().map(|(name, end)| (name.clone(), end)).collect(),
        ..spec
    };
    let plain = door.spec("ports", APP);
    let end = Attachment { aliases: names(&plain, &[]), ..Default::default() };
    door.comes_back(&ContainerSpec {
        ports: [
            port(80, "tcp", "", "18080"),
            port(80, "tcp", "127.0.0.1", "18079"),
            port(81, "udp", "127.0.0.1", "18081"),
            port(99, "tcp", "", ""),
            port(90, "tcp", "", "8000-8010"),
        ]
        .into(),
        expose: words(&["1000/tcp", "2000-2002/udp"]),
        ..on(plain, vec![(&front, end)])
    });
    let many = door.spec("many", APP);
    let aliases = names(&many, &["al1", "al2"]);
    door.comes_back(&ContainerSpec {
        extra_hosts: words(&["h1:1.2.3.4", "host.docker.internal:host-gateway"]),
        dns: vec!["1.1.1.1".to_owned(), "9.9.9.9".to_owned()],
        dns_search: vec!["ex.com".to_owned()],
        dns_opt: vec!["ndots:2".to_owned()],
        hostname: Some("al1".to_owned()),
        ..on(
            many.clone(),
            vec![
                (&front, Attachment { aliases: aliases.clone(), priority: 100, ..Default::default() }),
                (
                    &back,
                    Attachment {
                        aliases: names(&many, &[]),
                        ipv4_address: Some("10.99.7.10".to_owned()),
                        ..Default::default()
                    },
                ),
                (
                    &six,
                    Attachment {
                        aliases: names(&many, &[]),
                        ipv6_address: Some("2001:db8:77::10".to_owned()),
                        ..Default::default()
                    },
                ),
            ],
        )
    });
    let mac = door.spec("mac", APP);
    let end = Attachment { aliases: names(&mac, &[]), ..Default::default() };
    door.comes_back(&ContainerSpec {
        mac_address: Some("02:42:ac:11:65:43".to_owned()),
        ..on(mac, vec![(&front, end)])
    });
    for (service, network_mode) in
        [("bridge", NetworkMode::Bridge), ("host", NetworkMode::Host), ("none", NetworkMode::None)]
    {
        door.comes_back(&ContainerSpec { network_mode, ..door.spec(service, APP) });
    }
    let db = door.spec("db", APP);
    door.create(&on(db.clone(), vec![(&front, Attachment { aliases: names(&db, &[]), ..Default::default() })]));
    door.run(door.node.start_container(&db.name)).expect("it starts");
    let sidecar = |service: &str, other: ContainerRef| ContainerSpec {
        network_mode: NetworkMode::Container(other),
        ..door.spec(service, APP)
    };
    door.comes_back(&sidecar("side", ContainerRef::Service("db".to_owned())));
    let linked = door.spec("linked", APP);
    let end = Attachment {
        aliases: names(&linked, &[]),
        links: BTreeSet::from([format!("{}:database", db.name)]),
        ..Default::default()
    };
    door.comes_back(&on(linked, vec![(&front, end)]));
}

fn what_it_keeps_comes_back() {
    let door = Door::open();
    let folder = door.lab.scratch("mounts");
    std::fs::create_dir_all(folder.join("conf")).expect("a folder can be made");
    std::fs::write(folder.join("conf/c.txt"), "c").expect("a file can be written");
    let conf = folder.join("conf").display().to_string();
    let named = door.name("named");
    door.run(door.node.create_volume(&VolumeSpec { name: named.clone(), ..Default::default() })).expect("a volume");
    let bind = |source: &str| MountKind::Bind {
        source: source.to_owned(),
        propagation: None,
        selinux: None,
        must_exist: false,
        recursive: None,
    };
    let volume = |nocopy| MountKind::Volume { source: named.clone(), nocopy, subpath: None };
    let rw = |kind| Mount { kind, read_only: false };
    let ro = |kind| Mount { kind, read_only: true };
    let propagated = |must_exist| MountKind::Bind {
        source: conf.clone(),
        propagation: Some("private".to_owned()),
        selinux: None,
        must_exist,
        recursive: None,
    };
    let labelled = MountKind::Bind {
        source: conf.clone(),
        propagation: None,
        selinux: Some("z".to_owned()),
        must_exist: false,
        recursive: None,
    };
    let strict = MountKind::Bind {
        source: conf.clone(),
        propagation: None,
        selinux: None,
        must_exist: true,
        recursive: Some("disabled".to_owned()),
    };
    let spec = ContainerSpec {
        mounts: map([
            ("/named", rw(volume(false))),
            ("/namedro", ro(volume(false))),
            ("/nc", rw(volume(true))),
            ("/conf", rw(bind(&conf))),
            ("/confro", ro(labelled)),
            ("/made", rw(bind(&folder.join("made/deep").display().to_string()))),
            ("/lb", ro(propagated(false))),
            ("/lb2", rw(propagated(true))),
            ("/strict", ro(strict)),
            ("/c1", ro(bind(&format!("{conf}/c.txt")))),
            ("/colon:target", rw(bind(&conf))),
            ("/anon", rw(MountKind::Anonymous)),
            ("/tf", rw(MountKind::Tmpfs { size: Some(10 << 20), mode: Some(0o1777) })),
            ("/tf2", rw(MountKind::Tmpfs { size: None, mode: None })),
        ]),
        tmpfs: map([("/t1", String::new()), ("/t2", "size=64m,mode=755".to_owned())]),
        read_only: false,
        shm_size: Some(128 << 20),
        ..door.spec("mounts", APP)
    };
    door.comes_back(&spec);
    door.comes_back(&ContainerSpec { read_only: true, ..door.spec("readonly", APP) });

    let source = ContainerSpec { stop_grace_period: Some(1), ..door.spec("db", RICH) };
    door.create(&source);
    door.comes_back(&ContainerSpec {
        volumes_from: BTreeSet::from([ContainerRef::Service("db".to_owned())]),
        ..door.spec("from", APP)
    });
    let copied = |content: &str, mode| CopiedFile { content: Text::plain(content), uid: 1000, gid: 1000, mode };
    let spec = ContainerSpec {
        files: map([("/etc/hello", copied("hello", 0o444)), ("/run/secrets/deep/pw", copied("pw", 0o400))]),
        ..door.spec("files", APP)
    };
    door.create(&spec);
    door.run(door.node.start_container(&spec.name)).expect("it starts");
    let (code, output) =
        Engine::connect().exec(&spec.name, &["sh", "-c", "cat /etc/hello; ls -ln /run/secrets/deep/pw"]);
    assert_eq!(code, 0, "{output}");
    assert!(output.starts_with("hello-r--------") && output.contains("1000     1000"), "{output}");
}

fn what_it_may_use_comes_back() {
    let door = Door::open();
    door.comes_back(&ContainerSpec {
        nano_cpus: Some(500_000_000),
        mem_limit: Some(128 << 20),
        mem_reservation: Some(64 << 20),
        cpu_shares: Some(512),
        cpuset: Some("0".to_owned()),
        pids_limit: Some(100),
        ulimits: map([("nofile", Ulimit { soft: 1024, hard: 2048 }), ("nproc", Ulimit { soft: 512, hard: 512 })]),
        sysctls: map([("net.ipv4.ip_unprivileged_port_start", "0".to_owned())]),
        oom_score_adj: Some(100),
        ..door.spec("limits", APP)
    });
    for (service, memswap_limit) in [("noswap", Some(64 << 20)), ("allswap", Some(-1)), ("twice", Some(128 << 20))] {
        door.comes_back(&ContainerSpec { mem_limit: Some(64 << 20), memswap_limit, ..door.spec(service, APP) });
    }
    door.comes_back(&ContainerSpec {
        cpu_quota: Some(50_000),
        cpu_period: Some(100_000),
        mem_limit: Some(64 << 20),
        mem_swappiness: Some(60),
        oom_kill_disable: true,
        ..door.spec("old", APP)
    });
    door.comes_back_unstarted(&ContainerSpec {
        blkio: BlkioConfig { weight: Some(300), ..Default::default() },
        device_requests: vec![DeviceRequest {
            driver: "nvidia".to_owned(),
            count: -1,
            capabilities: vec!["gpu".to_owned(), "utility".to_owned()],
            ..Default::default()
        }],
        ..door.spec("gpu", APP)
    });
}

fn what_it_may_do_comes_back() {
    let door = Door::open();
    door.comes_back(&ContainerSpec {
        cap_add: words(&["CAP_NET_ADMIN", "CAP_SYS_TIME"]),
        cap_drop: words(&["ALL"]),
        security_opt: words(&["no-new-privileges:true", "label:disable"]),
        group_add: words(&["1000"]),
        devices: map([
            ("/dev/xnull", Device { source: "/dev/null".to_owned(), permissions: "r".to_owned() }),
            ("/dev/zero", Device { source: "/dev/zero".to_owned(), permissions: "rwm".to_owned() }),
        ]),
        device_cgroup_rules: words(&["c 1:3 mr"]),
        ..door.spec("caps", APP)
    });
    door.comes_back(&ContainerSpec {
        security_opt: words(&["seccomp=unconfined", "systempaths=unconfined", "apparmor=unconfined"]),
        userns_mode: Some("host".to_owned()),
        runtime: Some("runc".to_owned()),
        annotations: map([("an", Text::plain("v"))]),
        cgroup: Some("host".to_owned()),
        ipc: IpcMode::Private,
        ..door.spec("security", APP)
    });
    door.comes_back_unstarted(&ContainerSpec {
        privileged: true,
        network_mode: NetworkMode::Host,
        pid: PidMode::Host,
        ipc: IpcMode::Host,
        uts: Some("host".to_owned()),
        restart: RestartPolicy::Always,
        cgroup_parent: Some("/sample".to_owned()),
        ..door.spec("privileged", APP)
    });
    let spec =
        ContainerSpec { privileged: true, security_opt: words(&["label=disable"]), ..door.spec("labelled", APP) };
    door.comes_back_unstarted(&spec);
}

fn shared_namespaces_come_back() {
    let door = Door::open();
    let app = ContainerSpec { ipc: IpcMode::Shareable, ..door.spec("app", APP) };
    door.create(&app);
    door.run(door.node.start_container(&app.name)).expect("it starts");
    let sharing = ContainerSpec {
        ipc: IpcMode::Container(ContainerRef::Service("app".to_owned())),
        pid: PidMode::Container(ContainerRef::Service("app".to_owned())),
        ..door.spec("sharing", APP)
    };
    door.comes_back(&sharing);
    let name = door.name("foreign");
    let mut foreign = ContainerSpec { name: name.clone(), ..door.spec("app", APP) };
    foreign.compose_labels.clear();
    foreign.ipc = IpcMode::Shareable;
    door.create(&foreign);
    door.run(door.node.start_container(&name)).expect("it starts");
    door.comes_back(&ContainerSpec { ipc: IpcMode::Container(ContainerRef::Name(name)), ..door.spec("stranger", APP) });

    // A container that is gone is told by what is left of it.
    door.create(&sharing);
    door.remove(&app.name);
    let live = door.container(&sharing.name);
    assert!(matches!(live.spec.pid, PidMode::Container(ContainerRef::Gone(_))), "{:?}", live.spec.pid);
    assert_eq!(live.status, Status::Created);
}

fn networks_and_volumes_come_back() {
    let door = Door::open();
    let pool = |subnet: &str, gateway: Option<&str>, ip_range: Option<&str>| IpamPool {
        subnet: Some(subnet.to_owned()),
        gateway: gateway.map(str::to_owned),
        ip_range: ip_range.map(str::to_owned),
        aux_addresses: BTreeMap::new(),
    };
    let label = |name: &str, value: String| (format!("com.docker.compose.{name}"), value);
    let project = door.lab.name("sample-lab");
    let base = |name: &str| NetworkSpec {
        name: door.name(name),
        compose_labels: BTreeMap::from([label("project", project.clone()), label("network", name.to_owned())]),
        ..Default::default()
    };
    let networks = [
        base("default"),
        NetworkSpec {
            driver: Some("bridge".to_owned()),
            driver_opts: map([("com.docker.network.bridge.enable_icc", "false".to_owned())]),
            internal: true,
            attachable: true,
            labels: map([("x", Text::plain("y"))]),
            ..base("rich")
        },
        NetworkSpec {
            ipam_driver: Some("default".to_owned()),
            ipam_pools: vec![pool("10.99.1.0/24", Some("10.99.1.1"), None)],
            ..base("gateway")
        },
        NetworkSpec {
            ipam_pools: vec![pool("10.99.2.0/24", Some("10.99.2.254"), Some("10.99.2.128/25"))],
            ..base("range")
        },
        NetworkSpec { ipam_pools: vec![pool("10.99.3.0/24", None, None)], ..base("bare") },
        NetworkSpec { enable_ipv6: Some(true), ipam_pools: vec![pool("2001:db8:78::/64", None, None)], ..base("six") },
    ];
    for spec in networks {
        let id = door.network(spec.clone());
        let live = &door.live().networks[&id];
        let declared = spec.fields();
        let complaints = differences(Kind::Network, &declared, &declared, &live.spec.fields());
        assert!(complaints.is_empty(), "{}:\n{}", spec.name, complaints.join("\n"));
        assert_eq!(live.identity.as_ref().map(|(_, key)| door.name(key)), Some(spec.name.clone()));
    }
    let volumes = [
        VolumeSpec { name: door.name("plain"), ..Default::default() },
        VolumeSpec {
            name: door.name("tmpfs"),
            driver: Some("local".to_owned()),
            driver_opts: map([
                ("type", Text::plain("tmpfs")),
                ("device", Text::plain("tmpfs")),
                ("o", Text::plain("size=10m")),
            ]),
            labels: map([("k", Text::plain("v"))]),
            compose_labels: BTreeMap::from([label("project", project.clone()), label("volume", "v".to_owned())]),
        },
    ];
    for spec in volumes {
        door.run(door.node.create_volume(&spec)).unwrap_or_else(|error| panic!("{error}"));
        let live = &door.live().volumes[&spec.name];
        let declared = spec.fields();
        let complaints = differences(Kind::Volume, &declared, &declared, &live.spec.fields());
        assert!(complaints.is_empty(), "{}:\n{}", spec.name, complaints.join("\n"));
    }
}

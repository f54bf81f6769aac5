//! Plans made by hand, for the tests of every renderer.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::{Cost, FieldChange, Verdict};
use crate::model::homelab::{Condition, HealthScript};
use crate::model::spec::{ContainerSpec, ImageRef, NetworkSpec};
use crate::model::view::{Recorded, RecordedView};
use crate::model::{Addr, Field, Fields, NodeName, Sealer, ServiceName, Text, Value};
use crate::plan::{
    Action, AnonymousVolumes, Call, Downtime, Objection, ObjectionKind, OnFailure, Phase, Plan, PlannedChange, Reason,
    Record, Step, StepId, Unknown, UnknownKind, Verification,
};

pub fn addr(text: &str) -> Addr {
    text.parse().unwrap()
}

pub fn service(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

pub fn node(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

pub fn text(text: &str) -> Value {
    Value::text(text)
}

pub fn secret(text: &str) -> Value {
    Value::Text(Text::secret(text).sealed(&Sealer::new([9; 32])))
}

pub fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

/// The declaration of a field changed.
pub fn pending(field: &str, old: impl Into<Option<Value>>, new: impl Into<Option<Value>>) -> FieldChange {
    let old = old.into();
    three(field, Verdict::Pending, new.into(), old.clone(), old)
}

/// Somebody outside changed a field.
pub fn drift(field: &str, recorded: impl Into<Option<Value>>, live: impl Into<Option<Value>>) -> FieldChange {
    let recorded = recorded.into();
    three(field, Verdict::Drift, recorded.clone(), recorded, live.into())
}

pub fn three(
    field: &str,
    verdict: Verdict,
    declared: Option<Value>,
    recorded: Option<Value>,
    live: Option<Value>,
) -> FieldChange {
    FieldChange { field: Field::parse(field).unwrap(), verdict, declared, recorded, live, cost: Cost::Replace }
}

pub fn change(address: &str, action: Action, reason: Reason, fields: Vec<FieldChange>) -> PlannedChange {
    let downtime = match action {
        Action::Replace | Action::Restart => Downtime::Restart,
        Action::Delete => Downtime::Stops,
        Action::Adopt | Action::Refresh | Action::Create | Action::Update | Action::Move | Action::Run => {
            Downtime::None
        }
    };
    PlannedChange {
        addr: addr(address),
        action,
        reasons: vec![reason],
        fields,
        downtime,
        dependents: Vec::new(),
        data_at_stake: Vec::new(),
        live_id: None,
        steps: Vec::new(),
        record: Record::Nothing,
    }
}

/// A plan of these changes, with the calls of some of them as steps.
pub fn plan(changes: Vec<(PlannedChange, Vec<Call>)>) -> Plan {
    let mut plan = Plan::default();
    for (mut change, calls) in changes {
        for call in calls {
            let (node, service) = (change.addr.node.clone(), change.addr.service.clone());
            let id = step(&mut plan, node, service, Some(change.addr.clone()), call);
            plan.steps[id.0].undo = undo(&plan.steps[id.0].call);
            change.steps.push(id);
        }
        if !plan.order.contains(&change.addr.service) {
            plan.order.push(change.addr.service.clone());
        }
        plan.changes.push(change);
    }
    plan
}

/// What takes a call back, as far as these plans need it.
fn undo(call: &Call) -> Option<Call> {
    match call {
        Call::StopContainer { container } => Some(Call::StartContainer { container: container.clone() }),
        Call::CreateContainer { name, .. } => {
            Some(Call::RemoveContainer { container: name.clone(), volumes: AnonymousVolumes::Keep })
        }
        _ => None,
    }
}

fn create_container(name: &str) -> Vec<Call> {
    let create = Call::CreateContainer {
        name: name.to_owned(),
        spec: Box::new(ContainerSpec { name: name.to_owned(), ..ContainerSpec::default() }),
        peers: BTreeMap::new(),
        carry: BTreeMap::new(),
    };
    vec![create, Call::StartContainer { container: name.to_owned() }]
}

fn replace_container(name: &str) -> Vec<Call> {
    let mut calls = vec![Call::StopContainer { container: name.to_owned() }];
    calls.extend(create_container(name));
    calls.push(Call::AwaitContainer { container: name.to_owned(), condition: Condition::Healthy, timeout_ms: 60_000 });
    calls
}

fn health_script(service: &str) -> Call {
    let script = HealthScript {
        path: format!("services/{service}/healthcheck.sh"),
        text: String::new(),
        variables: BTreeMap::new(),
        interval_ms: 1,
        timeout_ms: 1,
        retries: 1,
        start_period_ms: 0,
    };
    Call::RunHealthScript {
        script: Box::new(script),
        directory: format!("/opt/homelab/config/{service}"),
        env_file: format!("/opt/homelab/config/{service}/.env"),
    }
}

fn verify(plan: &mut Plan, on: &str, of: &str, reason: Reason, calls: Vec<Call>) {
    let steps = calls.into_iter().map(|call| step(plan, node(on), service(of), None, call)).collect();
    plan.verifications.push(Verification { node: node(on), service: service(of), reasons: vec![reason], steps });
}

fn step(plan: &mut Plan, node: NodeName, service: ServiceName, addr: Option<Addr>, call: Call) -> StepId {
    let id = StepId(plan.steps.len());
    plan.steps.push(Step {
        id,
        node,
        service,
        addr,
        phase: Phase::Deploy,
        call,
        undo: None,
        group: None,
        verifies: BTreeSet::new(),
        after: id.0.checked_sub(1).map(StepId).into_iter().collect(),
        on_failure: OnFailure::HoldBack,
    });
    id
}

pub fn first_plan() -> Plan {
    let new = |field: &str, value: Value| pending(field, None, Some(value));
    let server = vec![
        new("state", text("running")),
        new("name", text("immich-server-1")),
        new("image", text("ghcr.io/immich-app/immich-server:v1.99.0")),
        new("environment.DB_HOSTNAME", text("postgres")),
        new("environment.DB_PASSWORD", secret("hunter2")),
        new("environment.TZ", text("Europe/Berlin")),
        new("healthcheck.test", Value::texts(["CMD", "immich-healthcheck"])),
        new("healthcheck.interval", Value::Int(30_000_000_000)),
        new("restart", text("unless-stopped")),
        new("ports.2283/tcp", Value::texts(["2283"])),
        new("ports.53/udp", Value::texts(["127.0.0.1:53"])),
        new("expose", Value::texts(["2283/tcp", "53/udp"])),
        new("networks.immich_default", text("attached")),
        new("networks.proxy", text("attached")),
        new("networks.proxy.aliases", Value::texts(["photos"])),
        new("volumes./usr/src/app/upload", text("/opt/homelab/data/immich/upload")),
        new("volumes./cache", text("volume immich_cache, read-only")),
        new("mem_limit", Value::Int(2 << 30)),
        new("labels.traefik.enable", text("true")),
    ];
    let image =
        Call::PullImage { reference: ImageRef::new("ghcr.io/immich-app/immich-server:v1.99.0"), platform: None };
    let network =
        Call::CreateNetwork(Box::new(NetworkSpec { name: "immich_default".to_owned(), ..NetworkSpec::default() }));
    let mut made = change("nas/immich/container:server", Action::Create, Reason::New, server);
    made.dependents = names(&["nas/immich/container:ml", "pi/caddy"]);
    let mut plan = plan(vec![
        (
            change(
                "nas/immich/file:config/immich/.env",
                Action::Create,
                Reason::New,
                vec![
                    new("state", text("present")),
                    new("mode", text("0600")),
                    new("environment.DB_PASSWORD", Value::Unknown),
                    new("environment.UPLOADS", text("/srv/photos")),
                ],
            ),
            vec![],
        ),
        (
            change(
                "nas/immich/image:ghcr.io/immich-app/immich-server:v1.99.0",
                Action::Run,
                Reason::ImageMissing,
                vec![],
            ),
            vec![image],
        ),
        (
            change(
                "nas/immich/network:default",
                Action::Create,
                Reason::New,
                vec![new("name", text("immich_default"))],
            ),
            vec![network],
        ),
        (made, create_container("immich-server-1")),
    ]);
    verify(&mut plan, "nas", "immich", Reason::Verify, vec![health_script("immich")]);
    plan
}

pub fn one_variable() -> Plan {
    let mut server = change(
        "nas/immich/container:server",
        Action::Replace,
        Reason::Declared(names(&["environment.TZ"])),
        vec![pending("environment.TZ", text("Europe/Berlin"), text("UTC"))],
    );
    server.dependents = names(&["nas/immich/container:ml", "pi/caddy"]);
    let mut plan = plan(vec![(server, replace_container("immich-server-1"))]);
    verify(&mut plan, "nas", "immich", Reason::Verify, vec![health_script("immich")]);
    let caddy =
        Call::AwaitContainer { container: "caddy".to_owned(), condition: Condition::Healthy, timeout_ms: 60_000 };
    verify(&mut plan, "pi", "caddy", Reason::DependencyChanged(service("immich")), vec![caddy]);
    plan.order = ["postgres", "immich", "caddy"].map(service).to_vec();
    plan
}

pub fn image_bump() -> Plan {
    let long_rule = |host: &str| {
        text(&format!(
            "Host(`photos.{host}`) && !PathPrefix(`/api/internal`) && ClientIP(`10.0.0.0/8`, `192.168.0.0/16`)"
        ))
    };
    let words = |words: &[&str]| Value::texts(words.iter().copied());
    plan(vec![(
        change(
            "nas/immich/container:server",
            Action::Replace,
            Reason::Declared(names(&["image", "labels.rule", "command", "mem_limit", "stop_grace_period"])),
            vec![
                pending(
                    "image",
                    text("ghcr.io/immich-app/immich-server:v1.98.2"),
                    text("ghcr.io/immich-app/immich-server:v1.99.0"),
                ),
                pending(
                    "image_content",
                    text("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
                    Value::Unknown,
                ),
                pending(
                    "command",
                    words(&["--log-level=info", "--api.address=0.0.0.0:8080", "--providers.docker=true", "--old-flag"]),
                    words(&["--log-level=debug", "--api.address=0.0.0.0:8080", "--providers.docker=true"]),
                ),
                pending("stop_grace_period", None, Value::Int(90)),
                pending("ports.80/tcp", words(&["8080"]), words(&["127.0.0.1:8080"])),
                pending("mem_limit", Value::Int(512 << 20), Value::Int(1 << 30)),
                pending("cpus", Value::Int(500_000_000), None),
                pending("labels.rule", long_rule("example.org"), long_rule("example.com")),
            ],
        ),
        replace_container("immich-server-1"),
    )])
}

pub fn drifted_restart_policy() -> Plan {
    let mut policy = drift("restart", text("unless-stopped"), text("always"));
    policy.cost = Cost::InPlace;
    let changed = change("nas/postgres/container:db", Action::Update, Reason::Drift(names(&["restart"])), vec![policy]);
    plan(vec![(changed, vec![Call::UpdateContainer { container: "postgres-db-1".to_owned(), spec: Box::default() }])])
}

pub fn conflict() -> Plan {
    let field = three(
        "environment.TZ",
        Verdict::Conflict,
        Some(text("Europe/Paris")),
        Some(text("Europe/Berlin")),
        Some(text("UTC")),
    );
    plan(vec![(
        change(
            "nas/immich/container:server",
            Action::Replace,
            Reason::Conflict(names(&["environment.TZ"])),
            vec![field],
        ),
        replace_container("immich-server-1"),
    )])
}

pub fn stopped_container() -> Plan {
    let mut state = drift("state", text("running"), text("exited (137)"));
    state.cost = Cost::InPlace;
    plan(vec![(
        change(
            "nas/postgres/container:db",
            Action::Restart,
            Reason::NotRunning("exited (137)".to_owned()),
            vec![state],
        ),
        vec![Call::StartContainer { container: "postgres-db-1".to_owned() }],
    )])
}

pub fn secret_change() -> Plan {
    plan(vec![
        (
            change(
                "nas/postgres/container:db",
                Action::Replace,
                Reason::Declared(names(&["environment.POSTGRES_PASSWORD"])),
                vec![pending("environment.POSTGRES_PASSWORD", secret("hunter2"), secret("hunter3"))],
            ),
            replace_container("postgres-db-1"),
        ),
        (
            change(
                "nas/immich/container:server",
                Action::Replace,
                Reason::Declared(names(&["environment.DB_PASSWORD", "environment.TOKEN", "environment.DEBUG"])),
                vec![
                    pending("environment.DB_PASSWORD", secret("hunter2"), secret("hunter3")),
                    pending("environment.DEBUG", None, text("")),
                    pending("environment.TOKEN", text("public"), secret("another")),
                ],
            ),
            replace_container("immich-server-1"),
        ),
    ])
}

pub fn file_difference() -> Plan {
    let old = "entryPoints:\n  web:\n    address: :80\n  websecure:\n    address: :443\nlog:\n  level: INFO\napi: {}\n";
    let new = "entryPoints:\n  web:\n    address: :80\n  websecure:\n    address: :8443\nlog:\n  level: INFO\napi: {}\nping: {}\n";
    let mut mounted = pending("mounted_files.traefik.yml", text(old), text(new));
    mounted.cost = Cost::Restart;
    let content = FileChange { old, new };
    plan(vec![
        (content.shipped(), vec![]),
        (
            change(
                "nas/traefik/container:traefik",
                Action::Restart,
                Reason::FileChanged("traefik.yml".to_owned()),
                vec![mounted],
            ),
            vec![Call::RestartContainer { container: "traefik".to_owned() }],
        ),
    ])
}

struct FileChange {
    old: &'static str,
    new: &'static str,
}

impl FileChange {
    fn shipped(&self) -> PlannedChange {
        change(
            "nas/traefik/file:config/traefik/traefik.yml",
            Action::Update,
            Reason::Declared(names(&["content"])),
            vec![pending("content", text(self.old), text(self.new))],
        )
    }
}

pub fn removal() -> Plan {
    let remove = |address: &str| change(address, Action::Delete, Reason::NoLongerDeclared, vec![]);
    let mut container = remove("nas/oldapp/container:web");
    container.dependents = names(&["pi/caddy"]);
    let mut network = remove("nas/oldapp/network:default");
    network.downtime = Downtime::None;
    plan(vec![
        (container, vec![Call::StopContainer { container: "oldapp-web-1".to_owned() }]),
        (network, vec![Call::RemoveNetwork { id: "1".to_owned(), name: "oldapp_default".to_owned() }]),
    ])
}

pub fn data_at_stake() -> Plan {
    let mut volume = change(
        "nas/postgres/volume:data",
        Action::Replace,
        Reason::Declared(names(&["driver_opts.device"])),
        vec![pending("driver_opts.device", text("/srv/old"), text("/srv/new"))],
    );
    volume.downtime = Downtime::None;
    volume.data_at_stake = vec!["The volume postgres_data would be removed with all that is in it.".to_owned()];
    let mut plan = plan(vec![(volume, vec![Call::RemoveVolume { name: "postgres_data".to_owned() }])]);
    plan.objections = vec![
        Objection {
            kind: ObjectionKind::DataLoss,
            addr: Some(addr("nas/postgres/volume:data")),
            text: "The volume postgres_data would be removed with all that is in it.".to_owned(),
            hint: "`--allow-data-loss nas/postgres/volume:data` lets it be removed.".to_owned(),
        },
        Objection {
            kind: ObjectionKind::Impossible,
            addr: None,
            text: "Port 443/tcp of nas is published by traefik and by caddy.".to_owned(),
            hint: String::new(),
        },
    ];
    plan
}

pub fn unknown_node() -> Plan {
    let mut plan = drifted_restart_policy();
    let unknown = Unknown {
        why: "connect timed out after 10 s".to_owned(),
        hint: "`ssh admin@pi.lan true` shows whether it can be reached.".to_owned(),
        kind: UnknownKind::Unreachable,
        services: ["adguard", "caddy", "frigate", "grafana", "home", "loki", "mosquitto", "ntfy", "zigbee"]
            .map(service)
            .into(),
    };
    let resting = Unknown {
        why: "it is in maintenance".to_owned(),
        hint: String::new(),
        kind: UnknownKind::Maintenance,
        services: [service("backup")].into(),
    };
    plan.unknown = [(node("pi"), unknown), (node("attic"), resting)].into();
    plan.blocked =
        [(service("vaultwarden"), "ADMIN_TOKEN is empty in nas:/opt/homelab/config/vaultwarden/.env".to_owned())]
            .into();
    plan.notes = vec![
        "The last apply was interrupted while it created nas/immich/container:ml; that is planned anew.".to_owned(),
    ];
    plan
}

pub fn adoption() -> Plan {
    let adopt = |address: &str| (change(address, Action::Adopt, Reason::Unrecorded, vec![]), vec![]);
    let mut differs = three("restart", Verdict::Unrecorded, Some(text("unless-stopped")), None, Some(text("always")));
    differs.cost = Cost::InPlace;
    plan(vec![
        adopt("nas/postgres/network:default"),
        adopt("nas/postgres/volume:data"),
        adopt("nas/postgres/container:db"),
        adopt("nas/immich/network:default"),
        (
            change("nas/immich/container:server", Action::Update, Reason::Differs(names(&["restart"])), vec![differs]),
            vec![],
        ),
    ])
}

pub fn empty() -> Plan {
    Plan { order: ["postgres", "immich", "caddy"].map(service).to_vec(), ..Plan::default() }
}

pub fn only_adoption() -> Plan {
    let mut plan = adoption();
    plan.changes.retain(|c| c.action == Action::Adopt);
    plan
}

/// Every plan by name.
pub fn all() -> Vec<(&'static str, Plan)> {
    vec![
        ("first_plan", first_plan()),
        ("one_variable", one_variable()),
        ("image_bump", image_bump()),
        ("drifted_restart_policy", drifted_restart_policy()),
        ("conflict", conflict()),
        ("stopped_container", stopped_container()),
        ("secret_change", secret_change()),
        ("file_difference", file_difference()),
        ("removal", removal()),
        ("data_at_stake", data_at_stake()),
        ("unknown_node", unknown_node()),
        ("adoption", adoption()),
        ("only_adoption", only_adoption()),
        ("empty", empty()),
    ]
}

/// A record of two resources.
pub fn record() -> RecordedView {
    let pairs = |pairs: &[(&str, Value)]| -> Fields {
        pairs.iter().map(|(name, value)| (Field::parse(name).unwrap(), value.clone())).collect()
    };
    let declared = pairs(&[("image", Value::text("nginx:1")), ("environment.PASSWORD", secret("hunter2"))]);
    let baseline = pairs(&[("image", Value::text("nginx:1")), ("hostname", Value::text("web"))]);
    let container = Recorded {
        id: "0123456789abcdef".repeat(4),
        declared,
        baseline,
        applied_at: "2026-01-02T03:04:05Z".to_owned(),
    };
    let network = Recorded { id: "web_default".to_owned(), ..container.clone() };
    RecordedView {
        resources: [(addr("nas/web/container:web"), container), (addr("nas/web/network:default"), network)].into(),
        ..RecordedView::default()
    }
}

//! Whole walks on a real engine, from the files of a repository to its containers and the record: what an apply does,
//! what the plan after it says, and what is left when something fails on the way.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use hl::config::Repository;
use hl::diagnostic::{Diagnostics, SourceMap};
use hl::event::{Event, Interruption, Outcome, Report};
use hl::model::homelab::Protect;
use hl::model::{Key, Kind};
use hl::node::{self, Connections};
use hl::plan::{self, Operation, Phase};
use hl::state::{self, LockOwner, Paths, State, Store};
use hl::workflow::{self, Access, ApplyError, ApplyRequest, DiagnosticListener, Observation, observe_with_record};
use tokio::sync::{mpsc, watch};

use crate::support::compose;
use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_homelab_comes_up_and_the_plan_after_it_is_empty, needs Engine),
    trial!(values_of_several_lines_are_no_assignments, needs Engine),
    trial!(what_compose_started_is_adopted_untouched, needs Engine, Compose),
    trial!(a_replacement_that_is_not_healthy_is_taken_back, needs Engine),
    trial!(a_script_that_fails_takes_the_replacement_back, needs Engine),
    trial!(a_container_that_ends_says_why_and_holds_back_what_needs_it, needs Engine),
    trial!(a_job_is_done_once, needs Engine),
    trial!(an_apply_that_dies_anywhere_is_known_and_completed, needs Engine),
    trial!(preparing_touches_no_container, needs Engine),
    trial!(a_change_by_hand_is_put_back, needs Engine),
    trial!(two_clones_cannot_apply_at_once, needs Engine),
    trial!(a_protection_is_recorded_without_any_step, needs Engine),
];

/// A homelab with the walk from its files to its nodes.
struct Walk {
    lab: Homelab,
    engine: Engine,
    runtime: tokio::runtime::Runtime,
}

/// What a plan was made from, and the plan.
struct Planned {
    observation: Observation,
    made: workflow::Planned,
}

/// Expects files without errors.
struct NoErrors;

impl DiagnosticListener for NoErrors {
    fn diagnostics(&self, found: &Diagnostics, _: &SourceMap) {
        assert!(!found.has_errors(), "{found:?}");
    }
}

impl Walk {
    fn new() -> Walk {
        let engine = Engine::connect();
        let lab = Homelab::on(&engine);
        Walk { lab, engine, runtime: tokio::runtime::Runtime::new().expect("a runtime starts") }
    }

    fn paths(&self) -> Paths {
        Paths { folder: self.lab.repository().join("state"), keys: self.lab.scratch("keys") }
    }

    fn state(&self) -> State {
        state::read(&self.paths()).expect("the state can be read")
    }

    fn access(&self) -> Access {
        let root = self.lab.repository();
        Access {
            repository: Repository::on_disk(&root, &root, None),
            node_options: node::Options::default(),
            base: None,
        }
    }

    #[track_caller]
    fn plan(&self) -> Planned {
        let (access, record) = (self.access(), workflow::record(self.paths()));
        let observing = observe_with_record(&access, &[], Connections::Keep, &NoErrors, record);
        let (observation, state) = self.runtime.block_on(observing).expect("the homelab can be observed");
        let made = observation.plan(&state.view, &state.sealer, plan::Options::default());
        assert_eq!((&made.plan.objections, &made.plan.blocked), (&Vec::new(), &BTreeMap::new()));
        Planned { observation, made }
    }

    fn store(&self) -> Store {
        let claim =
            LockOwner { who: "ann".into(), host: "desk".into(), pid: 1, why: "apply".into(), since: state::now() };
        Store::open(&self.paths(), claim).expect("the state is free")
    }

    /// Applies a plan up to a phase; after `time` its process dies, as far as it can tell.
    fn apply_for(&self, planned: &Planned, until: Option<Phase>, time: Duration) -> Option<(Report, Vec<Event>)> {
        let mut store = self.store();
        let (_interrupt, stop) = watch::channel(Interruption::No);
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let access = self.access();
        let request = planned.request(&access, until);
        let applied = self
            .runtime
            .block_on(async { tokio::time::timeout(time, workflow::apply(request, &mut store, stop, sender)).await });
        let report = applied.ok()?.unwrap_or_else(|error| panic!("{error}"));
        let mut events = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            events.push(event);
        }
        Some((report, events))
    }

    /// Plans and applies.
    #[track_caller]
    fn apply(&self) -> (Planned, Report) {
        let planned = self.plan();
        let (report, _) = self.apply_for(&planned, None, Duration::from_secs(120)).expect("two minutes are enough");
        (planned, report)
    }

    /// Plans and applies, and expects that all goes well and nothing is left to do.
    #[track_caller]
    fn settle(&self) -> Planned {
        let (planned, report) = self.apply();
        assert!(report.is_complete(), "{:?}", report.failures().collect::<Vec<_>>());
        self.expect_nothing_to_do();
        planned
    }

    #[track_caller]
    fn expect_nothing_to_do(&self) {
        let plan = self.plan().made.plan;
        let left: Vec<_> = plan.changes.iter().map(|c| (c.addr.to_string(), c.action, &c.reasons, &c.fields)).collect();
        assert!(left.is_empty() && plan.steps.is_empty(), "the plan after an apply is not empty: {left:#?}");
    }

    /// A service of one container.
    fn service(&self, name: &str, container: &str, more: &str) -> &Walk {
        let text = format!("name: sample-lab-{name}\nservices:\n  {name}:\n{container}");
        self.lab.write(&format!("services/{name}/docker-compose.yml"), &text);
        self.lab.write(&format!("services/{name}/service.yaml"), &format!("owner_node: box\n{more}"));
        self
    }

    fn container(&self, service: &str) -> serde_json::Value {
        self.engine.inspect(&self.lab.name(&format!("sample-lab-{service}-{service}-1")))
    }

    fn id(&self, service: &str) -> String {
        self.container(service)["Id"].as_str().expect("a container has an id").to_owned()
    }

    /// Every container of the homelab, with whether it runs.
    fn containers(&self) -> Vec<String> {
        let names = self.engine.containers(&self.lab.name("sample-lab"));
        let states = names.iter().map(|name| {
            let state = self.engine.inspect(name)["State"]["Status"].as_str().unwrap_or_default().to_owned();
            format!("{} {state}", self.lab.stand_in(name))
        });
        states.collect()
    }
}

impl Planned {
    /// To apply it up to a phase.
    fn request<'a>(&'a self, access: &'a Access, until: Option<Phase>) -> ApplyRequest<'a> {
        let Planned { observation, made: planned } = self;
        ApplyRequest { access, observation, planned, until, digest: "sha256:0".to_owned(), commit: None }
    }
}

/// The outcome of the only step that makes a call of this kind.
#[track_caller]
fn outcome<'r>(planned: &Planned, report: &'r Report, is_it: impl Fn(&Operation) -> bool) -> &'r Outcome {
    let mut steps = planned.made.plan.steps.iter().filter(|step| is_it(&step.operation));
    let step = steps.next().expect("there is such a step");
    assert!(steps.next().is_none(), "there is only one");
    &report.steps[&step.id.0]
}

const WEB: &str = "    image: hl-test/web:1\n    stop_grace_period: 1s\n";

fn a_homelab_comes_up_and_the_plan_after_it_is_empty() {
    let walk = Walk::new();
    walk.lab.write(
        "services/db/docker-compose.yml",
        "name: sample-lab-db\nservices:\n  db:\n    image: hl-test/web:1\n    environment: { DB_PASSWORD: \"${DB_PASSWORD}\" }\n    \
         command: [\"sh\", \"-c\", \"echo pg://u:${DB_PASSWORD}@db > /www/url; exec serve\"]\n    \
         volumes: [\"data:/data\"]\n    networks: [back]\n    restart: unless-stopped\n    mem_limit: 64m\n\
         networks:\n  back: { name: sample-lab-back }\nvolumes:\n  data:\n",
    );
    walk.lab.write(
        "services/db/service.yaml",
        "owner_node: box\nenv: { required: [DB_PASSWORD], generate: { DB_PASSWORD: { length: 24 } } }\nhealth: { script: healthcheck.sh, interval: 100ms }\n",
    );
    walk.lab.write("services/db/env.example", "# the password\nDB_PASSWORD=\n");
    walk.lab.write(
        "services/db/healthcheck.sh",
        "#!/bin/sh\n[ ${#DB_PASSWORD} -eq 24 ] || { echo no password; exit 1; }\n",
    );
    walk.lab.write(
        "services/web/docker-compose.yml",
        "name: sample-lab-web\nservices:\n  web:\n    image: hl-test/web:1\n    networks: [back]\n    depends_on: { job: { condition: service_completed_successfully } }\n    \
         volumes: [\"./www:/www:ro\"]\n  job:\n    image: hl-test/plain:1\n    command: [\"true\"]\n\
         networks:\n  back: { name: sample-lab-back, external: true }\n",
    );
    walk.lab.write("services/web/www/index.html", "hello\n");
    walk.lab.write("services/web/service.yaml", "owner_node: box\ndepends_on: [db]\n");
    walk.settle();

    let env = std::fs::read_to_string(walk.lab.node_root().join("config/db/.env")).expect("the env file was written");
    let password = env.lines().find_map(|line| line.strip_prefix("DB_PASSWORD=")).expect("a password was made");
    assert_eq!(password.len(), 24);
    let db = walk.container("db");
    let has = |key: &str, text: &str| {
        db["Config"][key].as_array().expect("a list").iter().any(|v| v.as_str().expect("a text").contains(text))
    };
    assert!(has("Env", &format!("DB_PASSWORD={password}")) && has("Cmd", &format!("pg://u:{password}@db")));
    for entry in std::fs::read_dir(walk.paths().folder).expect("there is a state") {
        let path = entry.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("a text");
        assert!(!text.contains(password), "the password is in {}", path.display());
    }
    let started = |service: &str| walk.container(service)["State"]["StartedAt"].as_str().map(str::to_owned);
    assert!(started("web") > started("db"), "what depends on another starts after it");

    // What is lost is found again on the node, and nothing is made anew for it.
    let ids = [walk.id("db"), walk.id("web")];
    std::fs::remove_dir_all(walk.paths().folder).expect("the state can be thrown away");
    walk.settle();
    std::fs::remove_dir_all(walk.paths().keys).expect("the key can be lost");
    walk.settle();
    assert_eq!(ids, [walk.id("db"), walk.id("web")]);
}

fn values_of_several_lines_are_no_assignments() {
    let walk = Walk::new();
    let text = "    image: hl-test/web:1\n    stop_grace_period: 1s\n    environment: { D: \"${D}\", K: \"${K}\", Q: \"${Q}\" }\n";
    walk.service("db", text, "env: { generate: { D: { length: 12 }, K: { length: 12 }, Q: { length: 12 } } }\n");
    let path = walk.lab.node_root().join("config/db/.env");
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
    let written = "M=\"two\nD=x\nlines\"\nexport\tK=\"\n-----BEGIN\"\nQ=\"'\"\n";
    std::fs::write(&path, written).expect("the file is written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode is set");
    walk.settle();
    let after = std::fs::read_to_string(&path).expect("the file is there");
    assert!(after.starts_with(written), "{after}");
    let generated = after.lines().rev().find_map(|line| line.strip_prefix("D=")).expect("D was generated");
    assert_eq!(generated.len(), 12);
    let container = walk.container("db");
    let environment = container["Config"]["Env"].as_array().expect("a list");
    for entry in [format!("D={generated}"), "K=\n-----BEGIN".to_owned(), "Q='".to_owned()] {
        assert!(environment.iter().any(|found| *found == entry.as_str()), "{entry:?} in {environment:?}");
    }
}

fn what_compose_started_is_adopted_untouched() {
    let walk = Walk::new();
    let text = "    image: hl-test/rich:1\n    environment: { A: \"1\" }\n    volumes: [\"data:/data\"]\n    ports: [\"18471:80\"]\n    restart: always\nvolumes:\n  data:\n";
    walk.service("app", text, "");
    let folder = walk.lab.repository().join("services/app");
    walk.lab.write("services/app/service.yaml", &format!("owner_node: box\nproject_dir: {}\n", folder.display()));
    compose::run(&walk.lab, "app", &walk.engine.address(), &["up", "-d"]).code(0);
    let (id, started) = (walk.id("app"), walk.container("app")["State"]["StartedAt"].clone());
    let planned = walk.settle();
    let calls: Vec<_> =
        planned.made.plan.steps.iter().filter(|s| s.phase == Phase::Deploy).map(|s| &s.operation).collect();
    assert!(calls.is_empty(), "{calls:?}");
    assert_eq!((walk.id("app"), walk.container("app")["State"]["StartedAt"].clone()), (id, started));
}

fn a_replacement_that_is_not_healthy_is_taken_back() {
    let walk = Walk::new();
    walk.service("web", &format!("{WEB}    environment: {{ V: \"1\" }}\n    ports: [\"18472:80\"]\n"), "").settle();
    let id = walk.id("web");
    let broken = format!("{WEB}    environment: {{ V: \"2\", PORT: \"81\" }}\n    ports: [\"18472:80\"]\n");
    walk.service("web", &broken, "");
    let (planned, report) = walk.apply();
    let awaited = outcome(&planned, &report, |operation| matches!(operation, Operation::AwaitContainer { .. }));
    assert!(matches!(awaited, Outcome::Failed { error, .. } if error.contains("is unhealthy")), "{awaited:?}");
    assert!(report.undone.values().all(Option::is_none) && report.undone.len() >= 4, "{:?}", report.undone);
    assert_eq!(walk.id("web"), id, "the old one is back");
    assert_eq!(walk.containers(), ["sample-lab-web-web-1 running"]);
    // Nothing of it is recorded: the next plan says the same again.
    let again = walk.plan().made.plan;
    assert_eq!(again.changes.len(), 1);
    assert!(again.changes[0].fields.iter().any(|f| f.field.key == Key::Environment));
    walk.service("web", &format!("{WEB}    environment: {{ V: \"2\" }}\n    ports: [\"18472:80\"]\n"), "").settle();
    assert_ne!(walk.id("web"), id);
    assert_eq!(walk.containers(), ["sample-lab-web-web-1 running"]);
}

fn a_script_that_fails_takes_the_replacement_back() {
    let walk = Walk::new();
    let health = "health: { script: healthcheck.sh, interval: 50ms, retries: 2 }\n";
    walk.service("app", "    image: hl-test/app:1\n", health);
    walk.lab.write("services/app/healthcheck.sh", "#!/bin/sh\nexit 0\n");
    walk.settle();
    let id = walk.id("app");
    walk.service("app", "    image: hl-test/app:2\n", health);
    walk.lab.write("services/app/healthcheck.sh", "#!/bin/sh\necho it does not answer\nexit 3\n");
    let (planned, report) = walk.apply();
    let script = outcome(&planned, &report, |operation| matches!(operation, Operation::RunHealthScript { .. }));
    let said = "failed 2 times; the last time with code 3\n    it does not answer";
    assert!(matches!(script, Outcome::Failed { error, .. } if error.contains(said)), "{script:?}");
    assert_eq!(walk.id("app"), id);
    assert_eq!(walk.containers(), ["sample-lab-app-app-1 running"]);
}

fn a_container_that_ends_says_why_and_holds_back_what_needs_it() {
    let walk = Walk::new();
    let failing = "    image: hl-test/plain:1\n    environment: { TOKEN: \"${TOKEN}\" }\n    command: [\"sh\", \"-c\", \"echo bad token $$TOKEN; exit 7\"]\n";
    walk.service("db", failing, "env: { generate: { TOKEN: { length: 16 } } }\n");
    walk.lab.write("services/db/env.example", "TOKEN=\n");
    walk.service("web", WEB, "depends_on: [db]\n").service("other", WEB, "");
    let (planned, report) = walk.apply();
    let of = |service: &str| {
        let steps = planned.made.plan.steps.iter().filter(|s| s.service.as_str() == service);
        steps.map(|s| (s.id.0, &report.steps[&s.id.0])).collect::<Vec<_>>()
    };
    let (failed, error, log) = of("db")
        .into_iter()
        .find_map(|(id, outcome)| match outcome {
            Outcome::Failed { error, log } => Some((id, error, log)),
            _ => None,
        })
        .expect("a step of db failed");
    assert!(error.ends_with("ended with code 7"), "{error}");
    assert_eq!(log, &["bad token (secret)"]);
    let held_back: Vec<_> = of("web")
        .into_iter()
        .filter(|(_, o)| matches!(o, Outcome::Skipped { because: Some(id) } if *id == failed))
        .collect();
    assert!(held_back.len() >= 2, "{held_back:?}");
    assert!(of("other").iter().all(|(_, outcome)| **outcome == Outcome::Done));
    assert_eq!(walk.containers(), ["sample-lab-db-db-1 exited", "sample-lab-other-other-1 running"]);
    let recorded = walk.state().view.resources.into_keys().filter(|addr| addr.kind == Kind::Container);
    assert_eq!(recorded.map(|addr| addr.to_string()).collect::<Vec<_>>(), ["box/other/container:other"]);
}

fn a_job_is_done_once() {
    let walk = Walk::new();
    walk.service("job", "    image: hl-test/plain:1\n    command: [\"true\"]\n", "").settle();
    assert_eq!(walk.containers(), ["sample-lab-job-job-1 exited"]);
}

fn an_apply_that_dies_anywhere_is_known_and_completed() {
    let walk = Walk::new();
    let version = |v: &str| {
        format!(
            "{WEB}    environment: {{ V: \"{v}\" }}\n    ports: [\"18473:80\"]\n    volumes: [\"data:/data\"]\nvolumes:\n  data:\n"
        )
    };
    walk.service("web", &version("0"), "").settle();
    let mut known = 0;
    for tenths in 1..12 {
        let v = tenths.to_string();
        walk.service("web", &version(&v), "");
        let planned = walk.plan();
        let done = walk.apply_for(&planned, None, Duration::from_millis(tenths * 100));
        known += walk.state().view.interrupted.len();
        assert!(done.is_none() || tenths > 5, "an apply takes longer than {tenths}00 ms");
        // Calls that were under way when their caller went away may still come to an end.
        std::thread::sleep(Duration::from_millis(300));
        walk.settle();
        assert_eq!(walk.containers(), ["sample-lab-web-web-1 running"]);
        let env = walk.container("web")["Config"]["Env"].clone();
        assert!(env.as_array().expect("a list").contains(&format!("V={v}").into()), "{env}");
    }
    assert!(known > 0, "no call was ever under way");
}

fn preparing_touches_no_container() {
    let walk = Walk::new();
    walk.service("web", WEB, "").settle();
    let id = walk.id("web");
    walk.lab.write("services/web/env.example", "PW=\n");
    let more = format!("{WEB}    environment: {{ PW: \"${{PW}}\" }}\n");
    walk.service("web", &more, "env: { generate: { PW: { length: 16 } } }\n");
    let planned = walk.plan();
    let until = Some(Phase::Prepare);
    let (report, _) = walk.apply_for(&planned, until, Duration::from_secs(60)).expect("a minute is enough");
    assert!(report.is_complete() && !report.steps.is_empty(), "{report:?}");
    assert!(walk.lab.node_root().join("config/web/.env").exists());
    assert_eq!(walk.id("web"), id);
    walk.settle();
    assert_ne!(walk.id("web"), id);
}

fn two_clones_cannot_apply_at_once() {
    let walk = Walk::new();
    walk.service("web", WEB, "");
    let planned = walk.plan();
    let node = planned.observation.nodes.values().next().expect("there is one node");
    std::fs::create_dir_all(walk.lab.node_root()).expect("a folder can be made");
    let path = walk.lab.node_root().join(".hl.lock").display().to_string();
    let held = walk.runtime.block_on(node.lock(&path, "ann@desk")).expect("the lock is free");
    let (_interrupt, stop) = watch::channel(Interruption::No);
    let (sender, _events) = mpsc::unbounded_channel();
    let (mut store, access) = (walk.store(), walk.access());
    let apply = workflow::apply(planned.request(&access, None), &mut store, stop, sender);
    let error = walk.runtime.block_on(apply).expect_err("another one holds the node");
    assert!(matches!(error, ApplyError::Locked(_)), "{error}");
    assert_eq!(walk.containers(), Vec::<String>::new());
    drop((held, store));
    walk.settle();
}

fn a_protection_is_recorded_without_any_step() {
    let walk = Walk::new();
    walk.service("web", WEB, "").settle();
    walk.service("web", WEB, "lifecycle: { protect: true }\n");
    walk.lab.hl(&["apply", "--yes"]).code(0);
    let protection = walk.state().view.services.into_values().map(|service| service.lifecycle.protect);
    assert_eq!(protection.collect::<Vec<_>>(), [Protect::On]);
}

fn a_change_by_hand_is_put_back() {
    let walk = Walk::new();
    walk.service("web", &format!("{WEB}    mem_limit: 64m\n    restart: unless-stopped\n"), "").settle();
    let name = walk.lab.name("sample-lab-web-web-1");
    let id = walk.id("web");
    let by_hand = serde_json::json!({"RestartPolicy": {"Name": "no"}, "Memory": 128 << 20, "MemorySwap": 256 << 20});
    walk.engine.post(&format!("/containers/{name}/update"), &by_hand);
    walk.settle();
    assert_eq!(walk.id("web"), id, "the engine changes that in place");
    assert_eq!(walk.container("web")["HostConfig"]["RestartPolicy"]["Name"], "unless-stopped");
    walk.engine.post(&format!("/containers/{name}/stop"), &serde_json::Value::Null);
    walk.settle();
    assert_eq!(walk.id("web"), id);
    walk.engine.delete(&format!("/containers/{name}?force=1"));
    let began = Instant::now();
    walk.settle();
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_ne!(walk.id("web"), id);
}

//! A homelab of three services and five containers on the private engine, to change in one place and to look at as a
//! whole: what the plan says of the change, what the apply does, and that nothing else was touched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use super::engine::Engine;
use super::homelab::Homelab;
use super::outcome::Outcome;

const DB: &str = "\
name: sample-lab-db
services:
  db:
    image: hl-test/web:1
    restart: unless-stopped
    mem_limit: 64m
    volumes: [\"data:/data\"]
    networks:
      back: { aliases: [postgres] }
  migrate:
    image: hl-test/app:1
    command: [\"true\"]
    networks: [back]
networks:
  back: { name: sample-lab-back }
volumes:
  data:
";

const API: &str = "\
name: sample-lab-api
services:
  api:
    image: hl-test/app:1
    restart: unless-stopped
    mem_limit: 64m
    pids_limit: 100
    environment:
      GREETING: hello
    labels:
      tier: middle
    healthcheck:
      test: [\"CMD\", \"true\"]
      interval: 300ms
    networks:
      back: { aliases: [shop-api] }
      default:
  worker:
    image: hl-test/app:1
    command: [\"sh\", \"-c\", \"exec pause\"]
    depends_on: [api]
networks:
  back: { name: sample-lab-back, external: true }
";

const WEB: &str = "\
name: sample-lab-web
services:
  web:
    image: hl-test/web:1
    volumes:
      - ./www:/www:ro
    healthcheck:
      interval: 300ms
";

/// The homelab, applied once, with nothing left to do.
pub struct Shop {
    pub lab: Homelab,
    pub engine: Engine,
}

/// One thing that somebody changes, and what is to come of it.
pub struct Case {
    /// Its name, and that of the file in `tests/cases/truth` with the plan's text.
    pub name: &'static str,
    /// The change.
    pub change: fn(&Shop),
    /// What it is a change of, as `api/container:api`.
    pub of: &'static str,
    /// The action that the plan has for it.
    pub action: &'static str,
    /// Each field that the plan names, with its verdict; of something new none are listed.
    pub fields: &'static [&'static str],
    /// What becomes of its container.
    pub fate: Fate,
}

/// What becomes of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on running as if nothing had happened.
    Untouched,
    /// The same container, started again.
    Restarted,
    /// Another container is in its place.
    Replaced,
}

/// Each container by service and Compose service, with its id and when it was started.
pub type Seen = BTreeMap<String, BTreeSet<(String, String)>>;

impl Shop {
    pub fn open() -> Shop {
        let shop = Shop::declared();
        shop.hl(&["apply", "--yes"]).code(0);
        shop.expect_settled();
        shop
    }

    /// The same before its first apply.
    pub fn declared() -> Shop {
        let engine = Engine::connect();
        let lab = Homelab::on(&engine);
        for (service, compose, needs) in [("db", DB, ""), ("api", API, "db"), ("web", WEB, "api")] {
            lab.write(&format!("services/{service}/docker-compose.yml"), compose);
            lab.write(
                &format!("services/{service}/service.yaml"),
                &format!("owner_node: box\ndepends_on: [{needs}]\n"),
            );
        }
        lab.write("services/web/www/index.html", "<h1>Shop</h1>\n<p>open from 9 to 5</p>\n<p>ring twice</p>\n");
        lab.track();
        Shop { lab, engine }
    }

    pub fn hl(&self, arguments: &[&str]) -> Outcome {
        self.lab.hl(arguments)
    }

    /// The real name of a container, as `api-worker`.
    pub fn container(&self, container: &str) -> String {
        self.lab.name(&format!("sample-lab-{container}-1"))
    }

    /// A call of the engine on a container.
    pub fn call(&self, container: &str, verb: &str, body: &Value) -> Value {
        self.engine.post(&format!("/containers/{}/{verb}", self.container(container)), body)
    }

    /// A call of the engine on a network, for a container.
    pub fn wire(&self, network: &str, verb: &str, container: &str, end: &Value) {
        let network = self.lab.name(&format!("sample-lab-{network}"));
        let body = json!({"Container": self.container(container), "Force": true, "EndpointConfig": end});
        self.engine.post(&format!("/networks/{network}/{verb}"), &body);
    }

    /// Changes a piece of the compose file of a service.
    #[track_caller]
    pub fn edit(&self, service: &str, old: &str, new: &str) {
        let path = format!("services/{service}/docker-compose.yml");
        let text = std::fs::read_to_string(self.lab.repository().join(&path)).expect("there is a compose file");
        let text = self.lab.stand_in(&text);
        assert_eq!(text.matches(old).count(), 1, "{old:?} in {text}");
        self.lab.write(&path, &text.replace(old, new));
    }

    /// Makes a container anew as somebody outside would: the same but for what `change` does to the request.
    pub fn remake(&self, container: &str, change: fn(&mut Value)) {
        let name = self.container(container);
        let mut request = self.request(&name);
        change(&mut request);
        self.engine.delete(&format!("/containers/{name}?force=1"));
        self.make(&name, &request);
        self.call(container, "start", &Value::Null);
    }

    /// The request that makes a container like this one.
    pub fn request(&self, name: &str) -> Value {
        let found = self.engine.inspect(name);
        let mut request = found["Config"].clone();
        request["HostConfig"] = found["HostConfig"].clone();
        let ends = found["NetworkSettings"]["Networks"].as_object().expect("a container has networks").clone();
        let id = found["Id"].as_str().expect("a container has an id").to_owned();
        // The engine itself adds the beginning of the id.
        let aliases = |end: &Value| -> Vec<Value> {
            let all = end["Aliases"].as_array().into_iter().flatten();
            all.filter(|alias| !alias.as_str().is_some_and(|alias| id.starts_with(alias))).cloned().collect()
        };
        // Engines of API 1.41 take one network at the creation.
        let (first, further): (Vec<_>, Vec<_>) = ends.into_iter().enumerate().partition(|(at, _)| *at == 0);
        let ends = |ends: Vec<(usize, (String, Value))>| -> Value {
            let own = ends.into_iter().map(|(_, (network, end))| (network, json!({"Aliases": aliases(&end)})));
            Value::Object(own.collect())
        };
        request["NetworkingConfig"] = json!({"EndpointsConfig": ends(first)});
        request["Further"] = ends(further);
        request
    }

    /// Makes a container, with all of its networks.
    pub fn make(&self, name: &str, request: &Value) {
        self.engine.post(&format!("/containers/create?name={name}"), request);
        for (network, end) in request["Further"].as_object().into_iter().flatten() {
            let body = json!({"Container": name, "EndpointConfig": end});
            self.engine.post(&format!("/networks/{network}/connect"), &body);
        }
    }

    pub fn seen(&self) -> Seen {
        let mut seen = Seen::new();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for listed in self.engine.get("/containers/json?all=1").as_array().expect("a list") {
            let label = |name: &str| self.lab.stand_in(&text(&listed["Labels"][format!("com.docker.compose.{name}")]));
            if let Some(service) = label("project").strip_prefix("sample-lab-") {
                let id = text(&listed["Id"]);
                let started = text(&self.engine.inspect(&id)["State"]["StartedAt"]);
                seen.entry(format!("{service}/container:{}", label("service"))).or_default().insert((id, started));
            }
        }
        seen
    }

    /// Expects that nothing is to be done and nothing was changed from outside.
    #[track_caller]
    pub fn expect_settled(&self) {
        let plan = self.hl(&["plan", "--detailed-exitcode"]);
        plan.code(0);
        assert!(plan.stdout.starts_with("No changes."), "{plan}");
        self.hl(&["drift"]).code(0).says("No drift");
    }

    /// Makes the change of each case, expects what it says, and settles it before the next. Says all that is wrong at
    /// the end.
    pub fn try_all(&self, cases: &[Case]) {
        let mut complaints = Vec::new();
        for case in cases {
            let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.try_one(case)));
            if let Err(panic) = tried {
                let why = panic.downcast_ref::<String>().map_or("it panicked", String::as_str);
                complaints.push(format!("case `{}`: {why}", case.name));
                self.hl(&["apply", "--yes"]);
            }
        }
        assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
    }

    fn try_one(&self, case: &Case) {
        let before = self.seen();
        (case.change)(self);
        let plan = self.expect_plan(case);
        self.expect_drift(case, &plan);
        self.hl(&["apply", "--yes"]).code(0);
        let after = self.seen();
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        for (container, now) in after {
            let was = &before[&container];
            let ids = |seen: &BTreeSet<(String, String)>| seen.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
            let fate = match (ids(was) == ids(&now), *was == now) {
                (_, true) => Fate::Untouched,
                (true, false) => Fate::Restarted,
                (false, false) => Fate::Replaced,
            };
            let expected = if container == case.of { case.fate } else { Fate::Untouched };
            assert_eq!((fate, now.len()), (expected, 1), "{container}");
        }
        self.expect_settled();
    }

    /// The plan has one change, of these fields, in these words.
    fn expect_plan(&self, case: &Case) -> Outcome {
        let json = self.hl(&["plan", "--format", "json"]);
        let plan: Value = serde_json::from_str(&json.stdout).expect("a plan in JSON");
        let mut changes: Vec<&Value> = plan["changes"].as_array().expect("a list").iter().collect();
        changes.retain(|change| change["action"] != "refresh" && change["action"] != "adopt");
        let text = self.hl(&["plan"]);
        let [change] = changes.as_slice() else { panic!("{} changes in {text}", changes.len()) };
        let says = |key: &str| self.lab.stand_in(change[key].as_str().unwrap_or_default());
        assert_eq!((says("address").as_str(), says("action").as_str()), (&*format!("box/{}", case.of), case.action));
        // What the engine derives from a changed field follows in the record only.
        let acting = change["fields"].as_array().expect("a list").iter().filter(|field| field["cost"] != "ignored");
        let words =
            |field: &Value| [&field["field"], &field["verdict"]].map(|w| w.as_str().unwrap_or_default()).join(" ");
        let fields: Vec<String> = acting.map(|field| self.lab.stand_in(&words(field))).collect();
        if case.action != "create" {
            assert_eq!(fields, case.fields, "{text}");
        }
        expect_text(case.name, &text.stdout);
        text
    }

    /// What was changed from outside is drift, and nothing else is.
    fn expect_drift(&self, case: &Case, plan: &Outcome) {
        let outside =
            case.action == "create" || case.fields.iter().any(|f| f.ends_with(" drift") || f.ends_with(" conflict"));
        let drift = self.hl(&["drift"]);
        assert_eq!(plan.stdout.contains("outside hl") || plan.stdout.contains("drift"), outside, "{plan}");
        if outside {
            drift.code(2).says(&format!("box/{}", case.of));
        } else {
            drift.code(0);
        }
    }
}

/// Compares a text with a golden file. `HL_BLESS=1` writes it; read it aloud before it is committed.
#[track_caller]
pub fn expect_text(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/truth").join(format!("{name}.txt"));
    let text = settled(text);
    if std::env::var_os("HL_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        std::fs::write(&path, &text).expect("the text can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "hl says\n{text}instead of\n{expected}");
}

/// The text with a stand-in for ids and digests, which are others each time: words of twelve hexadecimal digits.
fn settled(text: &str) -> String {
    let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    let is_id = |word: &str| word.len() == 12 && word.chars().all(|c| c.is_ascii_hexdigit());
    let clean = words.map(|word| match word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()) {
        id if is_id(id) => word.replace(id, "0123456789ab"),
        _ => word.to_owned(),
    });
    clean.collect()
}

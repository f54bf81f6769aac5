//! The saved plan: what was agreed to, and by what to tell that nothing has moved since.
//!
//! A saved plan is never executed itself. Apply makes the plan anew from the present, saves that in
//! memory too, and goes on only if [`SavedPlan::stale`] finds no difference. So the file needs to
//! hold no secret, and a plan that was tampered with cannot do anything that hl would not plan.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Options, Plan, Prune, Required};
use crate::diff::{Change, Presence};
use crate::model::{AddrError, Digest, Sealer, ServiceName, Target, Text, Value, hex, notation};

/// The version of the file's shape.
pub const FORMAT_VERSION: u32 = 1;

/// A plan as it is kept in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    /// The version of the file's shape.
    pub format_version: u32,
    /// The hl that made it.
    pub made_by: String,
    /// When, RFC 3339.
    pub made_at: String,
    /// The homelab that it is for.
    pub homelab: String,
    /// Names what all copies of the state have in common.
    pub lineage: String,
    /// The state's serial that it was made from.
    pub serial: u64,
    /// The keyed digest of everything that was read: files, variables.
    pub inputs: String,
    /// The user's options.
    pub options: SavedOptions,
    /// The keyed digest of each resource that it touches, as it was then.
    pub fingerprints: BTreeMap<String, String>,
    /// The keyed digests of the secrets that the plan shows by their numbers, in order.
    pub secrets: Vec<String>,
    /// The plan, without secrets.
    pub plan: serde_json::Value,
}

/// The user's options in their saved form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedOptions {
    /// Only these.
    pub targets: Vec<String>,
    /// Not these.
    pub excludes: Vec<String>,
    /// Resources whose data may be destroyed.
    pub allow_data_loss: Vec<String>,
    /// Resources that are made anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replace: Vec<String>,
    /// The most changes that are in order.
    pub max_changes: Option<usize>,
    /// Services that are removed.
    pub delete: Vec<String>,
    /// Whether all nodes must have answered.
    #[serde(default)]
    pub require_all_nodes: bool,
    /// Whether what moves left behind is removed.
    #[serde(default)]
    pub prune_moved: bool,
}

/// Why a saved plan is not applied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stale {
    /// It is for another homelab.
    Homelab,
    /// The state is that of another homelab, or was begun anew.
    Lineage,
    /// Something was applied since.
    Serial {
        /// When it was made.
        then: u64,
        /// Now.
        now: u64,
    },
    /// A file of the repository, an env file on a node or a variable is another.
    Inputs,
    /// These resources are not as they were.
    Live(Vec<String>),
    /// All that is the same, and yet the plan is another.
    Plan,
}

/// Why a text is no saved plan that this hl can read.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It is something else.
    #[error("it is not a saved plan")]
    Foreign(#[source] serde_json::Error),
    /// A newer hl wrote it.
    #[error("it has format {0}, and this hl knows {FORMAT_VERSION}")]
    Newer(u32),
    /// It has a member too many or too few, or one of another shape.
    #[error("it is not a saved plan: {0}")]
    Shape(serde_json::Error),
}

impl SavedPlan {
    /// Reads a file.
    ///
    /// # Errors
    /// Why it is no saved plan that this hl can read.
    pub fn parse(text: &str) -> Result<SavedPlan, ParseError> {
        let version: Version = serde_json::from_str(text).map_err(ParseError::Foreign)?;
        if version.format_version > FORMAT_VERSION {
            return Err(ParseError::Newer(version.format_version));
        }
        serde_json::from_str(text).map_err(ParseError::Shape)
    }

    /// Tells a saved plan of any format, which another one may take the place of, from every other file.
    ///
    /// # Errors
    /// Why it is none.
    pub fn recognise(text: &str) -> Result<(), ParseError> {
        match SavedPlan::parse(text) {
            // Other files of hl have a format, too.
            Err(ParseError::Newer(_)) => serde_json::from_str::<Marks>(text).map(drop).map_err(ParseError::Shape),
            parsed => parsed.map(drop),
        }
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("texts, numbers and maps with text keys are JSON");
        text.push('\n');
        text
    }

    /// Names this plan, made at that time, and no other.
    pub fn digest(&self) -> String {
        let bytes = Sha256::digest(self.text().as_bytes());
        format!("sha256:{}", hex::encode(&bytes))
    }

    /// Returns the differences between this plan and `now` that make it stale; empty if it may be applied.
    pub fn stale(&self, now: &SavedPlan) -> BTreeSet<Stale> {
        let mut stale = BTreeSet::new();
        if self.homelab != now.homelab {
            stale.insert(Stale::Homelab);
        }
        if self.lineage != now.lineage {
            stale.insert(Stale::Lineage);
        }
        if self.serial != now.serial {
            stale.insert(Stale::Serial { then: self.serial, now: now.serial });
        }
        if self.inputs != now.inputs {
            stale.insert(Stale::Inputs);
        }
        let touched: BTreeSet<&String> = self.fingerprints.keys().chain(now.fingerprints.keys()).collect();
        let moved = touched.into_iter().filter(|addr| self.fingerprints.get(*addr) != now.fingerprints.get(*addr));
        let moved: Vec<String> = moved.cloned().collect();
        if !moved.is_empty() {
            stale.insert(Stale::Live(moved));
        }
        let same = self.plan == now.plan && self.secrets == now.secrets && self.options == now.options;
        if !same && stale.is_empty() {
            stale.insert(Stale::Plan);
        }
        stale
    }
}

/// The one member that every version of the format has.
#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

/// The members that tell a saved plan of a newer format.
#[derive(Deserialize)]
struct Marks {
    #[serde(rename = "made_by")]
    _made_by: String,
    #[serde(rename = "inputs")]
    _inputs: String,
    #[serde(rename = "plan")]
    _plan: serde::de::IgnoredAny,
}

impl SavedOptions {
    /// The options to keep.
    pub fn of(options: &Options) -> Self {
        let texts = |targets: &[Target]| targets.iter().map(Target::to_string).collect();
        SavedOptions {
            targets: texts(&options.targets),
            excludes: texts(&options.excludes),
            allow_data_loss: texts(&options.allow_data_loss),
            replace: texts(&options.replace),
            max_changes: options.max_changes,
            delete: options.delete.iter().map(|name| name.key().to_owned()).collect(),
            require_all_nodes: options.required == Required::All,
            prune_moved: options.prune == Prune::Moved,
        }
    }

    /// The options that were kept.
    ///
    /// # Errors
    /// The text that is no address.
    pub fn options(&self) -> Result<Options, AddrError> {
        let targets = |texts: &[String]| texts.iter().map(|t| t.parse()).collect::<Result<Vec<Target>, AddrError>>();
        let service = |text: &String| ServiceName::try_from(text.clone()).map_err(|_| AddrError(text.clone()));
        Ok(Options {
            targets: targets(&self.targets)?,
            excludes: targets(&self.excludes)?,
            allow_data_loss: targets(&self.allow_data_loss)?,
            replace: targets(&self.replace)?,
            max_changes: self.max_changes,
            delete: self.delete.iter().map(service).collect::<Result<_, _>>()?,
            required: if self.require_all_nodes { Required::All } else { Required::None },
            prune: if self.prune_moved { Prune::Moved } else { Prune::Nothing },
        })
    }
}

/// The keyed digest of each resource that a plan touches: in which views it is, which one of the
/// node's it is, and what of it differs.
pub fn fingerprints(plan: &Plan, changes: &[Change], sealer: &Sealer) -> BTreeMap<String, String> {
    let touched: BTreeSet<_> = plan.changes.iter().map(|c| &c.addr).collect();
    let print = |change: &Change| sealer.seal(&fingerprint_text(change)).to_string();
    changes.iter().filter(|c| touched.contains(&c.addr)).map(|c| (c.addr.to_string(), print(c))).collect()
}

/// The text of a change that is digested. It is part of the file format, like all words in it.
fn fingerprint_text(change: &Change) -> String {
    let id = change.live_id.as_ref().map_or_else(|| "None".to_owned(), |id| format!("Some({id:?})"));
    let mut text = format!("{} {id}", presence_word(change.presence));
    for field in &change.fields {
        // Secrets are sealed in a change; their digests tell one from another.
        text.push_str(&format!("\n{}={}", field.field, digest_text(field.live.as_ref())));
    }
    text
}

fn presence_word(presence: Presence) -> &'static str {
    match presence {
        Presence::New => "New",
        Presence::Gone => "Gone",
        Presence::Unrecorded => "Unrecorded",
        Presence::Known => "Known",
        Presence::Rehomed => "Rehomed",
        Presence::Undeclared => "Undeclared",
        Presence::Forgotten => "Forgotten",
        Presence::Orphan => "Orphan",
        Presence::Leftover => "Leftover",
    }
}

fn digest_text(value: Option<&Value>) -> String {
    let quoted = |text: &str| format!("Text({text:?})");
    match value {
        None => "absent".to_owned(),
        Some(Value::Bool(b)) => format!("Bool({b})"),
        Some(Value::Int(n)) => format!("Int({n})"),
        Some(Value::Text(Text::Plain(text))) => quoted(text),
        Some(Value::Text(Text::Sealed(digest))) => digest.to_string(),
        Some(Value::Text(Text::Secret(_))) => "Text((secret))".to_owned(),
        Some(Value::Text(Text::Pending(_))) => "Text((known after apply))".to_owned(),
        Some(Value::Typed(typed)) => quoted(&notation::text(typed)),
        Some(Value::List(items)) => items.iter().map(|v| digest_text(Some(v))).collect::<Vec<_>>().join("\u{1f}"),
        Some(Value::Map(map)) => {
            map.iter().map(|(k, v)| format!("{k}:{}", digest_text(Some(v)))).collect::<Vec<_>>().join("\u{1f}")
        }
        Some(Value::Unset) => "Unset".to_owned(),
        Some(Value::Unknown) => "Unknown".to_owned(),
    }
}

/// The keyed digest of all that was read: each text under its name.
pub fn inputs(texts: &BTreeMap<String, Vec<u8>>, sealer: &Sealer) -> Digest {
    let mut all = String::new();
    for (name, bytes) in texts {
        let hex = hex::encode(&Sha256::digest(bytes));
        all.push_str(&format!("{name}\u{1f}{hex}\n"));
    }
    sealer.seal(&all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{Cost, FieldChange, Verdict};
    use crate::model::typed::{State, Status};
    use crate::model::{Field, Key};

    fn saved() -> SavedPlan {
        SavedPlan {
            format_version: FORMAT_VERSION,
            made_by: "hl 0.1.0".to_owned(),
            made_at: "2026-01-01T00:00:00Z".to_owned(),
            homelab: "home".to_owned(),
            lineage: "ab".to_owned(),
            serial: 4,
            inputs: "hmac-sha256:1".to_owned(),
            options: SavedOptions { targets: vec!["nas/immich".to_owned()], ..SavedOptions::default() },
            fingerprints: [("nas/immich/container:server".to_owned(), "1".to_owned())].into(),
            secrets: vec![],
            plan: serde_json::json!({ "format_version": 1 }),
        }
    }

    #[test]
    fn a_saved_plan_reads_back() {
        let text = saved().text();
        assert_eq!(SavedPlan::parse(&text).unwrap(), saved());
        let refused = |text: &str| SavedPlan::parse(text).unwrap_err().to_string();
        assert_eq!(refused("{}"), "it is not a saved plan");
        let newer = text.replace("\"format_version\": 1,\n  \"made_by\"", "\"format_version\": 2,\n  \"made_by\"");
        assert_eq!(refused(&newer), "it has format 2, and this hl knows 1");
        for plan in [&text, &newer] {
            SavedPlan::recognise(plan).unwrap();
        }
        // As the record of a state, which has a format of its own.
        for other in ["", "{}", "services: {}", r#"{"format_version": 1}"#, r#"{"format_version": 3, "serial": 1}"#] {
            SavedPlan::recognise(other).expect_err(other);
        }
        let options = saved().options.options().unwrap();
        assert_eq!(SavedOptions::of(&options), saved().options);
    }

    #[test]
    fn whatever_moves_makes_it_stale() {
        let later = || SavedPlan { made_at: "2026-01-02T00:00:00Z".to_owned(), ..saved() };
        assert!(saved().stale(&later()).is_empty());
        assert_ne!(saved().digest(), later().digest());
        let only = |now: SavedPlan| saved().stale(&now).into_iter().collect::<Vec<_>>();
        assert_eq!(only(SavedPlan { serial: 5, ..later() }), [Stale::Serial { then: 4, now: 5 }]);
        assert_eq!(only(SavedPlan { lineage: "cd".to_owned(), ..later() }), [Stale::Lineage]);
        assert_eq!(only(SavedPlan { homelab: "other".to_owned(), ..later() }), [Stale::Homelab]);
        assert_eq!(only(SavedPlan { inputs: "hmac-sha256:2".to_owned(), ..later() }), [Stale::Inputs]);
        assert_eq!(only(SavedPlan { plan: serde_json::json!({}), ..later() }), [Stale::Plan]);
        assert_eq!(only(SavedPlan { secrets: vec!["x".to_owned()], ..later() }), [Stale::Plan]);
        let moved = SavedPlan { fingerprints: BTreeMap::new(), plan: serde_json::json!({}), ..later() };
        assert_eq!(only(moved), [Stale::Live(vec!["nas/immich/container:server".to_owned()])]);
    }

    #[test]
    fn a_fingerprint_sees_a_secret_change_and_holds_none() {
        let sealer = Sealer::new([5; 32]);
        let change = |secret: &str| Change {
            addr: "nas/immich/container:server".parse().unwrap(),
            presence: Presence::Known,
            live_id: Some("c1".to_owned()),
            renamed_from: None,
            fields: vec![FieldChange {
                field: Field::parse("environment.PASSWORD").unwrap(),
                verdict: Verdict::Drift,
                declared: None,
                recorded: None,
                live: Some(Value::Text(Text::secret(secret).sealed(&sealer))),
                cost: Cost::Replace,
            }],
        };
        let mut plan = Plan::default();
        assert!(fingerprints(&plan, &[change("a")], &sealer).is_empty());
        plan.changes = vec![crate::plan::PlannedChange {
            addr: change("a").addr,
            live_id: None,
            action: crate::plan::Action::Replace,
            reasons: vec![crate::plan::Reason::New],
            fields: Vec::new(),
            downtime: crate::plan::Downtime::None,
            dependents: Vec::new(),
            data_at_stake: Vec::new(),
            steps: Vec::new(),
            record: crate::plan::Record::Nothing,
        }];
        let print = |secret: &str| fingerprints(&plan, &[change(secret)], &sealer);
        assert_eq!(print("a"), print("a"));
        assert_ne!(print("a"), print("b"));
    }

    #[test]
    fn fingerprints_stay_what_they_were() {
        let live = |field: &str, live: Option<Value>| FieldChange {
            field: Field::parse(field).unwrap(),
            verdict: Verdict::Drift,
            declared: None,
            recorded: None,
            live,
            cost: Cost::Replace,
        };
        let mount = notation::read(Key::Volumes, "volume shop_data, read-only").unwrap();
        let hosts = ["8080", "any"].map(|host| notation::read(Key::Ports, host).unwrap().into());
        let change = Change {
            addr: "nas/shop/container:web".parse().unwrap(),
            presence: Presence::Known,
            live_id: Some("c\"1".to_owned()),
            renamed_from: None,
            fields: vec![
                live("state", Some(State::Container(Status::Exited { code: 137 }).into())),
                live("user", Some(Value::text("a\n"))),
                live("tty", Some(Value::Bool(true))),
                live("mem_limit", Some(Value::Int(5))),
                live("environment.A", Some(Value::Unset)),
                live("image_content", Some(Value::Unknown)),
                live("ports.80/tcp", Some(Value::List(hosts.into()))),
                live("volumes./data", Some(mount.into())),
                live("labels.gone", None),
            ],
        };
        let lines = [
            r#"Known Some("c\"1")"#,
            r#"state=Text("exited (137)")"#,
            r#"user=Text("a\n")"#,
            "tty=Bool(true)",
            "mem_limit=Int(5)",
            "environment.A=Unset",
            "image_content=Unknown",
            "ports.80/tcp=Text(\"8080\")\u{1f}Text(\"any\")",
            r#"volumes./data=Text("volume shop_data, read-only")"#,
            "labels.gone=absent",
        ];
        assert_eq!(fingerprint_text(&change), lines.join("\n"));
    }

    #[test]
    fn the_digest_of_the_inputs_sees_names_and_contents() {
        let sealer = Sealer::new([5; 32]);
        let of = |pairs: &[(&str, &str)]| {
            let texts = pairs.iter().map(|(n, t)| ((*n).to_owned(), t.as_bytes().to_vec())).collect();
            inputs(&texts, &sealer)
        };
        assert_eq!(of(&[("a", "1"), ("b", "2")]), of(&[("b", "2"), ("a", "1")]));
        assert_ne!(of(&[("a", "1"), ("b", "2")]), of(&[("a", "2"), ("b", "1")]));
        assert_ne!(of(&[("a", "1")]), of(&[("a", "1"), ("b", "")]));
    }
}

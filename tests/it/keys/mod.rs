//! No key of a compose file is read and then invisible: each that hl honours changes a field that the plan compares, or
//! says here why it cannot.
//!
//! The keys are those of the loader's own table. A new one fails here until it has a row.

mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hl::compose::reader::Memory;
use hl::compose::schema::{self, Support};
use hl::config::{self, Repository};
use hl::diff::policy;
use hl::model::homelab::{Network, Volume};
use hl::model::{Field, Fields, Kind};

use rows::ROWS;

use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] =
    &[trial!(every_key_has_a_row), trial!(every_honoured_key_is_seen), trial!(every_field_has_a_policy)];

use Seen::{Hidden, In, Steers};

/// What becomes of a key.
pub enum Seen {
    /// Going from the first text to the second changes this field of this kind of resource.
    In(&'static str, &'static str, Kind, &'static str),
    /// It steers how files are read, or what is done when; what comes of it is in other keys' fields.
    Steers(&'static str),
    /// The engine takes it and shows it nowhere.
    Hidden(&'static str),
}
fn row(path: &str) -> Option<&'static (&'static str, Seen)> {
    let exact = ROWS.iter().find(|(own, _)| *own == path);
    let above =
        |own: &str| own.strip_suffix('.').is_some_and(|own| path == own || path.starts_with(&format!("{own}.")));
    exact.or_else(|| ROWS.iter().find(|(own, _)| above(own)))
}

fn every_key_has_a_row() {
    let honoured = |support| matches!(support, Support::Supported | Support::UnsupportedValues(..));
    let keys: Vec<String> =
        schema::keys().into_iter().filter(|key| honoured(key.support)).map(|key| key.path).collect();
    let without: Vec<&String> = keys.iter().filter(|path| row(path).is_none()).collect();
    assert_eq!(without, [""; 0], "keys that are read and then in no field");
    let used: BTreeSet<&str> = keys.iter().filter_map(|path| row(path)).map(|(path, _)| *path).collect();
    let idle: Vec<&str> = ROWS.iter().map(|(path, _)| *path).filter(|path| !used.contains(path)).collect();
    assert_eq!(idle, [""; 0], "rows of no key");
}

fn every_field_has_a_policy() {
    for (path, seen) in ROWS {
        match seen {
            In(_, _, kind, field) => {
                let key = Field::parse(field).unwrap_or_else(|| panic!("{path}: {field} is no field")).key;
                assert!(policy::keys(*kind).contains(&key), "{path}: the policy of a {kind} has no {key}");
            }
            Steers(why) | Hidden(why) => assert!(why.len() > 10, "{path}"),
        }
    }
}

fn every_honoured_key_is_seen() {
    let mut unseen = Vec::new();
    for (path, seen) in ROWS {
        let In(before, after, kind, field) = seen else { continue };
        let (before, after) = match (fields(path, before), fields(path, after)) {
            (Ok(before), Ok(after)) => (before, after),
            (Err(why), _) | (_, Err(why)) => {
                unseen.push(format!("{path}: {why}"));
                continue;
            }
        };
        let changed = changed(&before, &after);
        if !changed.iter().any(|(found, name)| found == kind && name == field) {
            unseen.push(format!("{path}: {changed:?}"));
        }
    }
    assert_eq!(unseen, [""; 0]);
}

/// The normal form of each resource of a homelab, by kind and name.
type Made = BTreeMap<(Kind, String), Fields>;

/// The fields in which two homelabs differ. What only one of the two has differs in all its fields.
fn changed(before: &Made, after: &Made) -> BTreeSet<(Kind, String)> {
    let mut found = BTreeSet::new();
    for resource in before.keys().chain(after.keys()) {
        let nothing = Fields::default();
        let (before, after) = (before.get(resource).unwrap_or(&nothing), after.get(resource).unwrap_or(&nothing));
        for (field, _) in before.iter().chain(after.iter()) {
            if before.get(field) != after.get(field) {
                found.insert((resource.0, field.to_string()));
            }
        }
    }
    found
}

/// Every resource of a project in which a text stands where the keys of a path belong.
fn fields(path: &str, text: &str) -> Result<Made, String> {
    let at = |prefix: &str, otherwise: &str| {
        let text = if path.starts_with(prefix) && !text.is_empty() { text } else { otherwise };
        text.lines().map(|line| format!("    {line}\n")).collect::<String>()
    };
    let networks = if text.contains("network") { "" } else { "    networks: [n]\n" };
    let image = if text.starts_with("image:") { "" } else { "    image: i\n" };
    let base = format!(
        "name: base\nservices:\n  a:\n{image}{networks}{service}  y:\n    image: i\n    \
         volumes: ['vv:/v']\n    configs: [c]\n    secrets: [s]\n    networks: [n, m]\n  z: {{ image: i }}\n\
         networks:\n  m: {{}}\n  n:\n{network}volumes:\n  vv:\n{volume}\
         configs:\n  c:\n{config}secrets:\n  e: {{ environment: A }}\n  s:\n{secret}",
        service = at("services.*.", ""),
        network = at("networks.*.", ""),
        volume = at("volumes.*.", ""),
        config = at("configs.*.", "content: a"),
        secret = at("secrets.*.", "file: ./s"),
    );
    // What stands at the top comes as a second file, which is laid over the first.
    let top = if path.contains('.') || text.is_empty() { "x-nothing: {}" } else { text };
    let memory: Memory = [
        ("/lab/inventory/topology.yaml", "version: 1\nvars: { A: a, B: b }\nnodes: { box: { address: local } }\n"),
        ("/lab/services/web/docker-compose.yml", &base),
        ("/lab/services/web/docker-compose.override.yml", top),
        ("/lab/services/web/a.env", "FROM_FILE=x\n"),
        ("/lab/services/web/s", "s"),
        ("/lab/services/web/c", "c"),
        ("/lab/services/web/other", "other"),
    ]
    .into_iter()
    .collect();
    let repository = Repository::read_by(Arc::new(memory), "/lab", "/lab", None).allowing(vec!["/".into()]);
    let (sources, diagnostics) = config::load(repository);
    let resolved = config::resolve_offline(&sources, &[]);
    let Some(service) = resolved.homelab.services.values().next() else {
        return Err(format!("{text}: {diagnostics:?} {:?}", resolved.diagnostics));
    };
    let mut found = BTreeMap::new();
    for (name, container) in &service.containers {
        found.insert((Kind::Container, name.clone()), container.spec.fields());
    }
    for (name, network) in &service.networks {
        if let Network::Own(spec) = network {
            found.insert((Kind::Network, name.clone()), spec.fields());
        }
    }
    for (name, volume) in &service.volumes {
        if let Volume::Own(spec) = volume {
            found.insert((Kind::Volume, name.clone()), spec.fields());
        }
    }
    Ok(found)
}

//! The record of a resource after it was applied. The declared view is completed with values known only after the
//! apply. The baseline is the live view as `diff` will see it next time.
//!
//! Invariant for both: a `diff` against the unchanged node finds nothing. Whatever came from the node and is not declared in
//! public is recorded as a digest: an image can have been built with a password in it, and what somebody else made can have
//! one anywhere.

use crate::diff::{live_fields, names_no_tag, path_fields, show_mac_address};
use crate::envfile;
use crate::model::homelab::Homelab;
use crate::model::spec::{ContainerSpec, content_text};
use crate::model::view::{FileKind, LiveContainer, LiveFile};
use crate::model::{Field, Fields, Key, Sealer, Text, Value};
use crate::plan::{PlannedChange, Record};

/// Has what will be recorded of each change hold as secret what a value of secret origin went into, wherever it went: into a
/// host name, a user or a path. In a plan its owner may see it; the record is committed. Names of things stay: by them they
/// are found again.
pub(super) fn keep_private(changes: &mut [PlannedChange], homelab: &Homelab) {
    for change in changes {
        let Some(service) = homelab.services.get(&change.addr.service) else { continue };
        let (kind, name) = (change.addr.kind, change.addr.name.as_str());
        let Record::Applied(declared) = &mut change.record else { continue };
        let is_private = |field: &Field| field.key != Key::Name && service.secret_settings.have(kind, name, field.key);
        if declared.iter().any(|(field, _)| is_private(field)) {
            let kept = |(field, value): (&Field, &Value)| {
                (field.clone(), if is_private(field) { value.as_secret() } else { value.clone() })
            };
            **declared = declared.iter().map(kept).collect();
        }
    }
}

/// The recorded views of one resource. Neither contains a secret in plain text.
#[derive(Clone, Debug, PartialEq)]
pub struct Views {
    /// The declared view.
    pub declared: Fields,
    /// The live view right after the apply.
    pub baseline: Fields,
}

/// The views of a container. `made` is the spec that it was made from, if this apply made it.
pub fn container(declared: &Fields, made: Option<&ContainerSpec>, live: &LiveContainer, sealer: &Sealer) -> Views {
    let made = made.map(ContainerSpec::fields);
    let complete = |field: &Field, value: &Value| match field.key {
        _ if !value.has_unknown() => value.clone(),
        Key::ImageContent => Value::text(&live.image_id),
        _ => made.as_ref().and_then(|m| m.get(field)).unwrap_or(value).clone(),
    };
    let (name, content) = (Field::key(Key::Image), Field::key(Key::ImageContent));
    // A name that points to no image says nothing about a container that was there before.
    let says = |field: &Field, value: &Value| made.is_some() || *field != content || *value != Value::Unknown;
    let declared = declared.iter().filter(|(field, value)| says(field, value));
    let declared: Fields = declared.map(|(field, value)| (field.clone(), complete(field, value))).collect();
    let mut baseline = live_fields(live);
    show_mac_address(&mut baseline, live, &declared);
    // Fields that the engine does not report are assumed to be unchanged since the last record.
    for (field, value) in declared.iter().filter(|(f, _)| f.key.is_unseen()) {
        baseline.set_field(field.clone(), value.clone());
    }
    match declared.get(&content) {
        None => drop(baseline.remove(&content)),
        Some(value) => {
            if value.same(&Value::text(&live.image_id), sealer)
                && names_no_tag(&live.spec.image)
                && let Some(declared) = declared.get(&name)
            {
                baseline.set_field(name, declared.clone());
            }
        }
    }
    let baseline = baseline.sealed_beside(&declared, sealer);
    Views { declared: declared.without_secrets(sealer), baseline }
}

/// The views of a network or a volume, from the normal form of the live one.
pub fn place(declared: &Fields, live: &Fields, sealer: &Sealer) -> Views {
    let baseline = live.sealed_beside(declared, sealer);
    Views { declared: declared.without_secrets(sealer), baseline }
}

/// The views of a file or a directory.
pub fn path(declared: &Fields, live: &LiveFile, wanted: FileKind, sealer: &Sealer) -> Views {
    let mut baseline = path_fields(live, wanted);
    let bytes = live.content.as_deref().unwrap_or_default();
    if declared.get(&Field::key(Key::Content)).is_some() {
        baseline.set(Key::Content, Value::Text(Text::plain(content_text(bytes))));
    }
    // Of an env file only whether each wanted variable is there counts, never what a person made of it.
    for (name, value) in envfile::values(&String::from_utf8_lossy(bytes)) {
        let field = Field::item(Key::Environment, name);
        match declared.get(&field) {
            Some(Value::Unknown) if value.is_empty() => {}
            Some(wanted) => baseline.set_field(field, wanted.clone()),
            None => {}
        }
    }
    place(declared, &baseline, sealer)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::model::pending::Pending;
    use crate::model::spec::ImageRef;
    use crate::model::view::Status;

    fn live(spec: ContainerSpec) -> LiveContainer {
        LiveContainer {
            id: "c1".into(),
            name: spec.name.clone(),
            image_id: "sha256:1".into(),
            identity: None,
            status: Status::Running,
            health: None,
            failed_check: None,
            started_at: String::new(),
            restarts: 0,
            created_at: None,
            spec,
            stale_networks: BTreeMap::new(),
            shares_with: BTreeSet::new(),
            namespaces_of: BTreeSet::new(),
            anonymous_volumes: BTreeMap::new(),
            addresses: Default::default(),
        }
    }

    #[test]
    fn what_was_known_after_apply_is_recorded_sealed_and_the_image_by_its_id() {
        let gap = Text::of_secret(Pending::gap("PW"));
        let spec = ContainerSpec {
            name: "web".into(),
            image: ImageRef::new("nginx"),
            command: Some(vec![Text::plain("--password"), gap.clone()]),
            environment: BTreeMap::from([("PW".into(), Some(gap)), ("TZ".into(), Some(Text::plain("UTC")))]),
            ..Default::default()
        };
        let mut declared = spec.fields();
        declared.set(Key::ImageContent, Value::Unknown);
        let made = spec.filled(&BTreeMap::from([("PW".to_owned(), "hunter2".to_owned())]));
        let mut seen = made.clone();
        // A build can have put a secret argument there.
        for (name, value) in [("PW", "hunter2"), ("FROM_IMAGE", "hunter4"), ("BY_HAND", "hunter3")] {
            seen.environment.insert(name.into(), Some(Text::plain(value)));
        }
        seen.labels.insert("of.image".into(), Text::plain("hunter5"));
        let sealer = Sealer::new([1; 32]);
        let views = container(&declared, Some(&made), &live(seen), &sealer);
        let env = |fields: &Fields, name: &str| fields.get(&Field::item(Key::Environment, name)).cloned();
        assert_eq!(views.declared.get(&Field::key(Key::ImageContent)), Some(&Value::text("sha256:1")));
        let command = Value::texts(["--password", "hunter2"]);
        for fields in [&views.declared, &views.baseline] {
            assert!(!format!("{fields:?}").contains("hunter"));
            assert!(fields.get(&Field::key(Key::Command)).unwrap().same(&command, &sealer));
            assert!(env(fields, "PW").unwrap().same(&Value::text("hunter2"), &sealer));
            assert_eq!(env(fields, "TZ"), Some(Value::text("UTC")));
        }
        for (name, value) in [("FROM_IMAGE", "hunter4"), ("BY_HAND", "hunter3")] {
            assert!(env(&views.baseline, name).unwrap().same(&Value::text(value), &sealer));
        }
    }

    #[test]
    fn an_adopted_container_whose_image_has_no_name_any_more_has_no_image_content() {
        let spec = ContainerSpec { name: "web".into(), image: ImageRef::new("nginx"), ..Default::default() };
        let mut declared = spec.fields();
        declared.set(Key::ImageContent, Value::Unknown);
        let views = container(&declared, None, &live(spec), &Sealer::new([1; 32]));
        for fields in [&views.declared, &views.baseline] {
            assert_eq!(fields.get(&Field::key(Key::ImageContent)), None);
        }
    }

    #[test]
    fn a_mac_address_that_only_the_end_of_a_network_shows_is_recorded() {
        let spec = ContainerSpec { mac_address: Some("02:42:00:11:22:33".into()), ..Default::default() };
        let declared = spec.fields();
        let end = crate::model::spec::Attachment { mac_address: spec.mac_address.clone(), ..Default::default() };
        let seen = ContainerSpec { networks: BTreeMap::from([("n".into(), end)]), ..Default::default() };
        let views = container(&declared, None, &live(seen), &Sealer::new([1; 32]));
        let field = Field::key(Key::MacAddress);
        assert_eq!(views.baseline.get(&field), views.declared.get(&field));
    }

    #[test]
    fn of_an_env_file_no_value_is_recorded() {
        let env = |name: &str| Field::item(Key::Environment, name);
        let declared: Fields =
            [(env("A"), Value::Unknown), (env("B"), Value::Unknown), (env("C"), Value::Text(Text::secret("hunter2")))]
                .into_iter()
                .collect();
        let file = LiveFile {
            kind: FileKind::File,
            mode: 0o600,
            owner: "0:0".into(),
            content: Some(b"A=made\nM='\nB=in a value'\nB=\nexport\tC=\"\nhunter3\"\nD=hunter4\n".to_vec()),
            entries: None,
        };
        let sealer = Sealer::new([1; 32]);
        let views = path(&declared, &file, FileKind::File, &sealer);
        assert_eq!(views.baseline.get(&env("A")), Some(&Value::Unknown));
        assert_eq!(views.baseline.get(&env("B")), None);
        assert!(views.baseline.get(&env("C")).unwrap().same(&Value::text("hunter2"), &sealer));
        assert_eq!(views.baseline.get(&env("D")), None);
    }
}

//! Differences as they may be shown to whoever wrote the repository, where that is not the owner.
//!
//! A stranger may see what the repository says, and that it differs from what is there; what is there, only as far as the
//! repository or the record, which are theirs to read, say the same.

use super::FieldChange;
use crate::model::trust::SecretSettings;
use crate::model::value::Text;
use crate::model::{Addr, Sealer, Value};

/// Masks what a stranger may not see of a resource's fields.
pub fn withhold(addr: &Addr, fields: &mut [FieldChange], secret: &SecretSettings, sealer: &Sealer) {
    for change in fields {
        let is_secret = secret.have(addr.kind, &addr.name, change.field.key);
        if is_secret {
            change.declared = change.declared.as_ref().map(|value| masked(value, sealer));
            change.recorded = change.recorded.as_ref().map(|value| masked(value, sealer));
        }
        let is_known = |live: &Value| {
            let same = |other: &Option<Value>| {
                other.as_ref().is_some_and(|other| !other.is_secret() && other.same(live, sealer))
            };
            !is_secret && (same(&change.declared) || same(&change.recorded))
        };
        let shown = |live: &Value| match is_known(live) {
            true => live.clone(),
            false => masked(live, sealer),
        };
        change.live = change.live.as_ref().map(shown);
    }
}

/// A value that tells nothing but whether it is the same as another: texts and what is made of them. Whether something
/// runs is no secret.
fn masked(value: &Value, sealer: &Sealer) -> Value {
    match value {
        Value::Bool(_) | Value::Unset | Value::Unknown => value.clone(),
        value if value.state().is_some() => value.clone(),
        Value::Text(text) => Value::Text(text.sealed(sealer)),
        Value::Int(_) | Value::List(_) | Value::Map(_) | Value::Typed(_) => {
            let sealed = value.sealed(sealer);
            Value::Text(Text::Sealed(sealer.seal(&format!("{sealed:?}"))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{Cost, Verdict};
    use crate::model::{Field, Key, Kind};

    fn shown(key: Key, views: [Option<Value>; 3], secret: &SecretSettings) -> [String; 3] {
        let [declared, recorded, live] = views;
        let field = Field::key(key);
        let mut fields =
            [FieldChange { field, verdict: Verdict::Pending, declared, recorded, live, cost: Cost::Replace }];
        let addr: Addr = "nas/web/container:app#2".parse().unwrap();
        withhold(&addr, &mut fields, secret, &Sealer::new([1; 32]));
        let [FieldChange { declared, recorded, live, .. }] = fields;
        [declared, recorded, live].map(|value| value.map_or(String::new(), |value| format!("{value:?}")))
    }

    #[test]
    fn what_is_there_is_shown_only_where_the_repository_says_it_too() {
        let none = SecretSettings::default();
        let text = |text: &str| Some(Value::text(text));
        let [declared, recorded, live] = shown(Key::User, [text("new"), text("old"), text("old")], &none);
        assert!(declared.contains("new") && recorded.contains("old") && live.contains("old"));
        let [declared, _, live] = shown(Key::User, [text("new"), text("old"), text("hunter2")], &none);
        assert!(declared.contains("new") && !live.contains("hunter2"));
        let ports = Some(Value::List(vec![Value::text("hunter2"), Value::Int(47123)]));
        let [_, _, live] = shown(Key::Ports, [None, None, ports], &none);
        assert!(!live.contains("hunter2") && !live.contains("47123"));
    }

    #[test]
    fn a_setting_with_a_secret_in_it_is_not_shown_at_all() {
        let text = || Some(Value::text("hunter2"));
        let mut secret = SecretSettings::default();
        secret.add(Kind::Container, "app", Some(Key::User));
        assert!(shown(Key::User, [text(), text(), text()], &secret).iter().all(|shown| !shown.contains("hunter2")));
        assert!(shown(Key::Hostname, [text(), None, None], &secret)[0].contains("hunter2"));
        secret.add(Kind::Container, "app", None);
        assert!(!shown(Key::Hostname, [text(), None, None], &secret)[0].contains("hunter2"));
    }
}

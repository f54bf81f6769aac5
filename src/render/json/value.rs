//! Values as JSON.

use serde_json::{Value as Json, json};

use crate::model::{Text, Value, notation};
use crate::render::value::Secrets;

/// A value as JSON. Texts, numbers, truth values and lists are themselves, a mount, a published port and the like are
/// texts as of [`notation`]; everything else is an
/// object with one member that says what it is: `{"map": {…}}`, `{"secret": 1}`, `{"unset": true}`,
/// `{"unknown": true}`. Equal secrets have equal numbers.
pub fn value(value: &Value, secrets: &mut Secrets) -> Json {
    match value {
        Value::Bool(b) => json!(b),
        Value::Int(n) => json!(n),
        Value::Text(Text::Plain(text)) => json!(text),
        Value::Text(Text::Sealed(digest)) => json!({ "secret": secrets.number(*digest) }),
        Value::Text(Text::Secret(_)) => json!({ "secret": null }),
        Value::Text(Text::Pending(_)) | Value::Unknown => json!({ "unknown": true }),
        Value::List(items) => items.iter().map(|v| self::value(v, secrets)).collect(),
        Value::Map(map) => {
            let members: serde_json::Map<String, Json> =
                map.iter().map(|(key, v)| (key.clone(), self::value(v, secrets))).collect();
            json!({ "map": members })
        }
        Value::Typed(typed) => json!(notation::text(typed)),
        Value::Unset => json!({ "unset": true }),
    }
}

/// Changes every text of a JSON value, names of members included.
pub fn change_texts(json: &mut Json, change: &dyn Fn(&str) -> String) {
    match json {
        Json::String(text) => *text = change(text),
        Json::Array(items) => items.iter_mut().for_each(|item| change_texts(item, change)),
        Json::Object(members) => {
            let all = std::mem::take(members);
            members.extend(all.into_iter().map(|(name, mut value)| {
                change_texts(&mut value, change);
                (change(&name), value)
            }));
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

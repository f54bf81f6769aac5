//! Typed values in `homelab.json`: texts as of [`notation`], as they always were, but a map for a device request, whose
//! text does not tell all of it.

use std::collections::BTreeMap;

use crate::model::typed::{DeviceRequest, Typed};
use crate::model::{Field, Key, Text, Value, notation};

/// Model → file: the value without types.
pub(super) fn write(typed: &Typed) -> Value {
    let Typed::DeviceRequest(request) = typed else { return Value::text(notation::text(typed)) };
    let DeviceRequest { driver, count, device_ids, capabilities, options } = request;
    let members = [
        ("driver", Value::text(driver)),
        ("count", Value::Int(*count)),
        ("device_ids", Value::texts(device_ids)),
        ("capabilities", Value::texts(capabilities)),
        ("options", Value::Map(options.iter().map(|(name, value)| (name.clone(), Value::text(value))).collect())),
    ];
    Value::Map(members.map(|(name, value)| (name.to_owned(), value)).into())
}

/// File → model: the value of a field, with the typed values that its texts and maps stand for. What stands for none
/// stays as it is, as do the parts of an entry, which have no typed values.
pub(super) fn read(field: &Field, value: Value) -> Value {
    if field.part.is_some() { value } else { of_setting(field.key, value) }
}

fn of_setting(key: Key, value: Value) -> Value {
    match value {
        Value::Text(Text::Plain(text)) => notation::read(key, &text).map_or(Value::text(text), Value::Typed),
        Value::List(items) => Value::List(items.into_iter().map(|item| of_setting(key, item)).collect()),
        Value::Map(map) if key == Key::DeviceRequests => match request(&map) {
            Some(request) => Typed::DeviceRequest(request).into(),
            None => Value::Map(map),
        },
        other => other,
    }
}

fn request(members: &BTreeMap<String, Value>) -> Option<DeviceRequest> {
    let texts = |name: &str| match members.get(name)? {
        Value::List(items) => items.iter().map(plain).collect::<Option<Vec<String>>>(),
        _ => None,
    };
    let Value::Int(count) = members.get("count")? else { return None };
    let Value::Map(options) = members.get("options")? else { return None };
    Some(DeviceRequest {
        driver: plain(members.get("driver")?)?,
        count: *count,
        device_ids: texts("device_ids")?,
        capabilities: texts("capabilities")?,
        options: options.iter().map(|(name, value)| Some((name.clone(), plain(value)?))).collect::<Option<_>>()?,
    })
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Text(Text::Plain(text)) => Some(text.clone()),
        _ => None,
    }
}

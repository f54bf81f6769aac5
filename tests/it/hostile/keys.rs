//! Compose files that have a value at one key and nothing else, for every key of the format.

use hl::compose::schema::{Accepts, Type};
use serde_json::{Value, json};

/// The values in which a text stands where a key takes one.
pub fn shapes(accepts: &Accepts, text: &str) -> Vec<Value> {
    match accepts {
        Accepts::Of(types) if types.contains(&Type::Text) => vec![json!(text)],
        Accepts::List(item) | Accepts::Set(item) => shapes(item, text).into_iter().map(|v| json!([v])).collect(),
        Accepts::Named(_, item) => shapes(item, text).into_iter().map(|v| json!({ "A": v })).collect(),
        Accepts::Either(choices) => choices.iter().flat_map(|choice| shapes(choice, text)).collect(),
        Accepts::Range(..) => vec![json!(text)],
        Accepts::Of(_) | Accepts::Word(_) | Accepts::WordOrEvery(_) | Accepts::Keys(_) => Vec::new(),
    }
}

/// Keys that must stand beside others, so that those are looked at.
const BESIDE: &[(&str, &str)] = &[
    ("services.*.build", "{\"context\": \".\"}"),
    ("services.*.extends", "{\"service\": \"app\"}"),
    ("services.*.volumes.[]", "{\"type\": \"bind\", \"source\": \"./conf\", \"target\": \"/conf\"}"),
    ("services.*.configs.[]", "{\"source\": \"one\"}"),
    ("services.*.secrets.[]", "{\"source\": \"one\"}"),
    ("services.*.devices.[]", "{\"source\": \"/dev/null\", \"target\": \"/dev/null\"}"),
    ("services.*.ports.[]", "{\"target\": 80}"),
];

/// A Compose file with a value at a path of keys.
pub fn compose(path: &str, value: Value) -> Value {
    let mut file = json!({ "services": { "app": { "image": "app:1" } } });
    let parts: Vec<&str> = path.split('.').collect();
    let mut at = &mut file;
    for (depth, part) in parts.iter().enumerate() {
        let here = parts[..depth].join(".");
        if let Some((_, beside)) = BESIDE.iter().find(|(path, _)| *path == here)
            && at.is_null()
        {
            *at = serde_json::from_str(beside).unwrap();
        }
        at = match *part {
            "[]" => {
                if !at.is_array() {
                    *at = json!([null]);
                }
                &mut at[0]
            }
            "*" if here == "services" => &mut at["app"],
            "*" => &mut at["one"],
            name => &mut at[name],
        };
    }
    *at = value;
    // A network, a volume, a config or a secret counts where somebody has it.
    for kind in ["configs", "secrets", "networks", "volumes"] {
        if path.starts_with(kind) {
            let used = if kind == "volumes" { json!(["one:/one"]) } else { json!(["one"]) };
            file["services"]["app"][kind] = used;
        } else if path.starts_with(&format!("services.*.{kind}")) && !matches!(kind, "volumes" | "networks") {
            file[kind] = json!({ "one": { "file": "./conf" } });
        } else if path.starts_with("services.*.networks.*") {
            file["networks"] = json!({ "one": {} });
        }
    }
    file
}

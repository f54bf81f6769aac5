//! A small checker for the keywords of JSON Schema that our schemas use; it refuses any other.

use serde_json::Value as Json;

/// Where `value` does not follow `schema`, and how.
pub fn violations(schema: &Json, value: &Json) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, value, "$", &mut found);
    found
}

const NOTES: [&str; 5] = ["$schema", "$id", "$defs", "title", "description"];

fn check(root: &Json, schema: &Json, value: &Json, at: &str, found: &mut Vec<String>) {
    let rules = schema.as_object().unwrap_or_else(|| panic!("{at}: a schema is an object"));
    let mut say = |text: String| found.push(format!("{at}: {text}"));
    for (keyword, rule) in rules {
        match keyword.as_str() {
            "$ref" => {
                let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
                let target = root.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not there"));
                check(root, target, value, at, found);
                return;
            }
            "type" => {
                let one = |name: &Json| has_type(name.as_str().unwrap(), value);
                let fits = rule.as_array().map_or_else(|| one(rule), |names| names.iter().any(one));
                if !fits {
                    say(format!("is not {rule}"));
                }
            }
            "const" if rule != value => say(format!("is not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => say(format!("{value} is none of {rule}")),
            "minimum" if value.as_f64().is_some_and(|n| n < rule.as_f64().unwrap()) => say(format!("is below {rule}")),
            "required" => {
                for name in rule.as_array().unwrap().iter().filter(|n| value.get(n.as_str().unwrap()).is_none()) {
                    say(format!("{name} is missing"));
                }
            }
            "anyOf" => {
                let fits = rule.as_array().unwrap().iter().any(|one| {
                    let mut inner = Vec::new();
                    check(root, one, value, at, &mut inner);
                    inner.is_empty()
                });
                if !fits {
                    say("fits none of the alternatives".to_owned());
                }
            }
            "const" | "enum" | "minimum" | "properties" | "additionalProperties" | "items" => {}
            other => assert!(NOTES.contains(&other), "{at}: keyword {other} is not known"),
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let inside = format!("{at}.{name}");
        match (rules.get("properties").and_then(|p| p.get(name)), rules.get("additionalProperties")) {
            (Some(rule), _) => check(root, rule, member, &inside, found),
            (None, Some(rule)) => check(root, rule, member, &inside, found),
            // Readers must bear with members that a later hl adds, so the schema does not forbid
            // them. What this hl writes has to be in it all the same.
            (None, None) if rules.contains_key("properties") => found.push(format!("{inside}: is not known")),
            (None, None) => {}
        }
    }
    if let Some(rule) = rules.get("items") {
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            check(root, rule, item, &format!("{at}[{index}]"), found);
        }
    }
}

fn has_type(name: &str, value: &Json) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}

//! The JSON Schemas of `service.yaml` and `topology.yaml` have the loader's own keys, and what people write fits them.
//!
//! The loader is asked: beside a key that nobody knows it lists those that it takes there.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::load;
use super::tests::{repository, said};

const SERVICE: &str = include_str!("../../schema/service.schema.json");
const TOPOLOGY: &str = include_str!("../../schema/topology.schema.json");
/// A key that is like none.
const UNKNOWN: &str = "qqqqqq";

fn schema(text: &str) -> Value {
    serde_json::from_str(text).expect("a schema is JSON")
}

/// Every mapping with fixed keys: a value in which a mapping of an unknown key stands in its place, and its keys.
fn mappings(schema: &Value, wrap: &dyn Fn(Value) -> Value, found: &mut Vec<(Value, BTreeSet<String>)>) {
    if let Some(properties) = schema["properties"].as_object() {
        found.push((wrap(json!({ UNKNOWN: 1 })), properties.keys().cloned().collect()));
        for (key, inner) in properties {
            mappings(inner, &|value| wrap(json!({ key.as_str(): value })), found);
        }
    }
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        mappings(choice, wrap, found);
    }
    if schema["items"].is_object() {
        mappings(&schema["items"], &|value| wrap(json!([value])), found);
    }
    if schema["additionalProperties"].is_object() {
        mappings(&schema["additionalProperties"], &|value| wrap(json!({ "name": value })), found);
    }
}

/// The keys that the loader says it takes beside the unknown one.
fn taken(file: &str, content: &Value) -> BTreeSet<String> {
    let content = content.to_string();
    let mut files = vec![("services/web/docker-compose.yml", "services: { app: { image: app } }\n"), (file, &content)];
    if file != "inventory/topology.yaml" {
        files.push(("inventory/topology.yaml", "version: 1\nnodes: { nas: { address: local } }\n"));
    }
    let (sources, diagnostics) = load(repository(&files));
    let said = said(&diagnostics, &sources.map);
    let line = said.iter().find(|line| line.contains(UNKNOWN)).unwrap_or_else(|| panic!("{content}: {said:?}"));
    let (_, keys) = line.split_once("the keys here are ").unwrap_or_else(|| panic!("{line}"));
    keys.split('`').skip(1).step_by(2).map(String::from).collect()
}

#[test]
fn the_schemas_have_the_keys_that_the_loader_takes() {
    for (file, text, count) in [("services/web/service.yaml", SERVICE, 9), ("inventory/topology.yaml", TOPOLOGY, 12)] {
        let mut found = Vec::new();
        mappings(&schema(text), &|value| value, &mut found);
        assert!(found.len() >= count, "{file}: only {} mappings", found.len());
        for (content, keys) in found {
            assert_eq!(taken(file, &content), keys, "{file}: {content}");
        }
    }
}

#[test]
fn every_key_of_a_schema_is_explained() {
    fn explained(at: &str, schema: &Value) {
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            assert!(inner["description"].as_str().is_some_and(|d| d.len() > 5), "{at}.{key}");
            explained(&format!("{at}.{key}"), inner);
        }
        for part in ["items", "additionalProperties"].into_iter().filter(|part| schema[*part].is_object()) {
            explained(&format!("{at}.{part}"), &schema[part]);
        }
    }
    explained("service", &schema(SERVICE));
    explained("topology", &schema(TOPOLOGY));
}

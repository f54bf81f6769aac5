//! The record of values that came from a node.

use super::*;

/// As of an image that was built with a password, or of a container that somebody else made.
#[test]
fn what_came_from_a_node_is_written_as_a_digest_in_earlier_records_too() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let mut store = Store::open(&paths, owner()).unwrap();
    let (token, zone) = (Field::item(Key::Environment, "TOKEN"), Field::item(Key::Environment, "TZ"));
    let declared: Fields = [(zone.clone(), Value::text("Europe/Berlin"))].into_iter().collect();
    let mut baseline = declared.clone();
    baseline.set_field(token.clone(), Value::text("canary"));
    baseline.set_field(Field::item(Key::Labels, "made.by"), Value::text("canary"));
    store.record(addr("nas/shop/container:web"), Recorded { baseline, ..recorded(declared) });
    store.save().unwrap();
    drop(store);
    let path = paths.folder.join("homelab.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("Europe/Berlin") && !text.contains("canary"), "{text}");
    // As an earlier hl wrote it.
    let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
    file["resources"]["nas/shop/container:web"]["baseline"]["environment.TOKEN"] = "canary".into();
    std::fs::write(&path, file.to_string()).unwrap();
    let mut store = Store::open(&paths, owner()).unwrap();
    let as_read = store.state().view.resources[&addr("nas/shop/container:web")].baseline.get(&token).cloned();
    assert_eq!(as_read, Some(Value::text("canary")));
    store.record(addr("nas/shop/container:other"), recorded(Fields::default()));
    store.save().unwrap();
    assert!(!std::fs::read_to_string(&path).unwrap().contains("canary"));
    let state = read(&paths).unwrap();
    let baseline = &state.view.resources[&addr("nas/shop/container:web")].baseline;
    assert!(baseline.get(&token).unwrap().same(&Value::text("canary"), &state.sealer));
    assert_eq!(baseline.get(&zone), Some(&Value::text("Europe/Berlin")));
}

//! Answers of real Compose for small files, held against the whole way from text to print.

use std::collections::BTreeMap;
use std::path::Path;

use super::hash::hashed_config;
use super::print::{self, ComposeVersion};
use super::*;
use crate::compose::reader::Memory;

/// The project that these files and variables make in `/srv/cmp/<folder>`, or the errors.
fn load_in(folder: &str, files: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Project, String> {
    let folder = Path::new("/srv/cmp").join(folder);
    let memory: Memory = files.iter().map(|(path, text)| (folder.join(path), *text)).collect();
    let mut given = Variables::default();
    given.push(Origin::Public, variables.iter().copied());
    let options = Options {
        current_dir: folder,
        files: vec![files[0].0.into()],
        variables: given,
        home: Some("/root".into()),
        ..Options::default()
    };
    let loaded = load(&memory, &options, &mut SourceMap::default());
    loaded.map(|loaded| loaded.project).map_err(|errors| format!("{:?}", errors.sorted()))
}

/// One input of `short-syntax.json` as the only setting of a service, and what is printed for it.
fn printed(key: &str, input: &serde_json::Value) -> Result<serde_json::Value, String> {
    let file = serde_json::json!({
        "services": {"s": {"image": "i", key: input}},
        "volumes": {"v": null, "vol": null, "b": {"driver": "local", "driver_opts": {"type": "none", "o": "bind", "device": "./x"}}},
    });
    let project = load_in("p4", &[("c3.json", &file.to_string())], &[("SET", "val")])?;
    let config: serde_json::Value = serde_json::from_str(&print::json(&project.tree)).expect("JSON");
    Ok(config["services"]["s"][key].clone())
}

/// Values that 2.26.1 refuses and hl accepts, as every Compose since 2.34 or the release after it does.
const NEWER: [(&str, &str, &str); 4] = [
    ("stop_grace_period", "1d", "24h0m0s"),
    ("mem_limit", "-1", "-1"),
    ("memswap_limit", "-1", "-1"),
    ("pull_policy", "daily", "daily"),
];

#[test]
fn every_short_form_is_read_as_compose_reads_it() {
    let keys: Vec<(String, Vec<serde_json::Value>)> =
        serde_json::from_str::<serde_json::Map<_, _>>(include_str!("fixtures/short-syntax.json"))
            .expect("JSON")
            .into_iter()
            .map(|(key, cases)| (key, cases.as_array().expect("a list").clone()))
            .collect();
    let (mut seen, mut wrong) = (0, Vec::new());
    for (key, cases) in &keys {
        for case in cases {
            seen += 1;
            let got = printed(key, &case["in"]);
            let newer = NEWER.iter().find(|(k, input, _)| k == key && case["in"] == *input);
            let agrees = match (&got, case.get("error")) {
                (Ok(got), Some(_)) => newer.is_some_and(|(.., printed)| got == printed),
                (Ok(got), None) => *got == case["out"],
                (Err(_), Some(_)) => true,
                _ => false,
            };
            if !agrees {
                wrong.push(format!("{key}: {case}\n    got {got:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {seen}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!((keys.len(), seen), (40, 243));
}

const P1: [(&str, &str); 2] =
    [("compose.yaml", include_str!("fixtures/p1-compose.yaml")), ("app.env", include_str!("fixtures/p1-app.env"))];
const P6: [(&str, &str); 1] = [("compose.yaml", include_str!("fixtures/p6-compose.yaml"))];

#[test]
fn projects_are_printed_byte_for_byte() {
    let p1 = load_in("p1", &P1, &[("A", "1")]).unwrap();
    assert_eq!(print::json(&p1.tree), include_str!("fixtures/p1-config.json"));
    assert_eq!(print::yaml(&p1.tree), include_str!("fixtures/p1-config.yaml"));
    let p6 = load_in("p1", &P6, &[]).unwrap();
    assert_eq!(print::json(&p6.tree), include_str!("fixtures/p6-config.json"));
    assert_eq!(print::yaml(&p6.tree), include_str!("fixtures/p6-config.yaml"));
}

#[test]
fn hashes_are_those_of_compose() {
    let hashes = |project: &Project, version| -> BTreeMap<String, String> {
        let services = project.tree.get("services").and_then(Node::as_map).expect("services");
        let hash = |node| hashed_config(node, version).hash(&BTreeMap::new());
        services.iter().map(|(name, entry)| (name.clone(), hash(&entry.node))).collect()
    };
    let expected = |text: &str| -> BTreeMap<String, String> {
        text.lines().filter_map(|l| l.split_once(' ')).map(|(name, hash)| (name.into(), hash.into())).collect()
    };
    let (p1, p6) = (load_in("p1", &P1, &[("A", "1")]).unwrap(), load_in("p1", &P6, &[]).unwrap());
    let older = [include_str!("fixtures/p1-hashes.txt"), include_str!("fixtures/p6-hashes.txt")];
    let later = [include_str!("fixtures/p1-hashes-2.40.3.txt"), include_str!("fixtures/p6-hashes-2.40.3.txt")];
    for (version, given) in [(ComposeVersion::Followed, older), (ComposeVersion::Later, later)] {
        let (mut made, mut p1_given) = (hashes(&p1, version), expected(given[0]));
        // `config --hash` does not read env files, unlike the label that `up` writes.
        assert_ne!(made.remove("env"), p1_given.remove("env"), "{version:?}");
        assert_eq!(made, p1_given, "{version:?}");
        assert_eq!(hashes(&p6, version), expected(given[1]), "{version:?}");
    }
}

/// Answers of 2.40.3, from the label of a container that `up` made in `/tmp/hh`.
#[test]
fn later_hashes_are_made_with_the_names_of_label_files() {
    let file = "name: hh\nservices:\n  lab: { image: x, command: [sleep, \"1\"], label_file: /tmp/hh/web.labels }\n";
    let files = [("compose.yaml", file), ("/tmp/hh/web.labels", "a=b\n")];
    let project = load_in("p1", &files, &[]).unwrap();
    let service = project.tree.get("services").and_then(|s| s.get("lab")).unwrap();
    let hash = hashed_config(service, ComposeVersion::Later).hash(&BTreeMap::new());
    assert_eq!(hash, "432fc609678aa44cb5075249c336ee5aca4a0c3802979d4d2211918964af1bb5");
}

#[test]
fn the_newest_hash_leaves_dependencies_out() {
    let file = |depends_on: &str| format!("services: {{a: {{image: a{depends_on}}}, b: {{image: b}}}}");
    let hash = |text: &str| {
        let project = load_in("p1", &[("compose.yaml", text)], &[]).unwrap();
        let service = project.tree.get("services").and_then(|s| s.get("a")).unwrap().clone();
        [ComposeVersion::Followed, ComposeVersion::Newest]
            .map(|version| hashed_config(&service, version).hash(&BTreeMap::new()))
    };
    let (alone, dependent) = (hash(&file("")), hash(&file(", depends_on: [b], profiles: []")));
    assert_ne!(alone[0], dependent[0]);
    assert_eq!(alone[1], dependent[1]);
}

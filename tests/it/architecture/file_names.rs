//! What files are called.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, kept, says, sources, top_module};

const NAMELESS: &[&str] = &["util", "utils", "common", "helper", "helpers", "imp", "misc"];

/// File names that several rooms have, each with the one meaning that it has in all of them.
const SHARED_NAMES: &[(&str, &str)] = &[
    ("apply", "the apply of a plan: what it does, and its command"),
    ("backup", "the backup rules of a service: as data, and as they are read"),
    ("build", "how an image is built: what a file says, and what the engine is told"),
    ("consistency", "what contradicts itself: in a Compose file, and between the files of a repository"),
    ("container", "a container of a service: its spec, how it is read, compared and called"),
    ("cycle", "a cycle of dependencies: how it is found, and how it is reported"),
    ("delete", "the removal of a service: what it does, and its command"),
    ("doctor", "whether all is there that a plan needs: looked at, told, and asked for"),
    ("error", "why something could not be done: on a node, with data, and with a registry"),
    ("exec", "a command in a container: where it runs, and the command that runs it"),
    ("field", "a field of a resource, and how it is told"),
    ("history", "what was applied when: as it is kept, and as it is told"),
    ("init", "the beginning of a homelab: how it is found, told and asked for"),
    ("image", "an image: its spec, how it is read, and the syntax of its name"),
    ("lock", "a lock: of the state, and of a node"),
    ("locks", "the locks of all nodes: who takes them, who holds them, how that is told"),
    ("logs", "what containers write: read, told and asked for"),
    ("network", "a network: how it is read, and what the engine is told"),
    ("new_service", "a service that is begun: its place, its files, and what they say"),
    ("plan", "the plan: how it is made, told and asked for"),
    ("progress", "how far an apply is: how it is told, and where"),
    ("reason", "why something is done: as data, and as it is told"),
    ("record", "what is recorded of a resource: what it is, and when"),
    ("redact", "how secrets are kept out of texts"),
    ("resources", "networks, volumes, directories and files: how they differ, and their steps"),
    ("saved_plan", "a plan in a file: its format, and how it is saved and loaded"),
    ("secret", "a secret: the value, and the command"),
    ("selection", "what a command is asked about: as arguments, and as options"),
    ("service", "a service: of a Compose file, and of the homelab"),
    ("sharing", "what containers use of one another: as it is declared, and who follows whom"),
    ("size", "a number of bytes: as Compose has it, and as people are told"),
    ("undeclared", "what runs and belongs to no service: found, and told"),
    ("status", "whether something runs: as the engine has it, as a report, as it is told"),
    ("step", "a step of a plan, and how it is told"),
    ("updates", "newer images: as data, found, told and asked for"),
    ("value", "the value of a field, and how it is told"),
    ("verify", "the verification of a service: how it is done, told and asked for"),
    ("violations", "where data breaks the rules of a schema"),
];

fn naming(files: &[File]) -> Vec<String> {
    let nameless = |path: &str| path.trim_end_matches(".rs").split('/').any(|part| NAMELESS.contains(&part));
    let rust = files.iter().map(|(path, _)| path).filter(|path| path.ends_with(".rs"));
    rust.filter(|path| nameless(path)).map(|path| format!("{path}: the name says nothing")).collect()
}

/// Names of files that rooms share without a reason in the table, and reasons that nobody needs.
fn shared_names(files: &[File], reasons: &[(&str, &str)]) -> Vec<String> {
    let mut rooms: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (path, _) in sources(files) {
        let inner = path.trim_start_matches("src/").trim_end_matches(".rs").rsplit_once('/');
        let (Some(room), Some((_, name))) = (top_module(path), inner) else { continue };
        if name != "mod" {
            rooms.entry(name).or_default().insert(room);
        }
    }
    rooms.retain(|_, rooms| rooms.len() > 1);
    let listed = |name: &str| reasons.iter().any(|(listed, _)| *listed == name);
    let shared = rooms.iter().filter(|(name, _)| !listed(name));
    let unused = reasons.iter().filter(|(name, _)| !rooms.contains_key(name));
    let all = |rooms: &BTreeSet<&str>| rooms.iter().copied().collect::<Vec<_>>().join(", ");
    shared
        .map(|(name, rooms)| format!("{name}.rs is in {}, and nothing says that it is one thing", all(rooms)))
        .chain(unused.map(|(name, _)| format!("{name}.rs is not in several rooms any more")))
        .collect()
}

pub fn files_have_names() {
    kept(naming);
}

pub fn naming_rule_can_fail() {
    says(naming, "src/config/util.rs", "", &["src/config/util.rs: the name says nothing"]);
    says(naming, "src/helpers/mod.rs", "", &["src/helpers/mod.rs: the name says nothing"]);
    says(naming, "src/config/utility_bill.rs", "", &[]);
}

pub fn a_shared_name_has_one_meaning() {
    kept(|files| shared_names(files, SHARED_NAMES));
}

pub fn shared_name_rule_can_fail() {
    let files: Vec<File> = ["src/plan/mod.rs", "src/plan/place.rs", "src/diff/mod.rs", "src/diff/x/place.rs"]
        .map(|path| (path.to_owned(), String::new()))
        .to_vec();
    let complaint = "place.rs is in diff, plan, and nothing says that it is one thing";
    assert_eq!(shared_names(&files, &[]), [complaint]);
    assert_eq!(shared_names(&files, &[("place", "where something is")]), [""; 0]);
    assert_eq!(shared_names(&files[..2], &[("place", "x")]), ["place.rs is not in several rooms any more"]);
}

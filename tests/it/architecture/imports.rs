//! Which file imports which.

use std::collections::BTreeMap;

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use super::{File, kept, sources, within};
use crate::support::source::names;

/// Groups of files that import one another, however long the way round is. What a folder's door and its rooms know of
/// each other does not count: they are one thing.
fn cycles(files: &[File]) -> Vec<String> {
    let modules: BTreeMap<String, &str> = sources(files).map(|(path, _)| (module(path), path)).collect();
    let mut graph = DiGraphMap::<&str, ()>::new();
    for (path, text) in sources(files) {
        let from = module(path);
        for name in names(text).paths.iter().filter_map(|name| absolute(&from, name)) {
            let Some((to, file)) = longest(&modules, &name) else { continue };
            if !within(&from, to) && !within(to, &from) {
                graph.add_edge(path, file, ());
            }
        }
    }
    let groups = tarjan_scc(&graph).into_iter().filter(|group| group.len() > 1);
    let mut complaints: Vec<String> = groups
        .map(|mut group| {
            group.sort_unstable();
            format!("these import one another: {}", group.join(", "))
        })
        .collect();
    complaints.sort();
    complaints
}

/// The module that a file of `src/` is: `plan/step.rs` is `plan::step`, `plan/mod.rs` is `plan`; the crate's root is empty.
fn module(path: &str) -> String {
    let name = path.trim_start_matches("src/").trim_end_matches(".rs");
    let door = name.strip_suffix("/mod").unwrap_or(name);
    if matches!(door, "lib" | "main") { String::new() } else { door.replace('/', "::") }
}

/// A name of a file from the crate's root: `super::step::Call` in `plan::build` is `plan::step::Call`. None for names of
/// other crates and for names that come by an import of their own.
fn absolute(from: &str, name: &str) -> Option<String> {
    let mut base: Vec<&str> = match name.split("::").next()? {
        "crate" => Vec::new(),
        "self" | "super" => from.split("::").collect(),
        _ => return None,
    };
    let mut parts = name.split("::").peekable();
    while let Some(part) = parts.next_if(|part| matches!(*part, "crate" | "self" | "super")) {
        if part == "super" {
            base.pop()?;
        }
    }
    Some(base.into_iter().chain(parts).collect::<Vec<_>>().join("::"))
}

/// The module that a name leads into, the longest in front of it, and its file.
fn longest<'a>(modules: &'a BTreeMap<String, &'a str>, name: &str) -> Option<(&'a str, &'a str)> {
    let mut name = name;
    loop {
        if let Some((module, file)) = modules.get_key_value(name) {
            return Some((module, file));
        }
        name = name.rsplit_once("::")?.0;
    }
}

pub fn no_two_files_know_each_other() {
    kept(cycles);
}

pub fn cycle_rule_can_fail() {
    let of = |files: &[(&str, &str)]| {
        cycles(&files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect::<Vec<_>>())
    };
    let (a, b) = (("src/plan/a.rs", "use super::b::B;"), ("src/plan/b.rs", "fn f() -> crate::plan::a::A {}"));
    assert_eq!(of(&[a, b]), ["these import one another: src/plan/a.rs, src/plan/b.rs"]);
    let round = [a, ("src/plan/b.rs", "use super::{c::C, d};"), ("src/plan/c/mod.rs", "use super::a;")];
    assert_eq!(of(&round), ["these import one another: src/plan/a.rs, src/plan/b.rs, src/plan/c/mod.rs"]);
    let door = [("src/plan/mod.rs", "mod a; use a::A; use self::a::B;"), ("src/plan/a.rs", "use super::Plan;")];
    assert_eq!(of(&door), [""; 0]);
    assert_eq!(of(&[a, ("src/plan/b.rs", "#[cfg(test)]\nmod tests { use super::super::a::A; }")]), [""; 0]);
}

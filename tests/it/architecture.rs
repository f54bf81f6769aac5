//! The rules of the house, checked from the source: which folder may know which, what is pure, who may print, how long
//! a file may be and what it may be called.
//!
//! Each rule is a function from files to complaints, and is itself tried on files that break it.

mod file_names;
mod imports;
mod sentences;

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::source::{lines_without_tests, names};
use crate::support::trial::{Trial, trial};
use file_names::{a_shared_name_has_one_meaning, files_have_names, naming_rule_can_fail, shared_name_rule_can_fail};
use imports::{cycle_rule_can_fail, no_two_files_know_each_other};
use sentences::{only_render_has_sentences, sentences_rule_can_fail};

pub const TRIALS: &[Trial] = &[
    trial!(arrows_go_one_way),
    trial!(arrows_rule_can_fail),
    trial!(pure_modules_do_no_io),
    trial!(purity_rule_can_fail),
    trial!(compose_files_are_read_without_a_homelab),
    trial!(homelab_rule_can_fail),
    trial!(declarations_do_not_depend_on_the_live_view),
    trial!(live_view_rule_can_fail),
    trial!(only_the_front_door_talks),
    trial!(talking_rule_can_fail),
    trial!(only_render_has_sentences),
    trial!(sentences_rule_can_fail),
    trial!(files_are_short),
    trial!(length_rule_can_fail),
    trial!(files_have_names),
    trial!(naming_rule_can_fail),
    trial!(no_two_files_know_each_other),
    trial!(cycle_rule_can_fail),
    trial!(a_shared_name_has_one_meaning),
    trial!(shared_name_rule_can_fail),
    trial!(folders_have_doors),
    trial!(door_rule_can_fail),
    trial!(no_test_file_is_forgotten),
    trial!(forgotten_file_rule_can_fail),
    trial!(the_project_speaks_of_itself_alone),
    trial!(foreign_words_rule_can_fail),
    trial!(the_scanner_sees_through_texts_and_trees),
];

/// A file: its path from the repository's root, and its text.
type File = (String, String);

/// Which top module may know which others. All may know themselves and `diagnostic`, which knows nobody.
const ARROWS: &[(&str, &[&str])] = &[
    ("diagnostic", &[]),
    ("atomic_file", &[]),
    ("regular_file", &[]),
    ("credentials", &[]),
    ("model", &[]),
    ("envfile", &["model"]),
    ("compose", &["model", "envfile"]),
    ("config", &["model", "envfile", "compose", "regular_file"]),
    ("node", &["model", "atomic_file", "regular_file", "credentials"]),
    ("registry", &["model", "credentials"]),
    ("state", &["model", "atomic_file", "regular_file"]),
    ("data", &["model", "node"]),
    ("diff", &["model", "envfile"]),
    ("plan", &["model", "envfile", "diff"]),
    ("event", &["model", "plan"]),
    ("render", &["model", "diff", "plan", "event"]),
    ("apply", &["model", "envfile", "plan", "data", "node", "state", "event"]),
    ("backup", &["model", "plan", "node", "state", "event"]),
    (
        "workflow",
        &[
            "model",
            "envfile",
            "compose",
            "config",
            "node",
            "registry",
            "state",
            "diff",
            "plan",
            "event",
            "apply",
            "atomic_file",
            "regular_file",
        ],
    ),
    (
        "cli",
        &[
            "model",
            "envfile",
            "compose",
            "config",
            "node",
            "state",
            "plan",
            "event",
            "render",
            "workflow",
            "atomic_file",
        ],
    ),
];

const PURE: &[&str] = &["model", "envfile", "compose", "diff", "plan"];
const IMPURE: &[&str] = &[
    "tokio",
    "bollard",
    "hyper",
    "openssh",
    "futures_util",
    "std::fs",
    "std::process",
    "std::env",
    "std::net",
    "std::os::unix::net",
    "std::thread",
    "async",
    "await",
];
/// What `config` takes of `model::view`: which files it asks the nodes for. What they say comes as facts.
const VIEW_OF_CONFIG: &[&str] = &["crate::model::view::Wanted", "crate::model::view::WantContent"];

/// The rooms that know files of Compose's alone, and words of a homelab that they do not have, in comments neither.
const WITHOUT_A_HOMELAB: &[&str] = &["envfile", "compose"];
const HOMELAB: &[&str] = &[
    "homelab",
    "topology",
    "inventory",
    "service.yaml",
    "services/",
    "owner_node",
    "ServiceName",
    "NodeName",
    "LiveView",
    "model::addr",
    "model::view",
];

/// Types that stand beside what does IO and do none.
const PLAIN_VALUES: &[&str] = &["std::net::IpAddr"];

const TALK: &[&str] = &["println", "eprintln", "print", "eprint", "dbg"];
const MAX_LINES: usize = 500;
/// Words of places and machines that have nothing to do with the project. In pieces, so that this file has none.
const FOREIGN: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/tmp/", "tools"),
    concat!("shared/", "corpus"),
    concat!("shared/", "reference"),
    concat!("deb.", "debian.org"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("archive.", "ubuntu.com"),
    concat!("pypi.", "org"),
];

fn arrows(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in sources(files) {
        let Some(from) = top_module(path) else { continue };
        let Some((_, allowed)) = ARROWS.iter().find(|(module, _)| *module == from) else {
            complaints.push(format!("{path}: `{from}` is not in the table of arrows"));
            continue;
        };
        let known: BTreeSet<String> = names(text)
            .paths
            .iter()
            .filter_map(|name| from_root(path, name))
            .map(|name| name.split("::").next().unwrap_or(name).to_owned())
            .collect();
        let foreign = known.iter().filter(|to| *to != from && *to != "diagnostic" && !allowed.contains(&to.as_str()));
        complaints.extend(foreign.map(|to| format!("{path}: `{from}` knows `{to}`")));
    }
    complaints
}

fn purity(files: &[File]) -> Vec<String> {
    let pure = sources(files).filter(|(path, _)| top_module(path).is_some_and(|module| PURE.contains(&module)));
    pure.flat_map(|(path, text)| {
        let impure = |name: &String| IMPURE.iter().any(|i| within(name, i)) && !PLAIN_VALUES.contains(&name.as_str());
        let found: BTreeSet<String> = names(text).paths.into_iter().filter(impure).collect();
        found.into_iter().map(move |name| format!("{path}: `{name}` in a pure module"))
    })
    .collect()
}

fn homelab_words(files: &[File]) -> Vec<String> {
    let rust = files.iter().filter(|(path, _)| path.starts_with("src/") && path.ends_with(".rs"));
    let lower = rust.filter(|(path, _)| top_module(path).is_some_and(|module| WITHOUT_A_HOMELAB.contains(&module)));
    lower
        .flat_map(|(path, text)| {
            let found = HOMELAB.iter().filter(|word| text.contains(**word));
            found.map(move |word| format!("{path}: `{word}`, of which a Compose file alone says nothing"))
        })
        .collect()
}

fn live_view_in_config(files: &[File]) -> Vec<String> {
    let config = sources(files).filter(|(path, _)| top_module(path) == Some("config"));
    config
        .filter(|(path, _)| !path.ends_with("_tests.rs"))
        .flat_map(|(path, text)| {
            let of_view = names(text).paths.into_iter().filter(|name| within(name, "crate::model::view"));
            let found: BTreeSet<String> = of_view.filter(|name| !VIEW_OF_CONFIG.contains(&name.as_str())).collect();
            found.into_iter().map(move |name| format!("{path}: `{name}`, where config takes facts"))
        })
        .collect()
}

fn talking(files: &[File]) -> Vec<String> {
    let silent = sources(files).filter(|(path, _)| top_module(path).is_some_and(|module| module != "cli"));
    silent
        .flat_map(|(path, text)| {
            let names = names(text);
            let macros = names.macros.into_iter().filter(|name| TALK.contains(&name.as_str()));
            let paths = names.paths.into_iter().filter(|name| {
                within(name, "std::env") || within(name, "std::process::exit") || name == "process::exit"
            });
            let found: BTreeSet<String> = macros.chain(paths).collect();
            found.into_iter().map(move |name| format!("{path}: `{name}` outside of cli"))
        })
        .collect()
}

fn length(files: &[File]) -> Vec<String> {
    let rust = files.iter().filter(|(path, _)| path.ends_with(".rs"));
    rust.map(|(path, text)| (path, lines_without_tests(text)))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(path, lines)| format!("{path}: {lines} lines without tests, more than {MAX_LINES}"))
        .collect()
}

fn doors(files: &[File]) -> Vec<String> {
    let doors = files.iter().filter(|(path, _)| path.ends_with("/mod.rs"));
    doors
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| format!("{path}: does not say what it is"))
        .collect()
}

fn forgotten(files: &[File]) -> Vec<String> {
    let main = files.iter().find(|(path, _)| path == "tests/it/main.rs").map_or("", |(_, text)| text);
    let modules: Vec<&str> = main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')).collect();
    let names = files.iter().filter_map(|(path, _)| path.strip_prefix("tests/it/")?.strip_suffix(".rs"));
    let tests = names.filter(|name| *name != "main" && !name.contains('/'));
    tests.filter(|name| !modules.contains(name)).map(|name| format!("tests/it/{name}.rs: not in main.rs")).collect()
}

fn foreign_words(files: &[File]) -> Vec<String> {
    // The lock file names the registry of each crate, as it must.
    let own = files.iter().filter(|(path, _)| path != "Cargo.lock");
    own.flat_map(|(path, text)| {
        FOREIGN.iter().filter(|word| text.contains(**word)).map(move |word| format!("{path}: `{word}`"))
    })
    .collect()
}

/// The files under `src/`, without those that hold nothing but tests.
fn sources(files: &[File]) -> impl Iterator<Item = (&str, &str)> {
    files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .filter(|(path, _)| path.starts_with("src/") && path.ends_with(".rs"))
        .filter(|(path, _)| !path.ends_with("/tests.rs") && !path.ends_with("_tests.rs") && !path.contains("/tests/"))
}

/// The top module that a file of `src/` belongs to; none for `main.rs` and `lib.rs`.
fn top_module(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("src/")?;
    let module = rest.split('/').next()?.trim_end_matches(".rs");
    (!matches!(module, "main" | "lib")).then_some(module)
}

/// What a path that a file names is below the crate's root, whether it says `crate` or climbs there by `super`; none
/// for a path that does not come by the root.
fn from_root<'a>(file: &str, name: &'a str) -> Option<&'a str> {
    if let Some(rest) = name.strip_prefix("crate::") {
        return Some(rest);
    }
    let module = file.strip_prefix("src/")?.trim_end_matches(".rs").trim_end_matches("/mod");
    let (mut rest, mut depth) = (name, module.split('/').count());
    while let Some(above) = rest.strip_prefix("super::") {
        (rest, depth) = (above, depth.checked_sub(1)?);
    }
    (depth == 0).then_some(rest)
}

/// Whether a path is `ancestor` or below it.
fn within(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// All text files of the repository but those that are built or belong to git.
fn repository() -> Vec<File> {
    fn walk(folder: &Path, root: &Path, files: &mut Vec<File>) {
        for entry in std::fs::read_dir(folder).expect("a folder of the repository can be read").flatten() {
            let path = entry.path();
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
            if matches!(name.as_str(), "target" | ".git" | "fuzz/target" | "fuzz/corpus" | "fuzz/artifacts") {
                continue;
            }
            if path.is_dir() {
                walk(&path, root, files);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                files.push((name, text));
            }
        }
    }
    let (root, mut files) = (Path::new(env!("CARGO_MANIFEST_DIR")), Vec::new());
    walk(root, root, &mut files);
    files.sort();
    assert!(files.iter().any(|(path, _)| path == "src/lib.rs"), "this is not the repository");
    files
}

/// The repository keeps a rule.
#[track_caller]
fn kept(rule: fn(&[File]) -> Vec<String>) {
    let complaints = rule(&repository());
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// A rule complains of one file in just these words, or, with none, is content with it.
#[track_caller]
fn says(rule: fn(&[File]) -> Vec<String>, path: &str, text: &str, complaints: &[&str]) {
    assert_eq!(rule(&[(path.to_owned(), text.to_owned())]), complaints, "of {path}:\n{text}");
}

fn arrows_go_one_way() {
    kept(arrows);
}

fn arrows_rule_can_fail() {
    says(arrows, "src/diff/mod.rs", "use crate::{diagnostic::Code, model::Addr};", &[]);
    says(arrows, "src/diff/mod.rs", "use crate::node::Node;", &["src/diff/mod.rs: `diff` knows `node`"]);
    says(arrows, "src/plan/x.rs", "fn f(n: &crate::node::Node) {}", &["src/plan/x.rs: `plan` knows `node`"]);
    says(
        arrows,
        "src/config/mod.rs",
        "use crate::{model::{Addr, Value}, state::{self, Record}};",
        &["src/config/mod.rs: `config` knows `state`"],
    );
    says(arrows, "src/diagnostic.rs", "use crate::model::Addr;", &["src/diagnostic.rs: `diagnostic` knows `model`"]);
    says(arrows, "src/workflow/x.rs", "use crate::render::page;", &["src/workflow/x.rs: `workflow` knows `render`"]);
    says(arrows, "src/workflow/x.rs", "use crate::cli::run;", &["src/workflow/x.rs: `workflow` knows `cli`"]);
    says(arrows, "src/new/mod.rs", "", &["src/new/mod.rs: `new` is not in the table of arrows"]);
    says(arrows, "src/diff/mod.rs", "use super::node::Node;", &["src/diff/mod.rs: `diff` knows `node`"]);
    says(arrows, "src/diff/x/y.rs", "use super::super::super::node;", &["src/diff/x/y.rs: `diff` knows `node`"]);
    says(arrows, "src/diff/x/y.rs", "use super::super::node;", &[]);
    says(arrows, "src/diff/mod.rs", "// crate::node\n#[cfg(test)]\nmod tests { use crate::config::load; }", &[]);
}

fn pure_modules_do_no_io() {
    kept(purity);
}

fn purity_rule_can_fail() {
    says(purity, "src/plan/x.rs", "use std::{fmt, fs::File};", &["src/plan/x.rs: `std::fs::File` in a pure module"]);
    says(purity, "src/diff/x.rs", "pub async fn f() {}", &["src/diff/x.rs: `async` in a pure module"]);
    says(purity, "src/model/x.rs", "use tokio::time;", &["src/model/x.rs: `tokio::time` in a pure module"]);
    says(purity, "src/node/x.rs", "use tokio::time;", &[]);
    let socket = "src/compose/x.rs: `std::net::TcpStream` in a pure module";
    says(purity, "src/compose/x.rs", "use std::net::{IpAddr, TcpStream};", &[socket]);
    says(purity, "src/plan/x.rs", "/// tokio, std::fs\nconst A: &str = \"std::env\";", &[]);
}

fn compose_files_are_read_without_a_homelab() {
    kept(homelab_words);
}

fn homelab_rule_can_fail() {
    let said = |path: &str, word: &str| format!("{path}: `{word}`, of which a Compose file alone says nothing");
    let path = "src/compose/x.rs";
    says(homelab_words, path, "use crate::model::NodeName;", &[&said(path, "NodeName")]);
    says(homelab_words, path, "// as service.yaml has it", &[&said(path, "service.yaml")]);
    says(homelab_words, "src/envfile/mod.rs", "\"services/\"", &[&said("src/envfile/mod.rs", "services/")]);
    says(homelab_words, "src/config/x.rs", "use crate::model::NodeName; // topology", &[]);
    says(homelab_words, path, "fn f(node: &Node) {}", &[]);
}

fn declarations_do_not_depend_on_the_live_view() {
    kept(live_view_in_config);
}

fn live_view_rule_can_fail() {
    let path = "src/config/x.rs";
    let said = format!("{path}: `crate::model::view::LiveView`, where config takes facts");
    says(live_view_in_config, path, "use crate::model::view::{LiveView, Wanted};", &[&said]);
    says(live_view_in_config, path, "fn f(v: &crate::model::view::LiveView) {}", &[&said]);
    says(live_view_in_config, "src/workflow/x.rs", "use crate::model::view::LiveView;", &[]);
}

fn only_the_front_door_talks() {
    kept(talking);
}

fn talking_rule_can_fail() {
    says(talking, "src/apply/x.rs", "fn f() { println!(\"\") }", &["src/apply/x.rs: `println` outside of cli"]);
    says(
        talking,
        "src/node/x.rs",
        "use std::process; fn f() { process::exit(1) }",
        &["src/node/x.rs: `process::exit` outside of cli"],
    );
    says(talking, "src/node/x.rs", "use std::env;", &["src/node/x.rs: `std::env` outside of cli"]);
    says(talking, "src/node/x.rs", "use std::process::Command; fn f() { env!(\"A\"); }", &[]);
    says(talking, "src/cli/x.rs", "fn f() { println!(\"\"); std::env::args(); }", &[]);
}

fn files_are_short() {
    kept(length);
}

fn length_rule_can_fail() {
    let line = "fn f() {}\n";
    says(length, "src/a.rs", &line.repeat(500), &[]);
    says(length, "src/a.rs", &line.repeat(501), &["src/a.rs: 501 lines without tests, more than 500"]);
    let tested = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", line.repeat(490), line.repeat(300));
    says(length, "src/a.rs", &tested, &[]);
    says(length, "tests/it/a.rs", &line.repeat(501), &["tests/it/a.rs: 501 lines without tests, more than 500"]);
}

fn folders_have_doors() {
    kept(doors);
}

fn door_rule_can_fail() {
    says(doors, "src/plan/mod.rs", "mod graph;\n", &["src/plan/mod.rs: does not say what it is"]);
    says(doors, "src/plan/mod.rs", "//! Changes to steps.\nmod graph;\n", &[]);
}

fn no_test_file_is_forgotten() {
    kept(forgotten);
}

fn forgotten_file_rule_can_fail() {
    let files = |main: &str| {
        vec![("tests/it/main.rs".to_owned(), main.to_owned()), ("tests/it/drift.rs".to_owned(), String::new())]
    };
    assert_eq!(forgotten(&files("mod support;\n")), ["tests/it/drift.rs: not in main.rs"]);
    assert_eq!(forgotten(&files("mod drift;\nmod support;\n")), [""; 0]);
}

fn the_project_speaks_of_itself_alone() {
    kept(foreign_words);
}

fn foreign_words_rule_can_fail() {
    let word = FOREIGN[0];
    says(foreign_words, "README.md", &format!("see {word}x"), &[&format!("README.md: `{word}`")]);
    says(foreign_words, "README.md", "see DESIGN", &[]);
}

fn the_scanner_sees_through_texts_and_trees() {
    let source = r####"
        use std::{collections::{BTreeMap, BTreeSet as Set}, fmt::{self, Display}, io::*};
        // use tokio::fs; "
        /* use a::b; /* use c::d; */ */
        const A: &str = "use e::f; \" println!()"; const B: char = '"'; const C: &str = r#"g::h""#;
        fn f<'a>(x: &'a str) { assert!(x != "i::j"); k::l(b'"', '\'', "m"); Vec::<n::O>::new() }
        #[cfg(test)]
        mod tests { use p::q; fn r() { "}" } }
        use s::t;
        #[cfg(test)]
        mod more;
        use u::v;
    "####;
    let names = names(source);
    assert_eq!(names.macros, ["assert"]);
    let paths: Vec<&str> = names.paths.iter().map(String::as_str).filter(|path| path.contains("::")).collect();
    assert_eq!(
        paths,
        [
            "std::collections::BTreeMap",
            "std::collections::BTreeSet",
            "std::fmt",
            "std::fmt::Display",
            "std::io",
            "k::l",
            "n::O",
            "s::t",
            "u::v",
        ]
    );
}

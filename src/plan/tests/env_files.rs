//! Env files on nodes: which of the wanted variables are in them is read by the grammar of env files.

use std::collections::{BTreeMap, BTreeSet};

use super::fixture::{World, service_name};
use crate::model::spec::{DirectorySpec, FileContent, FileSpec, Variable};
use crate::model::view::{FileKind, LiveFile};
use crate::model::{Kind, Text};
use crate::plan::{Operation, Step};

const PATH: &str = "/opt/homelab/config/db/.env";

/// The fields that a plan gives the `.env` of `db`, which has this text on its node. `D` is generated, `S` comes from
/// secrets.env, `E` from env.example.
fn planned(text: &str) -> Vec<String> {
    let mut world = World::running();
    let variables = BTreeMap::from([
        ("D".to_owned(), Variable::Generated { length: 12 }),
        ("E".to_owned(), Variable::Is(Text::plain("1"))),
        ("S".to_owned(), Variable::Secret(Text::secret("s"))),
    ]);
    let content = FileContent::Variables(variables);
    let spec = FileSpec { path: PATH.to_owned(), content, mode: 0o600, owner: None };
    world.service("db").files.insert("config/db/.env".to_owned(), spec);
    let content = Some(text.as_bytes().to_vec());
    let live = LiveFile { kind: FileKind::File, mode: 0o600, owner: "0:0".to_owned(), content, entries: None };
    world.node().files.insert(PATH.to_owned(), live);
    let plan = world.plan();
    let of_file = plan.changes.iter().filter(|change| change.addr.kind == Kind::File && change.acts());
    assert!(of_file.clone().all(|change| change.addr.service == service_name("db")));
    of_file.flat_map(|change| &change.fields).map(|change| change.field.to_string()).collect()
}

#[test]
fn only_assignments_count() {
    for (text, missing) in [
        ("D=x\nE=\nS=y\n", &[][..]),
        ("export\tD=x\nE=\n  S : y\n", &[]),
        ("D='x' E=\"\" S=\"y\"\n", &[]),
        ("M=\"two\nD=x\nlines\"\nE=1\nS=s\n", &["environment.D"]),
        ("D=\"\nx\"\nE=1\nS=\"'\"\n", &[]),
        ("D=''\nE=1\nS=\"\"\n", &["environment.D", "environment.S"]),
        ("#D=x\nE=1\nS=s\n", &["environment.D"]),
        ("D=${NO?why}\nE=1\nS=s\n", &[]),
        ("D=x\nS=s\n", &["environment.E"]),
    ] {
        assert_eq!(planned(text), missing, "{text:?}");
    }
}

#[test]
fn files_wait_for_their_folders_and_not_for_one_another() {
    let mut world = World::running();
    let folder = "/opt/homelab/config/db".to_owned();
    let directory = DirectorySpec { path: folder.clone(), ..DirectorySpec::default() };
    world.service("db").directories.insert("config/db".to_owned(), directory);
    for name in ["a", "b", "c"] {
        let content = FileContent::Exactly(name.into());
        let spec = FileSpec { path: format!("{folder}/{name}"), content, mode: 0o644, owner: None };
        world.service("db").files.insert(format!("config/db/{name}"), spec);
    }
    let plan = world.plan();
    let is_folder = |step: &&Step| matches!(step.operation, Operation::EnsureDirectory(_));
    let folder = plan.steps.iter().find(is_folder).unwrap().id;
    let files: Vec<_> = plan.steps.iter().filter(|s| matches!(s.operation, Operation::WriteFile(_))).collect();
    assert_eq!(files.len(), 3);
    assert!(files.iter().all(|file| file.after == BTreeSet::from([folder])), "{files:?}");
}

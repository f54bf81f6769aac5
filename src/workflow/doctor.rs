//! Looking whether everything is there that a first plan needs. Nothing is written, here or on a node.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;

use super::node_checks;
use super::observe::Access;
use crate::compose::reader::Kind;
use crate::config::{self, Sources};
use crate::diagnostic::{Code, Diagnostics, Severity};
use crate::model::checkup::{Check, Finding, KeyState, Outcome, Presence, RecordInGit, Shell, Subject};
use crate::model::homelab::NodeAddress;
use crate::node;
use crate::state::{self, KeyMatch, Paths, State};

/// Where the completions of a shell are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletionPlaces {
    /// The shell of the user.
    pub shell: Shell,
    /// The places, that of the user first.
    pub paths: Vec<PathBuf>,
}

/// Looks at the repository, at git, at the programs and the state of this machine, and at all nodes at once. The checks are
/// in the order in which people mend what they find.
pub async fn doctor(access: &Access, state: &Paths, completions: Option<CompletionPlaces>) -> Vec<Check> {
    let (sources, found) = config::load(access.repository.clone());
    let mut checks = repository(&sources, found);
    checks.extend(git(&sources));
    checks.extend(ssh(&sources, &access.node_options));
    checks.extend(completions.map(|places| of_shell(&places)));
    checks.extend(record(state));
    let nodes = sources.nodes.values().map(|source| node_checks::of_node(&source.node, &access.node_options));
    checks.extend(join_all(nodes).await.into_iter().flatten());
    checks
}

fn check(subject: Subject, outcome: Outcome, finding: Finding) -> Check {
    Check { subject, outcome, finding }
}

/// The files alone, as `hl validate` looks at them.
fn repository(sources: &Sources, mut found: Diagnostics) -> Vec<Check> {
    if let Some(none) = found.iter().find(|diagnostic| diagnostic.code == Code::NotAHomelab) {
        let finding = Finding::NoHomelab { why: none.summary.clone(), hint: none.hint.clone() };
        return vec![check(Subject::Repository, Outcome::Problem, finding)];
    }
    found.extend(config::check_offline(sources).0);
    let all = found.sorted();
    let of = |severity: Severity| all.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    let outcome = match (errors, warnings) {
        (0, 0) => Outcome::Fine,
        (0, _) => Outcome::Advice,
        (_, _) => Outcome::Problem,
    };
    let (nodes, services) = (sources.nodes.len(), sources.services.len());
    vec![check(Subject::Repository, outcome, Finding::Homelab { nodes, services, errors, warnings })]
}

/// Checks what git keeps of the repository, and what it should not.
fn git(sources: &Sources) -> Vec<Check> {
    let repository = &sources.repository;
    if !repository.is_in_git() {
        return vec![check(Subject::Git, Outcome::Advice, Finding::NoGit)];
    }
    let is_open = |folder: &&PathBuf| repository.is_ignored(&folder.join(".env")) == Some(false);
    let shown = |folder: &Path| {
        let below = folder.strip_prefix(&repository.root).unwrap_or(folder);
        below.display().to_string()
    };
    let mut open: Vec<String> =
        sources.services.values().map(|service| &service.folder).filter(is_open).map(|folder| shown(folder)).collect();
    open.sort();
    open.dedup();
    let outcome = if open.is_empty() { Outcome::Fine } else { Outcome::Advice };
    let env = check(Subject::Git, outcome, Finding::EnvFiles { open });
    let record = repository.root.join("state/homelab.json");
    let is_tracked = || sources.tracked.as_ref().is_some_and(|t| t.contains(&repository.disk.real(&record)));
    let (outcome, how) = match (repository.disk.kind(&record), repository.is_ignored(&record)) {
        (Kind::File, _) if is_tracked() => (Outcome::Fine, RecordInGit::Tracked),
        (_, Some(true)) => (Outcome::Fine, RecordInGit::Ignored),
        (Kind::File, _) => (Outcome::Advice, RecordInGit::Forgotten),
        (Kind::Missing | Kind::Folder, _) => (Outcome::Fine, RecordInGit::NotThere),
    };
    vec![env, check(Subject::Git, outcome, Finding::RecordInGit(how))]
}

/// The program by which nodes are reached, if one needs it.
fn ssh(sources: &Sources, options: &node::Options) -> Option<Check> {
    let is_needed = sources.nodes.values().any(|source| matches!(source.node.address, NodeAddress::Ssh { .. }));
    let path = options.script_environment.get("PATH").map(String::as_str).unwrap_or_default();
    let is_program = |folder: &str| {
        let metadata = std::fs::metadata(Path::new(folder).join("ssh"));
        metadata.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    let (outcome, presence) = match path.split(':').any(is_program) {
        true => (Outcome::Fine, Presence::There),
        false => (Outcome::Problem, Presence::Missing),
    };
    is_needed.then(|| check(Subject::ThisMachine, outcome, Finding::Ssh(presence)))
}

fn of_shell(places: &CompletionPlaces) -> Check {
    let there = places.paths.iter().find(|path| path.is_file());
    let (outcome, presence) = match there {
        Some(_) => (Outcome::Fine, Presence::There),
        None => (Outcome::Advice, Presence::Missing),
    };
    let path = there.or(places.paths.first()).map(|path| path.display().to_string()).unwrap_or_default();
    check(Subject::ThisMachine, outcome, Finding::Completions { shell: places.shell, path, presence })
}

/// The record and its key, and what an earlier apply has left.
fn record(paths: &Paths) -> Vec<Check> {
    let state = match state::read(paths) {
        Ok(state) => state,
        Err(error) => {
            let finding = Finding::RecordUnreadable { why: error.to_string() };
            return vec![check(Subject::State, Outcome::Problem, finding)];
        }
    };
    let mut checks = vec![match state.view.serial {
        0 => check(Subject::State, Outcome::Fine, Finding::NothingRecorded),
        _ => key(paths, &state),
    }];
    if let Some(owner) = &state.busy {
        checks.push(check(Subject::State, Outcome::Advice, Finding::Busy { who: owner.to_string() }));
    }
    let steps = state.view.interrupted.len();
    if steps > 0 {
        checks.push(check(Subject::State, Outcome::Advice, Finding::CutOff { steps }));
    }
    checks
}

fn key(paths: &Paths, state: &State) -> Check {
    let path = state::key_file(paths, &state.lineage);
    let mode = std::fs::metadata(&path).map(|file| file.permissions().mode() & 0o7777).ok();
    let (outcome, how) = match (mode, state.key) {
        (None, _) => (Outcome::Problem, KeyState::Missing),
        (Some(_), KeyMatch::No) => (Outcome::Problem, KeyState::Other),
        (Some(mode), KeyMatch::Yes) if mode & 0o077 != 0 => (Outcome::Problem, KeyState::Open(mode)),
        (Some(_), KeyMatch::Yes) => (Outcome::Fine, KeyState::Good),
    };
    check(Subject::State, outcome, Finding::Key { path: path.display().to_string(), state: how })
}

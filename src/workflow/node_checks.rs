//! Looking at one node: whether it answers, and whether hl can work there. Nothing is written on it.

use std::path::Path;

use rustix::fs::{Access, access};
use rustix::io::Errno;

use crate::apply::{fallback_lock_file, lock_file};
use crate::model::checkup::{Check, Finding, FolderAccess, Outcome, ProgramPurpose, Subject};
use crate::model::homelab::{self, Maintenance, NodeAddress};
use crate::model::status::LockState;
use crate::node::{self, DATA_PROGRAMS, FILE_PROGRAMS, Node, NodeError, Tools};
use crate::plan;

/// Free bytes below which the next image may not fit.
const LITTLE_SPACE: u64 = 1_000_000_000;

/// The checks of one node, which is asked one thing after the other; nodes are asked at once.
pub(super) async fn of_node(declared: &homelab::Node, options: &node::Options) -> Vec<Check> {
    let mut found = Found { declared, checks: Vec::new() };
    if declared.maintenance == Maintenance::On {
        found.put(Outcome::Fine, Finding::Maintenance);
        return found.checks;
    }
    match node::connect(declared, options).await {
        Ok(node) => found.look_at(node.as_ref()).await,
        Err(error) => {
            let outcome = if is_forbidden(declared, options) { Outcome::Problem } else { severity(&error) };
            found.put(outcome, not_reached(declared, &error));
        }
    }
    found.checks
}

struct Found<'a> {
    declared: &'a homelab::Node,
    checks: Vec<Check>,
}

/// Whoever does not answer may answer tomorrow; who refuses will refuse again.
fn severity(error: &NodeError) -> Outcome {
    if error.is_silence() { Outcome::Unknown } else { Outcome::Problem }
}

/// Whether whoever runs hl has no right to the engine of this machine, which no waiting changes.
fn is_forbidden(declared: &homelab::Node, options: &node::Options) -> bool {
    let socket = match &declared.address {
        NodeAddress::Local => options.docker_socket.as_path(),
        NodeAddress::Unix { path } => Path::new(path),
        NodeAddress::Ssh { .. } | NodeAddress::Tcp { .. } | NodeAddress::Simulated => return false,
    };
    access(socket, Access::WRITE_OK) == Err(Errno::ACCESS)
}

fn not_reached(declared: &homelab::Node, error: &NodeError) -> Finding {
    let address = declared.address.to_string();
    Finding::NotReached { address, why: one_line(&error.kind.to_string()), hint: error.hint().to_owned() }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Found<'_> {
    fn put(&mut self, outcome: Outcome, finding: Finding) {
        let subject = Subject::Node(self.declared.name.clone());
        self.checks.push(Check { subject, outcome, finding });
    }

    /// A question that was not answered; the others are asked all the same.
    fn unanswered(&mut self, error: &NodeError) {
        let why = one_line(&format!("{}: {}", error.what, error.kind));
        self.put(severity(error).max(Outcome::Unknown), Finding::Unanswered { why, hint: error.hint().to_owned() });
    }

    async fn look_at(&mut self, node: &dyn Node) {
        match node.ping().await {
            Ok(info) => {
                // An engine that tells its API and not its version is no worse for it.
                let version = match node.capabilities() {
                    Some(capabilities) => capabilities.engine_version().await.ok().filter(|v| !v.is_empty()),
                    None => None,
                };
                let address = self.declared.address.to_string();
                self.put(Outcome::Fine, Finding::Engine { address, version, api: info.api_version.to_string() });
                let far = plan::clock_is_far(info.clock_ahead);
                let outcome = if far { Outcome::Advice } else { Outcome::Fine };
                self.put(outcome, Finding::Clock { ahead: info.clock_ahead });
            }
            Err(error) => return self.put(severity(&error), not_reached(self.declared, &error)),
        }
        match node.tools() {
            Some(tools) => self.look_at_files(tools).await,
            None => return self.put(Outcome::Fine, Finding::OnlyEngine),
        }
        self.look_at_locks(node).await;
    }

    async fn look_at_files(&mut self, tools: &dyn Tools) {
        let root = self.declared.root.as_str();
        match tools.folder_access(root).await {
            Ok(access) => {
                let outcome = match &access {
                    FolderAccess::Open | FolderAccess::ToBeMade { .. } => Outcome::Fine,
                    FolderAccess::Closed { .. } | FolderAccess::Blocked { .. } => Outcome::Problem,
                };
                self.put(outcome, Finding::Root { path: root.to_owned(), access });
            }
            Err(error) => self.unanswered(&error),
        }
        // A file in the folder, since the free space is that of the folder above what is asked for.
        match tools.free_space(&lock_file(root)).await {
            Ok(node::FreeSpace { mount_point, bytes }) => {
                let outcome = if bytes < LITTLE_SPACE { Outcome::Advice } else { Outcome::Fine };
                self.put(outcome, Finding::Space { mount_point, bytes });
            }
            Err(error) => self.unanswered(&error),
        }
        let is_far = matches!(self.declared.address, NodeAddress::Ssh { .. });
        let of_files = is_far.then_some((ProgramPurpose::Files, FILE_PROGRAMS, Outcome::Problem));
        // Services that never move need none of the others.
        let of_data = (ProgramPurpose::Data, DATA_PROGRAMS, Outcome::Advice);
        for (purpose, programs, worst) in of_files.into_iter().chain([of_data]) {
            match tools.find_programs(programs).await {
                Ok(there) => {
                    let missing = programs.iter().zip(there).filter(|(_, there)| !there);
                    let missing: Vec<String> = missing.map(|(program, _)| (*program).to_owned()).collect();
                    let outcome = if missing.is_empty() { Outcome::Fine } else { worst };
                    self.put(outcome, Finding::Programs { purpose, missing });
                }
                Err(error) => self.unanswered(&error),
            }
        }
    }

    async fn look_at_locks(&mut self, node: &dyn Node) {
        let before = self.checks.len();
        for path in [lock_file(&self.declared.root), fallback_lock_file(&self.declared.root)] {
            match node.lock_holder(&path).await {
                Ok(None) => {}
                Ok(Some(holder)) => {
                    let held = LockState::Held { pid: holder.pid, words: holder.words };
                    self.put(Outcome::Advice, Finding::Lock(held));
                }
                Err(error) => self.unanswered(&error),
            }
        }
        if self.checks.len() == before {
            self.put(Outcome::Fine, Finding::Lock(LockState::Free));
        }
    }
}

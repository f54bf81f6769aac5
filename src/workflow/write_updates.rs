//! Writing newer images into the files of the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::node_facts::node_facts_of_record;
use super::observe::{Access, Observation};
use super::updates::Proposal;
use crate::atomic_file;
use crate::config::{self, ImageChange, Resolving, TextEdit};
use crate::model::updates::{EditReport, Edited, NoEdit, NotEdited};
use crate::state::State;

/// The permissions of a file where nobody can say what they were.
const MODE: u32 = 0o644;

/// Puts the proposed references where those in use are written. Every other byte of the files stays what it is, and nothing
/// but the images that are meant becomes another; what cannot be written in this way is left, with why.
pub fn write_updates(access: &Access, observation: &Observation, state: &State, proposals: &[Proposal]) -> EditReport {
    let change = |proposal: &Proposal| ImageChange {
        service: proposal.container.service.clone(),
        container: proposal.container.container.clone(),
        from: proposal.from.clone(),
        to: proposal.to.clone(),
    };
    let changes: Vec<ImageChange> = proposals.iter().map(change).collect();
    let resolving = Resolving {
        repository: &access.repository,
        nodes: &node_facts_of_record(&observation.live, state),
        variables: &observation.variables,
    };
    let found = config::image_edits(&resolving, &changes);
    let mut left: BTreeMap<usize, NoEdit> = found.left;
    let mut failed: BTreeSet<&PathBuf> = BTreeSet::new();
    for (file, (_, text)) in &found.files {
        let Err(error) = write(access, file, text) else { continue };
        failed.insert(file);
        let why = NoEdit::Failed { file: shown(access, file), why: error.to_string() };
        let of_file = found.edits.iter().filter(|(edit, _)| edit.file == *file);
        left.extend(of_file.flat_map(|(_, numbers)| numbers).map(|number| (*number, why.clone())));
    }
    let written = found.edits.iter().filter(|(edit, _)| !failed.contains(&edit.file));
    let edited = |(edit, numbers): (&TextEdit, &BTreeSet<usize>)| Edited {
        file: shown(access, &edit.file),
        line: line(&found.files[&edit.file].0, edit.start),
        from: edit.from.clone(),
        to: edit.to.clone(),
        containers: numbers.iter().map(|number| proposals[*number].container.clone()).collect(),
    };
    let not_edited = |(number, why): (&usize, &NoEdit)| NotEdited {
        container: proposals[*number].container.clone(),
        image: proposals[*number].to.to_string(),
        why: why.clone(),
    };
    EditReport { written: written.map(edited).collect(), left: left.iter().map(not_edited).collect() }
}

/// Replaces the text of a file, which is no link.
fn write(access: &Access, file: &Path, text: &str) -> std::io::Result<()> {
    let disk = &access.repository.disk;
    let mode = disk.size_and_mode(file).and_then(|(_, mode)| mode).unwrap_or(MODE);
    atomic_file::replace(file, text.as_bytes(), mode)
}

/// A path as the user knows it.
fn shown(access: &Access, file: &Path) -> String {
    file.strip_prefix(&access.repository.current_dir).unwrap_or(file).display().to_string()
}

/// The line that a byte is in, from 1.
fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

//! Other images in the files of a repository: where each reference is written, and the texts with another one there.
//!
//! A reference may be a text in a Compose file, or made of variables, whose values stand in an env file of the repository or
//! in `vars`. [`image_edits`] changes the bytes of the tag there and no others, and proves it: the repository with the new
//! texts is resolved once more, and but for the images that were meant nothing in it may be another.

mod origin;
mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Drafts, Resolution, ServiceContext, project_dir, resolve};
use crate::compose::reader::{Kind, ReadError, Reader, Refusal};
use crate::compose::yaml::{Node, text_of_scalar};
use crate::config::facts::{NodeFacts, NodeState};
use crate::config::repository::Repository;
use crate::config::sources::{self, Sources};
use crate::diagnostic::Visibility;
use crate::model::homelab::{Homelab, Service};
use crate::model::name::{NodeName, ServiceName};
use crate::model::spec::{ContainerSpec, ImageRef};
use crate::model::updates::NoEdit;

/// A reference to an image that is to be another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageChange {
    /// The service.
    pub service: ServiceName,
    /// The Compose service.
    pub container: String,
    /// The reference as it is.
    pub from: ImageRef,
    /// The reference as it is to be.
    pub to: ImageRef,
}

/// A text in place of another in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextEdit {
    /// The file.
    pub file: PathBuf,
    /// The first byte.
    pub start: usize,
    /// The text that stands there.
    pub from: String,
    /// The text that is to stand there.
    pub to: String,
}

/// The edits that make some changes, and the changes that no edit makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageEdits {
    /// Each edit, with the numbers of the changes that it is for.
    pub edits: BTreeMap<TextEdit, BTreeSet<usize>>,
    /// The numbers of the other changes, each with why.
    pub left: BTreeMap<usize, NoEdit>,
    /// The files, as they are and as they are with the edits.
    pub files: BTreeMap<PathBuf, (String, String)>,
}

/// How the repository is resolved: with what, beside its files.
pub struct Resolving<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The facts of the nodes.
    pub nodes: &'a BTreeMap<NodeName, NodeState<'a>>,
    /// The variables of the command line.
    pub variables: &'a [(String, String)],
}

/// Finds the edits for some changes.
pub fn image_edits(resolving: &Resolving<'_>, changes: &[ImageChange]) -> ImageEdits {
    let (sources, before) = resolving.resolve(&BTreeMap::new());
    let mut found = ImageEdits::default();
    let mut wanted: BTreeMap<usize, BTreeSet<TextEdit>> = BTreeMap::new();
    for (number, change) in changes.iter().enumerate() {
        match resolving.edits(&sources, &before, change) {
            Ok(edits) => drop(wanted.insert(number, edits.into_iter().collect())),
            Err(why) => drop(found.left.insert(number, why)),
        }
    }
    refuse_disagreements(&mut wanted, &mut found, &sources);
    let before = before.resolved.homelab;
    if resolving.beyond(&before, changes, &wanted).is_some() {
        wanted = resolving.one_by_one(&before, changes, wanted, &mut found, &sources);
    }
    for (number, edits) in wanted {
        for edit in edits {
            found.edits.entry(edit).or_default().insert(number);
        }
    }
    found.files = texts(resolving.repository.reader.as_ref(), found.edits.keys());
    found
}

/// Leaves out the changes of which two want different texts in one place.
fn refuse_disagreements(wanted: &mut BTreeMap<usize, BTreeSet<TextEdit>>, found: &mut ImageEdits, sources: &Sources) {
    let all: BTreeSet<TextEdit> = wanted.values().flatten().cloned().collect();
    let overlap = |a: &TextEdit, b: &TextEdit| {
        a != b && a.file == b.file && a.start < b.start + b.from.len() && b.start < a.start + a.from.len()
    };
    wanted.retain(|number, edits| {
        let Some(edit) = edits.iter().find(|edit| all.iter().any(|other| overlap(edit, other))) else { return true };
        found.left.insert(*number, NoEdit::Disagreement { place: place(sources, &edit.file, edit.start) });
        false
    });
}

/// Where something stands, for people.
fn place(sources: &Sources, file: &Path, at: usize) -> String {
    let bytes = sources.repository.reader.read(file).unwrap_or_default();
    let line = bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
    let shown = file.strip_prefix(&sources.repository.current_dir).unwrap_or(file);
    format!("{}:{line}", shown.display())
}

/// The texts of files with some edits in them.
fn texts<'e>(reader: &dyn Reader, edits: impl Iterator<Item = &'e TextEdit>) -> BTreeMap<PathBuf, (String, String)> {
    let mut by_file: BTreeMap<&Path, BTreeSet<&TextEdit>> = BTreeMap::new();
    for edit in edits {
        by_file.entry(&edit.file).or_default().insert(edit);
    }
    let text = |file: &Path| String::from_utf8(reader.read(file).ok()?).ok();
    let changed = |(file, edits): (&Path, BTreeSet<&TextEdit>)| {
        let old = text(file)?;
        let mut new = old.clone();
        // From the end, so that the places of the others stay what they are.
        for edit in edits.into_iter().rev() {
            new.replace_range(edit.start..edit.start + edit.from.len(), &edit.to);
        }
        Some((file.to_owned(), (old, new)))
    };
    by_file.into_iter().filter_map(changed).collect()
}

impl Resolving<'_> {
    /// The repository with other texts in some of its files.
    fn resolve(&self, texts: &BTreeMap<PathBuf, (String, String)>) -> (Sources, Resolution) {
        let files = texts.iter().map(|(file, (_, new))| (file.clone(), new.clone().into_bytes())).collect();
        let disk = Arc::new(Patched { repository: self.repository.clone(), files });
        let (sources, _) = sources::load(self.repository.clone().through(disk));
        let resolution = resolve(&sources, Drafts::none(&sources), self.nodes, self.variables);
        (sources, resolution)
    }

    /// The edits that make one change.
    fn edits(&self, sources: &Sources, before: &Resolution, change: &ImageChange) -> Result<Vec<TextEdit>, NoEdit> {
        let unknown = || NoEdit::Unusual { place: change.service.to_string() };
        let service = sources.services.get(&change.service).ok_or_else(unknown)?;
        let node = sources.nodes.get(&service.node).ok_or_else(unknown)?;
        let project = before.projects.get(&change.service).ok_or_else(unknown)?;
        let services = project.tree.get("services").and_then(|all| all.get(&change.container));
        let image = services.and_then(|service| service.get("image")).ok_or_else(unknown)?;
        let facts: Option<&NodeFacts<'_>> = match self.nodes.get(&service.node) {
            Some(NodeState::Known(facts)) => Some(facts),
            Some(NodeState::Unknown { .. } | NodeState::Maintenance) | None => None,
        };
        let args: BTreeMap<String, String> = self.variables.iter().cloned().collect();
        let project_dir = project_dir(service, node);
        let context = ServiceContext { sources, service, node, facts, args: &args, project_dir };
        let source = before.resolved.map.get(image.span.file);
        let file = self.repository.current_dir.join(&source.path);
        let unusual = || NoEdit::Unusual { place: place(sources, &file, image.span.start as usize) };
        let file = own_name(self.repository, &file).ok_or_else(unusual)?;
        let text = repository_text(sources, &file).filter(|text| **text == *source.text).ok_or_else(unusual)?;
        let inner = text_of_scalar(&text, span(image)).ok_or_else(unusual)?;
        let written = reference::Written { text: &text[inner.clone()], variables: &project.variables };
        let mut edits = Vec::new();
        for piece in written.changes(change.from.as_str(), change.to.as_str()).ok_or_else(unusual)? {
            edits.push(match piece.at {
                reference::At::Text(place) => {
                    TextEdit { file: file.clone(), start: inner.start + place.start, from: piece.from, to: piece.to }
                }
                reference::At::Variable(name) => {
                    let (file, place) = context.origin(&name, &piece.from)?;
                    let file = own_name(self.repository, &file).ok_or_else(unusual)?;
                    TextEdit { file, start: place.start, from: piece.from, to: piece.to }
                }
            });
        }
        Ok(edits)
    }

    /// The service and container that would be another although that is not meant, with these edits made; none if all is as
    /// it is to be.
    fn beyond(
        &self,
        before: &Homelab,
        changes: &[ImageChange],
        wanted: &BTreeMap<usize, BTreeSet<TextEdit>>,
    ) -> Option<String> {
        let edits: BTreeSet<&TextEdit> = wanted.values().flatten().collect();
        if edits.is_empty() {
            return None;
        }
        let reader = self.repository.reader.as_ref();
        let (_, after) = self.resolve(&texts(reader, edits.into_iter()));
        let meant: BTreeMap<(&ServiceName, &str), &ImageRef> = wanted
            .keys()
            .map(|number| &changes[*number])
            .map(|change| ((&change.service, change.container.as_str()), &change.to))
            .collect();
        difference(before, &after.resolved.homelab, &meant)
    }

    /// The changes that can be made without another, each tried on top of those before it.
    fn one_by_one(
        &self,
        before: &Homelab,
        changes: &[ImageChange],
        wanted: BTreeMap<usize, BTreeSet<TextEdit>>,
        found: &mut ImageEdits,
        sources: &Sources,
    ) -> BTreeMap<usize, BTreeSet<TextEdit>> {
        let mut accepted: BTreeMap<usize, BTreeSet<TextEdit>> = BTreeMap::new();
        for (number, edits) in &wanted {
            if accepted.contains_key(number) || found.left.contains_key(number) {
                continue;
            }
            // Others that are made by the same edits are made along with it.
            let along = wanted.iter().filter(|(_, others)| others.is_subset(edits));
            let mut tried = accepted.clone();
            tried.extend(along.clone().map(|(number, edits)| (*number, edits.clone())));
            match self.beyond(before, changes, &tried) {
                None => accepted = tried,
                Some(with) => {
                    let place = edits.first().map(|edit| place(sources, &edit.file, edit.start)).unwrap_or_default();
                    let why = NoEdit::Shared { place, with };
                    found.left.extend(along.map(|(number, _)| (*number, why.clone())));
                }
            }
        }
        accepted
    }
}

/// The text of a file of the repository.
fn repository_text(sources: &Sources, file: &Path) -> Option<String> {
    let repository = &sources.repository;
    if !file.starts_with(&repository.root) {
        return None;
    }
    String::from_utf8(repository.reader.read(file).ok()?).ok()
}

/// The name of a file of the repository that is no link, and leads through none; none for a file that is not in it.
fn own_name(repository: &Repository, file: &Path) -> Option<PathBuf> {
    let real = |path: &Path| repository.disk.real(path);
    Some(repository.root.join(real(file).strip_prefix(real(&repository.root)).ok()?))
}

fn span(node: &Node) -> Range<usize> {
    node.span.start as usize..node.span.end as usize
}

/// The first thing that is another in `after` although only the images of `meant` are to be; none if nothing is.
fn difference(before: &Homelab, after: &Homelab, meant: &BTreeMap<(&ServiceName, &str), &ImageRef>) -> Option<String> {
    let names: BTreeSet<&ServiceName> = before.services.keys().chain(after.services.keys()).collect();
    for name in names {
        let (Some(old), Some(new)) = (before.services.get(name), after.services.get(name)) else {
            return Some(name.to_string());
        };
        let address = |container: &str| format!("{}/{name} {container}", old.node);
        if old.containers.keys().ne(new.containers.keys()) || rest(old) != rest(new) {
            return Some(format!("{}/{name}", old.node));
        }
        for (key, container) in &old.containers {
            let expected = meant.get(&(name, container.compose_service.as_str())).copied();
            let expected = expected.unwrap_or(&container.spec.image);
            let other = &new.containers[key];
            if other.spec.image != *expected || settings(&container.spec) != settings(&other.spec) {
                return Some(address(&container.compose_service));
            }
        }
    }
    (before.unresolved != after.unresolved).then(|| "a service that is not known".to_owned())
}

/// A container without its image and what follows from the texts of files: those are meant to be others.
fn settings(spec: &ContainerSpec) -> ContainerSpec {
    ContainerSpec {
        image: ImageRef::default(),
        compose_labels: BTreeMap::new(),
        hashed: None,
        mounted_files: BTreeMap::new(),
        ..spec.clone()
    }
}

/// A service without its containers, its images and the texts of its files.
fn rest(service: &Service) -> Service {
    Service {
        containers: BTreeMap::new(),
        images: BTreeMap::new(),
        files: BTreeMap::new(),
        // The variables of the script are those of the homelab.
        health: None,
        ..service.clone()
    }
}

/// A reader that finds other texts in some files.
struct Patched {
    repository: Repository,
    /// By their own names.
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Patched {
    fn text(&self, path: &Path) -> Option<&Vec<u8>> {
        if self.files.is_empty() {
            return None;
        }
        self.files.get(path).or_else(|| self.files.get(&own_name(&self.repository, path)?))
    }
}

impl Reader for Patched {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        match self.text(path) {
            Some(bytes) => Ok(bytes.clone()),
            None => self.repository.disk.read(path),
        }
    }

    fn kind(&self, path: &Path) -> Kind {
        self.repository.disk.kind(path)
    }

    fn names(&self, path: &Path) -> Vec<String> {
        self.repository.disk.names(path)
    }

    fn size_and_mode(&self, path: &Path) -> Option<(u64, Option<u32>)> {
        let (size, mode) = self.repository.disk.size_and_mode(path)?;
        Some((self.text(path).map_or(size, |bytes| bytes.len() as u64), mode))
    }

    fn real(&self, path: &Path) -> PathBuf {
        self.repository.disk.real(path)
    }

    fn is_link(&self, path: &Path) -> bool {
        self.repository.disk.is_link(path)
    }

    fn refusal(&self, path: &Path) -> Option<Refusal> {
        self.repository.disk.refusal(path)
    }

    fn visibility(&self, path: &Path) -> Visibility {
        self.repository.disk.visibility(path)
    }
}

#[cfg(test)]
mod tests;

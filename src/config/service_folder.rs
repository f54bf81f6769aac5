//! The folders of services, found by the layout of the repository and read as far as they need no variable and no node.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::folders::{Folder, Found};
use super::layout::{self, Expects, Spot};
use super::placement::NODE;
use super::repository::Repository;
use super::secrets;
use super::section::Located;
use super::service::{self, Declaration};
use super::topology::{NodeSource, Topology};
use super::yaml_file::{READABLE, document, with_context};
use crate::compose;
use crate::compose::reader::{Files, Kind, MOST_TEXT, ReadError};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Span, Visibility};
use crate::envfile::{self, Outside};
use crate::model::name::{NodeName, ServiceName};

/// Reads the folders of all services.
pub(super) fn read_all(
    repository: &Repository,
    nodes: &BTreeMap<NodeName, NodeSource>,
    files: &mut Files<'_>,
    out: &mut Diagnostics,
    found: &mut Found,
) {
    let spots = spots(repository, nodes, &found.topology, files, out);
    let mut sharing: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    for spot in &spots {
        sharing.entry(spot.folder.clone()).or_default().insert(spot.name.clone());
    }
    let mut by_name: BTreeMap<String, Vec<Spot>> = BTreeMap::new();
    for spot in spots {
        by_name.entry(spot.name.clone()).or_default().push(spot);
    }
    for (name, mut spots) in by_name {
        one_or_one_a_node(&name, &mut spots, files, out);
        for spot in spots {
            if let Some(refusal) = files.refusal(&spot.folder) {
                out.push(ReadError::Refused(refusal).diagnostic(&files.shown(&spot.folder), ""));
                continue;
            }
            let is_shared = spot.file.is_some() || sharing[&spot.folder].len() > 1;
            let prefix = if is_shared { format!("{name}.") } else { String::new() };
            if let Some((name, folder)) = read(spot, prefix, &found.topology, files, out) {
                found.folders.entry(name).or_default().push(folder);
            }
        }
    }
    let own_file = |folder: &Folder| folder.path.join(own_name(&folder.prefix, secrets::FILE));
    let paths: Vec<PathBuf> = found.folders.values().flatten().map(own_file).collect();
    let opened = secrets::open_all(&paths, repository.keys.as_ref(), files, out);
    for ((folder, opened), path) in found.folders.values_mut().flatten().zip(opened).zip(&paths) {
        folder.secrets = opened.and_then(|opened| secrets::variables(opened, path, files, out));
    }
}

/// The places of all services: those that the topology names, and those that its patterns lead to.
fn spots(
    repository: &Repository,
    nodes: &BTreeMap<NodeName, NodeSource>,
    topology: &Topology,
    files: &Files<'_>,
    out: &mut Diagnostics,
) -> Vec<Spot> {
    let (reader, root) = (repository.reader.as_ref(), repository.root.as_path());
    let declared: BTreeSet<NodeName> = topology.nodes.keys().cloned().collect();
    let mut found = Vec::new();
    if topology.services_dir.is_empty() {
        found = layout::spots(layout::DEFAULT, root, &declared, reader);
    }
    for pattern in &topology.services_dir {
        let spots = layout::spots(&pattern.value, root, &declared, reader);
        let certain = pattern.value.split('/').take_while(|part| !part.contains(['*', '{']));
        let begins = root.join(certain.filter(|part| !matches!(*part, "" | ".")).collect::<PathBuf>());
        if let Some(refusal) = files.refusal(&begins) {
            let diagnostic = ReadError::Refused(refusal).diagnostic(&files.shown(&begins), "");
            out.push(diagnostic.at(pattern.span, "named here"));
        } else if spots.is_empty() {
            let words = format!("`services_dir` leads to nothing: no service is at `{}`", pattern.value);
            let hint =
                "write a folder whose folders are services, or a pattern such as `apps/*`, `{node}/*` or `apps/*.yml`";
            out.push(Diagnostic::warning(Code::EmptyHomelab, words).at(pattern.span, "").hint(hint));
        }
        found.extend(spots);
    }
    found.sort();
    found.dedup_by(|a, b| (&a.folder, &a.file) == (&b.folder, &b.file));
    let mut found = layout::without_doubles(found, reader);
    let mut named = Vec::new();
    for (name, (_, declaration)) in &topology.services {
        let Some(path) = &declaration.placement.path else { continue };
        let of_node = |node: Option<&NodeName>| {
            let below = node.map_or_else(|| path.value.clone(), |node| path.value.replace(NODE, node.as_str()));
            let parts = below.split('/').filter(|part| !matches!(*part, "" | "."));
            let (folder, node) = (root.join(parts.collect::<PathBuf>()), node.cloned());
            let name = name.as_str().to_owned();
            Spot { name, folder, file: None, node, expects: Expects::ComposeFile }
        };
        let places: Vec<Spot> = match (&declaration.placement.nodes, path.value.contains(NODE)) {
            (Some(wanted), true) => {
                let labelled = nodes.iter().map(|(name, source)| (name, &source.node.labels));
                wanted.value.chosen(labelled).into_iter().map(|node| of_node(Some(node))).collect()
            }
            (None, true) => declaration.owner_node.iter().map(|owner| of_node(Some(&owner.value))).collect(),
            (_, false) => vec![of_node(None)],
        };
        for place in places {
            if reader.kind(&place.folder) == Kind::Folder || files.refusal(&place.folder).is_some() {
                named.push((place, declaration));
            } else {
                let words = format!("the service `{name}` has no folder {}", files.shown(&place.folder).display());
                let hint = "check `path`; it starts from the root of the repository";
                out.push(Diagnostic::error(Code::UnknownService, words).at(path.span, "").hint(hint));
            }
        }
    }
    let is_taken = |spot: &Spot| {
        named.iter().any(|(place, declaration)| {
            let files = declaration.placement.files.iter().flatten();
            reader.real(&place.folder) == reader.real(&spot.folder)
                && spot.file.as_ref().is_none_or(|file| files.map(|f| f.value.as_str()).any(|named| named == file))
        })
    };
    if !named.is_empty() {
        found.retain(|spot| !is_taken(spot));
    }
    found.extend(named.into_iter().map(|(place, _)| place));
    found.sort();
    found
}

/// Leaves a service one place, or one on each of several machines.
fn one_or_one_a_node(name: &str, spots: &mut Vec<Spot>, files: &Files<'_>, out: &mut Diagnostics) {
    let mut nodes = BTreeSet::new();
    let mut doubled = Vec::new();
    let many = spots.len() > 1;
    spots.retain(|spot| {
        let is_first = match &spot.node {
            Some(node) => nodes.insert(Some(node.clone())) && !nodes.contains(&None),
            None => nodes.is_empty() && nodes.insert(None),
        };
        if many && !is_first {
            doubled.push(spot.clone());
        }
        is_first
    });
    let Some(first) = spots.first() else { return };
    for other in doubled {
        let shown = |spot: &Spot| match &spot.file {
            Some(file) => files.shown(&spot.folder.join(file)).display().to_string(),
            None => files.shown(&spot.folder).display().to_string(),
        };
        let words = format!("{} and {} would both be the service `{name}`", shown(first), shown(&other));
        let hint = format!(
            "name one of them below `services:` in inventory/topology.yaml: `{name}-2: {{ path: {} }}`",
            shown(&other)
        );
        out.push(Diagnostic::error(Code::Conflict, words).hint(hint));
    }
}

/// Reads one folder; none if it is of no service.
fn read(
    spot: Spot,
    prefix: String,
    topology: &Topology,
    files: &mut Files<'_>,
    out: &mut Diagnostics,
) -> Option<(ServiceName, Folder)> {
    let Spot { name, folder: path, file, node, expects } = spot;
    let file_id = |path: &Path, files: &mut Files<'_>| files.load(path, Visibility::Public).ok();
    let named = ServiceName::new(name.as_str());
    let said = named.as_ref().ok().and_then(|name| topology.services.get(name)).map(|(_, declaration)| declaration);
    let own_file = ["service.yaml", "service.yml"].map(|name| path.join(own_name(&prefix, name)));
    let own_file = own_file.into_iter().find(|path| files.kind(path) == Kind::File);
    let mut declaration = Declaration::default();
    let mut place = None;
    if let (Some(path), true) = (&own_file, named.is_ok()) {
        // An empty service.yaml says nothing, and that is allowed.
        let is_empty = files.load(path, Visibility::Public).is_ok_and(|f| is_blank(&files.text(f)));
        if !is_empty && let Some(tree) = document(path, files, out) {
            declaration = with_context(files, out, |context| service::parse(&tree, "", context));
            place = Some(Span { end: tree.span.start, ..tree.span });
        }
    }
    let said_files = said.and_then(|said| said.placement.files.as_ref());
    let is_named = said_files.is_some() || declaration.placement.files.is_some();
    let compose_files = match (&file, is_named) {
        (None, false) => compose_files(&path, files, out),
        (None, true) => Vec::new(),
        (Some(file), _) => vec![path.join(file)],
    };
    let first = compose_files.first().and_then(|path| file_id(path, files)).map(|file| Span::new(file, 0, 0));
    let named = match named {
        Ok(service) => service,
        Err(error) => {
            if !compose_files.is_empty() || own_file.is_some() {
                let shown = files.shown(&file.as_ref().map_or_else(|| path.clone(), |file| path.join(file)));
                let kind = if file.is_some() { "file" } else { "folder" };
                let words = format!("the {kind} {} cannot be a service: {error}", shown.display());
                let hint = format!("rename the {kind}");
                let diagnostic = Diagnostic::error(Code::InvalidName, words).hint(hint);
                let at = first.or_else(|| file_id(own_file.as_ref()?, files).map(|file| Span::new(file, 0, 0)));
                out.push(at.map_or(diagnostic.clone(), |at| diagnostic.at(at, "")));
            }
            return None;
        }
    };
    if compose_files.is_empty() && expects == Expects::Nothing && own_file.is_none() && said.is_none() {
        return None;
    }
    let env_example_path = example(&path, &prefix, files, out);
    let read = env_example_path.as_ref().and_then(|path| env_example(path, files, out));
    let (env_example_file, env_example) = read.unzip();
    let folder = Folder {
        file: file.and_then(|file| Some(Located::new(file, first?))),
        path,
        prefix,
        node,
        expects,
        compose_files,
        declaration,
        env_example,
        env_example_file,
        env_example_path,
        secrets: None,
        place: place.or(first),
    };
    Some((named, folder))
}

/// The Compose files of a folder: those that its `.env` names, else those that are called so.
fn compose_files(folder: &Path, files: &mut Files<'_>, out: &mut Diagnostics) -> Vec<PathBuf> {
    let env = files.bytes(&folder.join(".env")).ok().filter(|bytes| bytes.len() as u64 <= MOST_TEXT);
    let env = env.map(|bytes| envfile::values(&String::from_utf8_lossy(&bytes)));
    let env = env.unwrap_or_default();
    let value = |name: &str| env.get(name).map(String::as_str).unwrap_or_default();
    match compose::named_files(value("COMPOSE_FILE"), value("COMPOSE_PATH_SEPARATOR")) {
        named if named.is_empty() => compose::in_folder(folder, files, out),
        named => named.iter().map(|file| folder.join(file)).collect(),
    }
}

/// Whether nothing but comments is in a YAML text.
fn is_blank(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}

/// The names of the file of examples, the preferred one first.
const EXAMPLES: [&str; 2] = ["env.example", ".env.example"];

/// The name of a file of one of several services in a folder, and of the only one.
pub(super) fn own_name(prefix: &str, name: &str) -> String {
    match prefix {
        "" => name.to_owned(),
        prefix => format!("{prefix}{}", name.trim_start_matches('.')),
    }
}

/// The file of examples of a service.
fn example(folder: &Path, prefix: &str, files: &Files<'_>, out: &mut Diagnostics) -> Option<PathBuf> {
    let mut there = EXAMPLES.map(|name| folder.join(own_name(prefix, name))).into_iter();
    let path = there.find(|path| files.kind(path) == Kind::File)?;
    if let Some(second) = there.find(|other| *other != path && files.kind(other) == Kind::File) {
        let (first, second) = (files.shown(&path), files.shown(&second));
        let words = format!("{} is used, and {} is not read", first.display(), second.display());
        out.push(Diagnostic::warning(Code::SurprisingValue, words).hint("remove the one that is not meant"));
    }
    Some(path)
}

/// The file and what it sets. What it takes from `vars` is looked up once the owner is known.
fn env_example(path: &Path, files: &mut Files<'_>, out: &mut Diagnostics) -> Option<(FileId, envfile::Assignments)> {
    match files.load(path, Visibility::Public) {
        Ok(file) => {
            let mut said = Diagnostics::default();
            let found = envfile::parse(&files.text(file), file, Outside::NOTHING, &mut said);
            said.iter().filter(|d| d.code != Code::VariableUnset).for_each(|d| out.push(d.clone()));
            Some((file, found))
        }
        Err(error) => {
            out.push(error.diagnostic(&files.shown(path), READABLE));
            None
        }
    }
}

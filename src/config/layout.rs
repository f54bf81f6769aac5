//! Where a repository keeps its services: `services_dir` of the topology, and the places that it leads to.
//!
//! A pattern is a path of the repository, part by part; `*` fits any characters of one part, `{node}` the name of a machine,
//! which then owns what is below it. A path without any of them is a folder of services. This module knows names of folders
//! and files alone, and nothing of what is in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::placement::NODE;
use crate::compose::OVERRIDE_NAMES;
use crate::compose::reader::{Kind, Reader};
use crate::model::ignore::Ignore;
use crate::model::name::NodeName;

/// Where services are found unless the topology says otherwise.
pub(super) const DEFAULT: &str = "services";

/// Folders of the repository that are no services, wherever services may be.
const RESERVED: [&str; 2] = ["inventory", "state"];

/// A place where a service is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    /// The name of its folder, or of its file without what tells the kind of file.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its Compose file, if it is one of several services of the folder.
    pub file: Option<String>,
    /// The machine that the path names.
    pub node: Option<NodeName>,
    /// Whether it is a service for what it is called, so that a Compose file is missed where there is none.
    pub expects: Expects,
}

/// The contents that are expected of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Expects {
    /// It is among services: without a Compose file it is said to be of no use.
    ComposeFile,
    /// It may be anything.
    Nothing,
}

/// A part of a pattern.
enum Part {
    Exact(String),
    Node,
    Fits(Ignore),
}

/// A folder on the way, with the machine that its path names.
type Way = (PathBuf, Option<NodeName>);

/// The places that a pattern leads to, in the order of their paths.
pub(super) fn spots(pattern: &str, root: &Path, nodes: &BTreeSet<NodeName>, reader: &dyn Reader) -> Vec<Spot> {
    let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
    let mut words: Vec<&str> = pattern.split('/').filter(|word| !matches!(*word, "" | ".")).collect();
    let is_folder = !pattern.contains(['*', '{']) && !is_yaml(pattern);
    let expects = if is_folder && !words.is_empty() { Expects::ComposeFile } else { Expects::Nothing };
    if is_folder {
        words.push("*");
    }
    let Some((last, above)) = words.split_last() else { return Vec::new() };
    let mut ways: Vec<Way> = vec![(root.to_owned(), None)];
    for word in above {
        ways = ways.iter().flat_map(|way| steps(way, word, nodes, reader)).collect();
        ways.retain(|(path, _)| reader.kind(path) == Kind::Folder);
    }
    let found = ways.iter().flat_map(|way| {
        let above = &way.0;
        steps(way, last, nodes, reader).into_iter().filter_map(move |(path, node)| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            match reader.kind(&path) {
                Kind::Folder if !is_yaml(last) => Some(Spot { name, folder: path, file: None, node, expects }),
                Kind::File if is_yaml(last) && is_service_file(&name) => {
                    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).to_owned();
                    Some(Spot { name: stem, folder: above.clone(), file: Some(name), node, expects })
                }
                Kind::Folder | Kind::File | Kind::Missing => None,
            }
        })
    });
    let mut found: Vec<Spot> = found.collect();
    found.sort();
    found
}

/// Where a new service would be, by a pattern; none where the pattern has no one place for it, or none by its name.
pub(super) fn new_spot(pattern: &str, root: &Path, name: &str, node: &NodeName) -> Option<Spot> {
    let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
    let mut words: Vec<&str> = pattern.split('/').filter(|word| !matches!(*word, "" | ".")).collect();
    if !pattern.contains(['*', '{']) && !is_yaml(pattern) {
        words.push("*");
    }
    let (last, above) = words.split_last()?;
    let (mut folder, mut owner) = (root.to_owned(), None);
    for word in above {
        match *word {
            NODE => {
                folder.push(node.as_str());
                owner = Some(node.clone());
            }
            word if word.contains('*') => return None,
            word => folder.push(word),
        }
    }
    let ending = [".yml", ".yaml"].into_iter().find(|ending| last.ends_with(ending)).unwrap_or_default();
    let entry = format!("{name}{ending}");
    let fits = last.contains('*') && Ignore::parse(last).leaves_out(&entry) && !RESERVED.contains(&entry.as_str());
    let is_file = !ending.is_empty();
    (fits && (!is_file || is_service_file(&entry))).then(|| Spot {
        name: name.to_owned(),
        folder: if is_file { folder.clone() } else { folder.join(name) },
        file: is_file.then_some(entry),
        node: owner,
        expects: Expects::ComposeFile,
    })
}

/// The entries of a folder that fit a part.
fn steps((path, node): &Way, word: &str, nodes: &BTreeSet<NodeName>, reader: &dyn Reader) -> Vec<Way> {
    let part = match word {
        NODE => Part::Node,
        word if word.contains('*') => Part::Fits(Ignore::parse(word)),
        word => Part::Exact(word.to_owned()),
    };
    if let Part::Exact(name) = part {
        return vec![(path.join(name), node.clone())];
    }
    let names =
        reader.names(path).into_iter().filter(|name| !name.starts_with('.') && !RESERVED.contains(&name.as_str()));
    let fitting = names.filter_map(|name| match &part {
        Part::Node => {
            let owner = nodes.iter().find(|node| node.as_str() == name)?.clone();
            Some((path.join(name), Some(owner)))
        }
        Part::Fits(pattern) => pattern.leaves_out(&name).then(|| (path.join(&name), node.clone())),
        Part::Exact(_) => None,
    });
    fitting.collect()
}

/// Whether a pattern or a name is of Compose files.
fn is_yaml(name: &str) -> bool {
    name.ends_with(".yml") || name.ends_with(".yaml")
}

/// Whether a file that fits is one of a service: what lies beside it under its name says more about the service.
fn is_service_file(name: &str) -> bool {
    let stem = name.trim_end_matches(".yaml").trim_end_matches(".yml");
    !stem.ends_with(".service") && !stem.ends_with(".override") && !OVERRIDE_NAMES.contains(&name)
}

/// Leaves out links that lead to another place that was found, or to the same one as another link: by whatever name, it is
/// one folder.
pub(super) fn without_doubles(spots: Vec<Spot>, reader: &dyn Reader) -> Vec<Spot> {
    let (links, mut left): (Vec<Spot>, Vec<Spot>) =
        spots.into_iter().partition(|spot| spot.file.is_none() && reader.is_link(&spot.folder));
    if links.is_empty() {
        return left;
    }
    let mut known: BTreeSet<PathBuf> = left.iter().map(|spot| reader.real(&spot.folder)).collect();
    left.extend(links.into_iter().filter(|link| known.insert(reader.real(&link.folder))));
    left.sort();
    left
}

//! Where the files of a service are, and on which machines it runs: the keys of a service that say what differs from the
//! layout of the repository.

use std::collections::BTreeMap;

use super::section::{self, Context, Located, Section};
use super::written_names::node_name;
use crate::compose::yaml::{Node, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::name::NodeName;

/// The word that stands for the name of the machine in paths.
pub(super) const NODE: &str = "{node}";

/// The place of a service as it says it itself; none for a key that is not written.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    /// Its folder, relative to the repository.
    pub path: Option<Located<String>>,
    /// Its Compose files, relative to its folder, each above those before it.
    pub files: Option<Vec<Located<String>>>,
    /// The profiles of its Compose files that are enabled.
    pub profiles: Option<Vec<Located<String>>>,
    /// Its env files in the place of `.env`, relative to its folder, each above those before it.
    pub env_files: Option<Vec<Located<String>>>,
    /// The machines on each of which it runs.
    pub nodes: Option<Located<Nodes>>,
}

/// The machines of a service that runs on several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nodes {
    /// Every one.
    All,
    /// These.
    Named(Vec<Located<NodeName>>),
    /// The ones with this label, whatever its value, or with this value.
    Labelled {
        /// The label.
        name: String,
        /// The value that it must have.
        value: Option<String>,
    },
}

impl Placement {
    /// Reads the keys of a service.
    pub(super) fn parse(section: &Section<'_>, context: &mut Context<'_>) -> Self {
        let mut paths = |key: &str| {
            let all = section.texts(key, context)?;
            let all: Vec<_> =
                all.into_iter().filter_map(|path| relative(path, &section.path_of(key), context)).collect();
            Some(all).filter(|all| !all.is_empty())
        };
        let (files, env_files) = (paths("files"), paths("env_files"));
        let path = section.text("path", context).and_then(|path| inside(path, &section.path_of("path"), context));
        Self {
            path,
            files,
            env_files,
            profiles: section.texts("profiles", context),
            nodes: section.get("nodes").and_then(|node| nodes(node, &section.path_of("nodes"), context)),
        }
    }

    /// This one, and below it what another file says.
    pub fn over(self, other: Self) -> Self {
        Self {
            path: self.path.or(other.path),
            files: self.files.or(other.files),
            profiles: self.profiles.or(other.profiles),
            env_files: self.env_files.or(other.env_files),
            nodes: self.nodes.or(other.nodes),
        }
    }
}

impl Nodes {
    /// The machines that are meant, each with its labels.
    pub fn chosen<'n>(
        &self,
        nodes: impl Iterator<Item = (&'n NodeName, &'n BTreeMap<String, String>)>,
    ) -> Vec<&'n NodeName> {
        let is_chosen = |name: &NodeName, labels: &BTreeMap<String, String>| match self {
            Nodes::All => true,
            Nodes::Named(names) => names.iter().any(|named| named.value == *name),
            Nodes::Labelled { name, value } => {
                labels.get(name).is_some_and(|has| value.as_ref().is_none_or(|wanted| wanted == has))
            }
        };
        nodes.filter(|(name, labels)| is_chosen(name, labels)).map(|(name, _)| name).collect()
    }
}

fn nodes(node: &Node, path: &str, context: &mut Context<'_>) -> Option<Located<Nodes>> {
    let found = match &node.value {
        Value::Text(word) if word == "all" => Nodes::All,
        Value::Text(word) => {
            context.wrong_type(node, path, "a list, a label or `all`", format!("write `[{word}]`"));
            return None;
        }
        Value::List(items) => {
            let names = items.iter().filter_map(|item| node_name(section::text(item, path, context)?, context));
            Nodes::Named(names.collect())
        }
        Value::Map(_) => {
            let section = section::open(node, path, &["label"], context)?;
            let label = section.text("label", context)?;
            let (name, value) = match label.value.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (label.value, None),
            };
            Nodes::Labelled { name, value }
        }
        _ => {
            context.wrong_type(node, path, "a list, a label or `all`", "write `[nas, pi]`, `all` or `{ label: gpu }`");
            return None;
        }
    };
    Some(Located::new(found, node.span))
}

/// A path that starts from a folder of the repository.
pub(super) fn relative(path: Located<String>, key: &str, context: &mut Context<'_>) -> Option<Located<String>> {
    if !path.value.is_empty() && !path.value.starts_with(['/', '~']) {
        return Some(path);
    }
    let words = format!("`{key}` cannot have `{}`", path.value);
    let hint = "write a path that starts from the service's folder, without a slash at its beginning";
    context.out.push(Diagnostic::error(Code::InvalidValue, words).at(path.span, "").hint(hint));
    None
}

/// A path that starts from the repository's root and stays in it.
pub(super) fn inside(path: Located<String>, key: &str, context: &mut Context<'_>) -> Option<Located<String>> {
    let is_inside =
        !path.value.is_empty() && !path.value.starts_with(['/', '~']) && path.value.split('/').all(|part| part != "..");
    if is_inside {
        return Some(path);
    }
    let words = format!("`{key}` cannot be `{}`", path.value);
    let hint = "write a path that starts from the root of the repository and stays in it, such as `stacks`";
    context.out.push(Diagnostic::error(Code::InvalidValue, words).at(path.span, "").hint(hint));
    None
}

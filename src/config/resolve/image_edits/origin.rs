//! Where the value of a variable is written.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{repository_text, span};
use crate::compose::reader::Kind;
use crate::compose::yaml::{self, Node, text_of_scalar};
use crate::config::resolve::ServiceContext;
use crate::diagnostic::{Diagnostics, SourceMap, Visibility};
use crate::envfile;
use crate::model::updates::NoEdit;

impl ServiceContext<'_> {
    /// The file of the repository in which a variable has its value, and where in it; or why that is not edited. The order
    /// is the one in which values count.
    pub(super) fn origin(&self, name: &str, value: &str) -> Result<(PathBuf, Range<usize>), NoEdit> {
        let variable = name.to_owned();
        if self.args.contains_key(name) {
            return Err(NoEdit::Given { variable });
        }
        let beside: Vec<PathBuf> = self.env_files().iter().map(|file| self.in_folder(&file.path)).collect();
        let is_beside = |path: &str| beside.iter().any(|file| file == Path::new(path));
        for (path, bytes) in self.node_envs().into_iter().rev().filter(|(path, _)| !is_beside(path)) {
            if envfile::values(&String::from_utf8_lossy(bytes)).contains_key(name) {
                return Err(NoEdit::OnNode { variable, path: self.on_node(&path) });
            }
        }
        let composed = || NoEdit::Composed { variable: variable.clone() };
        let in_env_file = |file: &Path| {
            let text = repository_text(self.sources, file)?;
            envfile::values(&text).contains_key(name).then(|| {
                let place = envfile::text_of_value(&text, name).filter(|place| text[place.clone()] == *value);
                place.map(|place| (file.to_owned(), place)).ok_or_else(composed)
            })
        };
        if let Some(found) = beside.iter().rev().find_map(|file| in_env_file(file)) {
            return found;
        }
        if self.service.secrets.as_ref().is_some_and(|secrets| secrets.contains_key(name)) {
            return Err(composed());
        }
        if let Some(found) = self.service.env_example_path.as_deref().and_then(in_env_file) {
            return found;
        }
        self.in_inventory(name, value).ok_or_else(composed)
    }

    /// Where the inventory has the value of a variable: for the node, else for the homelab.
    fn in_inventory(&self, name: &str, value: &str) -> Option<(PathBuf, Range<usize>)> {
        let inventory = self.sources.repository.root.join("inventory");
        let topology = inventory.join("topology.yaml");
        let node = self.service.node.as_str();
        if self.node.vars.contains_key(name) {
            let hosts = ["yaml", "yml"].map(|ending| inventory.join(format!("hosts/{node}.{ending}")));
            let mut hosts = hosts.iter().filter(|file| self.reader().kind(file) == Kind::File);
            let of_node = self.in_yaml(&topology, &["nodes", node, "vars", name], value);
            return of_node.or_else(|| hosts.find_map(|file| self.in_yaml(file, &["vars", name], value)));
        }
        self.in_yaml(&topology, &["vars", name], value)
    }

    fn in_yaml(&self, file: &Path, keys: &[&str], value: &str) -> Option<(PathBuf, Range<usize>)> {
        let text = repository_text(self.sources, file)?;
        let id = SourceMap::default().add("", text.as_str(), Visibility::Public);
        let documents = yaml::parse(&text, id, &mut Diagnostics::default());
        let node = keys.iter().try_fold(documents.first()?, |node: &Node, key| node.get(key))?;
        let place = text_of_scalar(&text, span(node)).filter(|place| text[place.clone()] == *value)?;
        Some((file.to_owned(), place))
    }
}

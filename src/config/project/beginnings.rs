//! Paths of the machine that lack their beginning: `${DATA}/photos` without `DATA` is `/photos`, some other folder.

use super::{Builder, entries, services};
use crate::compose::yaml::Node;
use crate::diagnostic::{Code, Diagnostic};
use crate::envfile::template::Lookup;

impl Builder<'_> {
    /// Reports every such path that a container of the project gets to see.
    pub(super) fn check_beginnings(&mut self) {
        let project = self.project;
        let list = |node: &'_ Node, key: &str| node.get(key).and_then(Node::as_list).unwrap_or_default().to_vec();
        let mut paths: Vec<Node> = Vec::new();
        for (_, service) in services(project) {
            let mounted = ["volumes", "devices"].into_iter().flat_map(|key| list(&service.node, key));
            paths.extend(mounted.filter_map(|mount| mount.get("source").cloned()));
            paths.extend(service.node.get("build").and_then(|build| build.get("context")).cloned());
        }
        for (kind, keys) in
            [("secrets", &["file"][..]), ("configs", &["file"]), ("volumes", &["driver_opts", "device"])]
        {
            let resources = entries(&project.tree, kind).into_iter().flatten();
            paths.extend(
                resources
                    .filter_map(|(_, entry)| keys.iter().try_fold(&entry.node, |node, key| node.get(key)).cloned()),
            );
        }
        paths.sort_by_key(|path| path.span);
        paths.dedup_by_key(|path| path.span);
        for path in paths {
            let Some(name) = project.rootless_paths.get(&path.span) else { continue };
            let is_empty = Lookup::get(&project.variables, name).is_none_or(|(value, _)| value.is_empty());
            let (words, hint) = match is_empty {
                true => (
                    format!("the path begins with variable `{name}`, which is empty"),
                    format!("give `{name}` a value, or write `${{{name}:-}}` where nothing is meant"),
                ),
                false => (
                    format!("the path begins with variable `{name}`, whose value begins with one that is empty"),
                    format!("set what `{name}` begins with in `vars`, or write the path out"),
                ),
            };
            let detail = "It would be that of something else of the machine.";
            self.out.push(Diagnostic::error(Code::VariableUnset, words).at(path.span, "").detail(detail).hint(hint));
        }
    }
}

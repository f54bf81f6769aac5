//! Relative paths → absolute ones, against the folder of a project or of an included or extended file.
//!
//! Follows compose-go's `paths` package, as text: the folder may be one of another machine, so nothing is looked up.

use super::syntax::path::{expand_home, is_windows_absolute, join};
use super::tree_path::TreePath;
use crate::compose::yaml::{Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};

/// The folders that relative paths and `~` start from.
#[derive(Clone, Copy, Debug)]
pub struct Base<'a> {
    /// The folder; absolute, or relative where the caller resolves the rest later.
    pub dir: &'a str,
    /// The home folder; `~` stays as it is without one.
    pub home: Option<&'a str>,
}

impl Base<'_> {
    /// An absolute path as it is, any other joined to the folder; an empty one stays empty.
    pub fn absolute(self, path: &str) -> String {
        let path = expand_home(path, self.home);
        if path.is_empty() || path.starts_with('/') { path } else { join(self.dir, &path) }
    }

    /// The same for a path of the host that is mounted: one of Windows is absolute, too, an empty one is the folder, and
    /// one that begins with `~` stays as it is where the home folder is not known.
    fn mountable(self, path: &str) -> String {
        let path = expand_home(path, self.home);
        let is_whole = path.starts_with('/') || path.starts_with('~') || is_windows_absolute(&path);
        if is_whole { path } else { join(self.dir, &path) }
    }

    /// The same for a build context, which may be remote or another service.
    fn context(self, context: &str) -> String {
        const REMOTE: [&str; 7] = ["service:", "https://", "http://", "git://", "ssh://", "github.com/", "git@"];
        let is_remote = context.contains("://") || REMOTE.iter().any(|prefix| context.starts_with(prefix));
        if is_remote { context.into() } else { self.mountable(context) }
    }
}

/// Resolves every path of a canonical tree in place.
pub fn resolve(project: &mut Node, base: Base<'_>, diagnostics: &mut Diagnostics) {
    let services = TreePath::ROOT.key("services");
    for (name, entry) in project.get_mut("services").and_then(Node::as_map_mut).into_iter().flatten() {
        resolve_service(&mut entry.node, base, services.key(name), diagnostics);
    }
    for kind in ["configs", "secrets"] {
        for (_, entry) in project.get_mut(kind).and_then(Node::as_map_mut).into_iter().flatten() {
            replace(entry.node.get_mut("file"), |path| base.mountable(path));
        }
    }
    for (_, entry) in project.get_mut("volumes").and_then(Node::as_map_mut).into_iter().flatten() {
        resolve_volume_device(&mut entry.node, base);
    }
}

fn resolve_service(service: &mut Node, base: Base<'_>, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    for (key, entry) in service.as_map_mut().into_iter().flatten() {
        let node = &mut entry.node;
        match key.as_str() {
            "build" => resolve_build(node, base),
            "env_file" => each(node, |file| replace(file.get_mut("path"), |path| base.absolute(path))),
            "label_file" => each(node, |file| replace(Some(file), |path| base.absolute(path))),
            "extends" => replace(node.get_mut("file"), |path| base.absolute(path)),
            "develop" => {
                if let Some(watch) = node.get_mut("watch") {
                    each(watch, |trigger| replace(trigger.get_mut("path"), |path| base.absolute(path)));
                }
            }
            "volumes" => {
                let at = at.key(key);
                for (i, mount) in node.as_list_mut().into_iter().flatten().enumerate() {
                    resolve_mount(mount, base, at.item(i), diagnostics);
                }
            }
            _ => {}
        }
    }
}

fn resolve_build(build: &mut Node, base: Base<'_>) {
    replace(build.get_mut("context"), |context| base.context(context));
    for (_, entry) in build.get_mut("additional_contexts").and_then(Node::as_map_mut).into_iter().flatten() {
        replace(Some(&mut entry.node), |context| base.context(context));
    }
    for (_, entry) in build.get_mut("ssh").and_then(Node::as_map_mut).into_iter().flatten() {
        replace(Some(&mut entry.node), |path| base.mountable(path));
    }
}

fn resolve_mount(mount: &mut Node, base: Base<'_>, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    if mount.get("type").and_then(Node::as_text) != Some("bind") {
        return;
    }
    if mount.get("source").is_none() {
        diagnostics.push(
            Diagnostic::error(Code::MissingKey, format!("{at} has no `source`"))
                .at(mount.span, "a bind mount needs the path on the host"),
        );
    }
    replace(mount.get_mut("source"), |path| base.mountable(path));
}

/// A local volume that is a bind mount in disguise.
fn resolve_volume_device(volume: &mut Node, base: Base<'_>) {
    if volume.get("driver").and_then(Node::as_text) != Some("local") {
        return;
    }
    if let Some(options) = volume.get_mut("driver_opts")
        && options.get("o").and_then(Node::as_text) == Some("bind")
    {
        replace(options.get_mut("device"), |path| base.mountable(path));
    }
}

fn each(list: &mut Node, apply: impl FnMut(&mut Node)) {
    list.as_list_mut().into_iter().flatten().for_each(apply);
}

fn replace(node: Option<&mut Node>, resolve: impl FnOnce(&str) -> String) {
    if let Some(Value::Text(path)) = node.map(|n| &mut n.value) {
        *path = resolve(path);
    }
}

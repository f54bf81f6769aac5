//! Configs and secrets: files of the machine that are mounted, and contents that are copied in.

use super::conversions::{number, secret_aware};
use super::{Builder, Purpose, entries};
use crate::compose::yaml::Node;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::Text;
use crate::model::spec::{ContainerSpec, CopiedFile, Mount, MountKind};

/// The two kinds of file that a project declares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FileKind {
    Config,
    Secret,
}

impl FileKind {
    fn key(self) -> &'static str {
        match self {
            FileKind::Config => "configs",
            FileKind::Secret => "secrets",
        }
    }

    /// Where a file goes that names no absolute target.
    fn folder(self) -> &'static str {
        match self {
            FileKind::Config => "/",
            FileKind::Secret => "/run/secrets/",
        }
    }
}

impl Builder<'_> {
    /// Sets the files that the service's configs and secrets are.
    pub(super) fn set_files(&mut self, service: &Node, spec: &mut ContainerSpec) {
        for kind in [FileKind::Config, FileKind::Secret] {
            for node in service.get(kind.key()).and_then(Node::as_list).into_iter().flatten() {
                self.set_file(kind, node, spec);
            }
        }
    }

    fn set_file(&mut self, kind: FileKind, node: &Node, spec: &mut ContainerSpec) {
        let Some(source) = self.plain(node.get("source")) else { return };
        let Some(defined) = entries(&self.project.tree, kind.key()).and_then(|all| all.get(&source)) else { return };
        let defined = &defined.node;
        if super::network::is_external(defined) {
            let words = format!("`{source}` is external, and only a swarm has external {}", kind.key());
            let hint = "give it a `file`, or a variable with `environment`";
            self.out.push(Diagnostic::error(Code::UnsupportedKey, words).at(node.span, "").hint(hint));
            return;
        }
        let target = match self.plain(node.get("target")) {
            None => format!("{}{source}", kind.folder()),
            Some(target) if target.starts_with('/') => target,
            Some(target) => format!("{}{target}", kind.folder()),
        };
        if defined.get("environment").is_some() || defined.get("content").is_some() {
            self.copy_in(kind, defined, node, target, spec);
            return;
        }
        for key in ["uid", "gid", "mode"] {
            if let Some(option) = node.get(key) {
                let words = format!("`{key}` has no effect on a {} from a file", kind.key().trim_end_matches('s'));
                let detail = "Docker Compose mounts the file as it is on the machine.";
                let hint = format!("remove it, and set `{key}` of the file itself");
                self.out.push(Diagnostic::warning(Code::NoEffect, words).at(option.span, "").detail(detail).hint(hint));
            }
        }
        let Some(path) = self.plain(defined.get("file")).and_then(|path| self.host_path(path, node)) else { return };
        let purpose = if kind == FileKind::Secret { Purpose::Secret } else { Purpose::Read };
        self.reads(&path, &target, purpose, node.span);
        let bind =
            MountKind::Bind { source: path, propagation: None, selinux: None, must_exist: true, recursive: None };
        spec.mounts.insert(target, Mount { kind: bind, read_only: true });
    }

    fn copy_in(&mut self, kind: FileKind, defined: &Node, node: &Node, target: String, spec: &mut ContainerSpec) {
        let Some(content) = defined.get("content").and_then(secret_aware) else {
            let variable = self.plain(defined.get("environment")).unwrap_or_default();
            let span = defined.get("environment").map_or(node.span, |n| n.span);
            let words = format!("`{variable}` has no value");
            let hint = format!("set `{variable}` in the .env of the service on its node");
            self.out.push(Diagnostic::error(Code::VariableRequired, words).at(span, "").hint(hint));
            return;
        };
        let content = match (kind, content) {
            (FileKind::Secret, Text::Plain(text)) => Text::of_secret(text),
            (_, content) => content,
        };
        // Compose copies no file without content.
        if content.expose() == Some("") {
            return;
        }
        let mut owner = |key: &str| {
            let node = node.get(key)?;
            let text = self.plain(Some(node))?;
            let number = text.parse::<u64>().ok();
            if number.is_none() {
                let words = format!("`{key}` cannot be `{text}`");
                let diagnostic = Diagnostic::error(Code::InvalidValue, words).at(node.span, "");
                self.out.push(diagnostic.hint("write a number, such as \"1000\""));
            }
            number
        };
        let (uid, gid) = (owner("uid").unwrap_or(0), owner("gid").unwrap_or(0));
        let mode = number(node.get("mode")).and_then(|m| u32::try_from(m).ok()).unwrap_or(CopiedFile::MODE);
        spec.files.insert(target, CopiedFile { content, uid, gid, mode });
    }
}

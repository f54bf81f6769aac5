//! The first thing that a service needs on its node beside the engine, and that hl may not or cannot do there.

use std::path::Path;

use super::ServiceContext;
use super::env::ServiceEnv;
use super::hindrance::Hindrance;
use crate::model::homelab::{Access, Service};
use crate::model::spec::{FileContent, Mount, MountKind};

impl ServiceContext<'_> {
    /// The first thing that hl would have to do on the node, beside its engine, and may not or cannot.
    pub(super) fn not_writable(&self, service: &Service, env: &ServiceEnv) -> Option<Hindrance> {
        let facts = self.facts?;
        let is_missing = |path: &String| !facts.files.contains_key(path.as_str());
        let directories = service.directories.values().map(|d| &d.path).filter(|path| is_missing(path));
        let files = service.files.values().filter(|file| match &file.content {
            FileContent::Exactly(bytes) | FileContent::Secret(bytes) => {
                let there = facts.files.get(file.path.as_str()).copied().flatten();
                there.is_none_or(|there| there != bytes.as_slice())
            }
            FileContent::Variables(_) => env.grows || is_missing(&file.path),
        });
        let path = directories.chain(files.map(|file| &file.path)).find(|path| facts.not_writable.contains(*path));
        match (path, self.has_shell(), &service.health) {
            (Some(path), _, _) => Some(Hindrance::NotWritable { path: path.clone() }),
            (None, false, Some(script)) => Some(Hindrance::NotRunnable { script: script.path.clone() }),
            (None, true, _) | (None, false, None) => None,
        }
    }

    /// Takes those of the service's own folders out that are not there, that nothing needs and that hl may not make: a
    /// service that is containers alone goes on without them.
    pub(super) fn drop_unneeded_folders(&self, service: &mut Service) {
        let Some(facts) = self.facts else { return };
        let node = &self.node.node;
        let paths = [node.data_dir(&service.name), node.config_dir(&service.name)];
        let mounts: Vec<&Mount> = service.containers.values().flat_map(|c| c.spec.mounts.values()).collect();
        let is_mounted = |folder: &str| {
            let below = |source: &str| Path::new(source).starts_with(folder);
            mounts.iter().any(|m| matches!(&m.kind, MountKind::Bind { source, .. } if below(source)))
        };
        let is_needed = |folder: &String| {
            let is_inside = |path: &str| Path::new(path).starts_with(folder);
            is_mounted(folder)
                || service.files.values().any(|file| is_inside(&file.path))
                || service.health.is_some() && is_inside(&service.project_dir)
        };
        let is_closed =
            |path: &String| !facts.files.contains_key(path.as_str()) && facts.not_writable.contains(path.as_str());
        let dropped: Vec<&String> = paths.iter().filter(|path| is_closed(path) && !is_needed(path)).collect();
        service.directories.retain(|_, directory| !dropped.contains(&&directory.path));
    }

    /// Whether the node's files and programs can be reached at all.
    pub(super) fn has_shell(&self) -> bool {
        self.node.node.address.access() != Access::EngineOnly
    }
}

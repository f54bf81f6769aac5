//! The first path of a service that is on its node and that hl may not read: without it nothing of the service is known for
//! certain, and the other services go on.

use super::hindrance::Hindrance;
use super::{ServiceContext, at_service};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::homelab::Service;

impl ServiceContext<'_> {
    /// The first such path, with why.
    pub(super) fn unreadable(&self, service: Option<&Service>) -> Option<Hindrance> {
        let facts = self.facts?;
        let (node, name) = (&self.node.node, &self.service.name);
        let own = [self.node_env_path(), node.data_dir(name), node.config_dir(name)];
        let own: Vec<String> = own.into_iter().chain(self.project_env_paths()).collect();
        let directories = service.into_iter().flat_map(|s| s.directories.values().map(|directory| &directory.path));
        let files = service.into_iter().flat_map(|s| s.files.values().map(|file| &file.path));
        let mut all = own.iter().chain(directories).chain(files);
        let (path, why) = all.find_map(|path| Some((path, facts.unreadable.get(path)?)))?;
        Some(Hindrance::Unreadable { path: path.clone(), why: why.to_lowercase() })
    }

    /// The diagnostic for what is closed to hl on the node.
    pub(super) fn closed(&self, hindrance: &Hindrance) -> Diagnostic {
        let (service, node) = (&self.service.name, &self.service.node);
        let words = format!("{} on `{node}`, so `{service}` is not planned", hindrance.words(&self.node.node));
        at_service(self.service, Code::NodeClosed, words)
            .as_warning()
            .hint(hindrance.way_out(&self.node.node, &self.node_env_path()))
    }
}

//! The first path of a service that is on its node and that hl may not read: without it nothing of the service is known for
//! certain, and the other services go on.

use super::{ServiceContext, at_service, project_env_path};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::homelab::{Access, Service};

impl ServiceContext<'_> {
    /// The first such path, with why.
    pub(super) fn unreadable(&self, service: Option<&Service>) -> Option<String> {
        let facts = self.facts?;
        let (node, name) = (&self.node.node, &self.service.name);
        let own =
            [self.node_env_path(), project_env_path(&self.project_dir), node.data_dir(name), node.config_dir(name)];
        let directories = service.into_iter().flat_map(|s| s.directories.values().map(|directory| &directory.path));
        let files = service.into_iter().flat_map(|s| s.files.values().map(|file| &file.path));
        let mut all = own.iter().chain(directories).chain(files);
        let (path, why) = all.find_map(|path| Some((path, facts.unreadable.get(path)?)))?;
        Some(format!("hl may not read {path}: {}", why.to_lowercase()))
    }

    pub(super) fn is_unreadable(&self, what: &str) -> Diagnostic {
        let (service, node) = (&self.service.name, &self.service.node);
        let words = format!("{what} on `{node}`, so `{service}` is not planned");
        let hint = match self.node.node.address.access() {
            Access::RemoteShell => {
                "give it to hl's user there: `sudo chown USER PATH`, or let that user become root without a password (sudo)"
            }
            Access::ThisMachine | Access::Memory | Access::EngineOnly => {
                "give it to the user who runs hl: `sudo chown USER PATH`"
            }
        };
        at_service(self.service, Code::NodeClosed, words).as_warning().hint(hint)
    }
}

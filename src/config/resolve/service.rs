//! One service out of its parts.

use std::collections::BTreeMap;

use super::builds::Builds;
use super::env::ServiceEnv;
use super::secret_settings::secret_settings;
use super::{ServiceContext, at_service};
use crate::compose::Project;
use crate::config::project::Resources;
use crate::config::renamed_from::Written;
use crate::diagnostic::{Code, Diagnostics};
use crate::model::homelab::{HealthScript, Lifecycle, ProjectOrigin, Service, Update};
use crate::model::name::{ProjectName, ServiceName};

impl ServiceContext<'_> {
    /// The service with all its resources.
    pub(super) fn assemble(
        &self,
        project: &Project,
        resources: Resources,
        env: &ServiceEnv,
        out: &mut Diagnostics,
    ) -> Option<Service> {
        let source = self.service;
        let declaration = &source.declaration;
        let name = match ProjectName::new(project.name.as_str()) {
            Ok(name) => name,
            Err(error) => {
                let words = format!("`{}` cannot be the name of a Compose project: {error}", project.name);
                out.push(
                    at_service(source, Code::ProjectName, words).hint("write another `name:` in the compose file"),
                );
                return None;
            }
        };
        let mut containers = resources.containers;
        if let Some(renamed) = &declaration.renamed_from {
            renamed.check(&source.name, |name| containers.contains_key(name), out);
        }
        let builds = Builds { images: &resources.images, sources: &resources.sources };
        let mut placed = self.place(&resources.sources, env, &mut containers, out);
        self.place_builds(&builds, env, &mut containers, &mut placed, out);
        let update = declaration.update.unwrap_or_default();
        let lifecycle = declaration.lifecycle.clone().unwrap_or_default();
        let needs = declaration.depends_on.iter().flatten().flat_map(|needed| {
            let found = self.sources.named(&needed.service.value, &source.node);
            let names: Vec<ServiceName> = match found.is_empty() {
                true => vec![needed.service.value.clone()],
                false => found.iter().map(|service| service.name.clone()).collect(),
            };
            names.into_iter().map(|name| (name, needed.condition))
        });
        Some(Service {
            name: source.name.clone(),
            description: declaration.description.as_ref().map(|d| d.value.clone()).unwrap_or_default(),
            node: source.node.clone(),
            backup_nodes: declaration.backup_nodes.iter().flatten().map(|node| node.value.clone()).collect(),
            depends_on: needs.collect::<BTreeMap<_, _>>(),
            state: declaration.state.as_ref().map(|s| s.value).unwrap_or_default(),
            health: source.health.clone().map(|script| HealthScript { variables: self.vars(), ..script }),
            update: Update {
                order: update.order.unwrap_or_default(),
                rollback: update.rollback.unwrap_or_default(),
                allow: update.allow,
            },
            backup: declaration.backup.clone(),
            lifecycle: Lifecycle {
                protect: lifecycle.protect.unwrap_or_default(),
                ignore_changes: lifecycle.ignore_changes,
                on_delete: lifecycle.on_delete.unwrap_or_default(),
            },
            project: name,
            project_origin: match declaration.project {
                Some(_) => ProjectOrigin::ServiceFile,
                None => ProjectOrigin::Compose,
            },
            project_dir: self.project_dir.clone(),
            directories: placed.directories,
            files: placed.files,
            left_alone: placed.left_alone,
            images: resources.images,
            networks: resources.networks,
            volumes: resources.volumes,
            containers,
            disabled: resources.disabled,
            renamed_from: declaration.renamed_from.clone().map(Written::into_model).unwrap_or_default(),
            secret_settings: secret_settings(&project.tree),
        })
    }
}

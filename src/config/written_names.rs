//! Names in hl's own files: what they may be, and what is wrong with one that may not.

use super::section::{Context, Located};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::name::{NodeName, ProjectName, ServiceName};

/// The name of a Compose project, or what is wrong with it.
pub(super) fn project_name(name: Located<String>, context: &mut Context<'_>) -> Option<Located<ProjectName>> {
    match ProjectName::new(name.value.as_str()) {
        Ok(project) => Some(Located::new(project, name.span)),
        Err(error) => {
            invalid_name("Compose project", &name, &error.to_string(), context);
            None
        }
    }
}

/// The name of a node, or what is wrong with it.
pub(super) fn node_name(name: Located<String>, context: &mut Context<'_>) -> Option<Located<NodeName>> {
    match NodeName::new(name.value.as_str()) {
        Ok(node) => Some(Located::new(node, name.span)),
        Err(error) => {
            invalid_name("node", &name, &error.to_string(), context);
            None
        }
    }
}

/// The name of a service, or what is wrong with it.
pub(super) fn service_name(name: Located<String>, context: &mut Context<'_>) -> Option<Located<ServiceName>> {
    match ServiceName::new(name.value.as_str()) {
        Ok(service) => Some(Located::new(service, name.span)),
        Err(error) => {
            invalid_name("service", &name, &error.to_string(), context);
            None
        }
    }
}

fn invalid_name(kind: &str, name: &Located<String>, why: &str, context: &mut Context<'_>) {
    let words = format!("`{}` cannot be the name of a {kind}: {why}", name.value);
    context.out.push(Diagnostic::error(Code::InvalidName, words).at(name.span, "").hint(format!("rename the {kind}")));
}

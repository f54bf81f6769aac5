//! `renamed_from`: what a service or its containers were before, where nothing but the user can know.

use std::collections::BTreeMap;

use super::section::{self, Context, Located};
use crate::compose::yaml::Node;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::addr::Kind;
use crate::model::homelab::RenamedFrom;
use crate::model::name::ServiceName;

/// The key as written, each part with its place.
#[derive(Clone, Debug)]
pub(super) enum Written {
    /// The service that all of it was.
    Service(Located<ServiceName>),
    /// Containers by their key here → the service and the key that each had.
    Containers(BTreeMap<String, Located<(ServiceName, String)>>),
}

const HINT: &str = "write the service that it was, or for a container `\"container:web\": \"shop/container:web\"`";

/// Reads the name or the mapping, or says what is wrong with it.
pub(super) fn parse(node: &Node, path: &str, context: &mut Context<'_>) -> Option<Written> {
    if let Some(name) = node.as_text() {
        if let Ok(service) = ServiceName::new(name) {
            return Some(Written::Service(Located::new(service, node.span)));
        }
        let words = format!("`{path}` cannot be `{name}`, which is no name of a service");
        context.out.push(Diagnostic::error(Code::InvalidValue, words).at(node.span, "").hint(HINT));
        return None;
    }
    if node.as_map().is_none() {
        context.wrong_type(node, path, "the name of a service or a mapping", HINT);
        return None;
    }
    let mut found = BTreeMap::new();
    for (here, before) in section::scalars(node, path, context) {
        let was = before
            .value
            .split_once('/')
            .and_then(|(service, name)| Some((ServiceName::new(service).ok()?, container(name)?.to_owned())));
        let (Some(name), Some(was)) = (container(&here.value), was) else {
            let words = format!("`{path}` knows no `{}: {}`", here.value, before.value);
            context.out.push(Diagnostic::error(Code::InvalidValue, words).at(before.span, "").hint(HINT));
            continue;
        };
        found.insert(name.to_owned(), Located::new(was, before.span));
    }
    Some(Written::Containers(found))
}

fn container(text: &str) -> Option<&str> {
    text.strip_prefix(Kind::Container.as_str())?.strip_prefix(':').filter(|name| !name.is_empty())
}

impl Written {
    /// Says which containers the service does not have.
    pub(super) fn check(&self, service: &ServiceName, has: impl Fn(&str) -> bool, out: &mut Diagnostics) {
        let Written::Containers(containers) = self else { return };
        for (name, before) in containers.iter().filter(|(name, _)| !has(name)) {
            let words = format!("`{service}` has no container `{name}` that could have had another name");
            let hint = "write the key of one that it has, or take the line out";
            out.push(Diagnostic::error(Code::InvalidValue, words).at(before.span, "").hint(hint));
        }
    }

    /// Says that the service which it was is declared itself, if it is.
    pub(super) fn check_gone(
        &self,
        service: &ServiceName,
        is_declared: impl Fn(&ServiceName) -> bool,
        out: &mut Diagnostics,
    ) {
        let Written::Service(before) = self else { return };
        if is_declared(&before.value) {
            let words = format!("`{service}` cannot be what `{}` was, which is declared itself", before.value);
            let hint = format!("remove the folder services/{}, or take the line out", before.value);
            out.push(Diagnostic::error(Code::InvalidValue, words).at(before.span, "").hint(hint));
        }
    }

    /// The same without its places.
    pub(super) fn into_model(self) -> RenamedFrom {
        match self {
            Written::Service(before) => RenamedFrom::Service(before.value),
            Written::Containers(containers) => {
                RenamedFrom::Containers(containers.into_iter().map(|(name, before)| (name, before.value)).collect())
            }
        }
    }
}

//! `renamed_from`: what resources of a service were before, where nothing but the user can know.

use std::collections::BTreeMap;

use super::section::{self, Context, Located};
use crate::compose::yaml::Node;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::addr::Kind;
use crate::model::name::ServiceName;

/// Containers by their key here → the service and the key that each had.
pub(super) type RenamedFrom = BTreeMap<String, Located<(ServiceName, String)>>;

const HINT: &str = "write `\"container:web\": \"shop/container:web\"`: the container here, and where it was";

/// Reads the mapping, or says what is wrong with it.
pub(super) fn parse(node: &Node, path: &str, context: &mut Context<'_>) -> RenamedFrom {
    let mut found = RenamedFrom::new();
    if node.as_map().is_none() {
        context.wrong_type(node, path, "a mapping", HINT);
        return found;
    }
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
    found
}

fn container(text: &str) -> Option<&str> {
    text.strip_prefix(Kind::Container.as_str())?.strip_prefix(':').filter(|name| !name.is_empty())
}

/// Says which of them the service does not have.
pub(super) fn check(renamed: &RenamedFrom, service: &ServiceName, has: impl Fn(&str) -> bool, out: &mut Diagnostics) {
    for (name, before) in renamed.iter().filter(|(name, _)| !has(name)) {
        let words = format!("`{service}` has no container `{name}` that could have had another name");
        let hint = "write the key of one that it has, or take the line out";
        out.push(Diagnostic::error(Code::InvalidValue, words).at(before.span, "").hint(hint));
    }
}

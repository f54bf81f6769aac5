//! Names that go to an engine: whether it takes them, so that a plan does not fail half way.

use super::Builder;
use crate::compose::syntax::image::{self, ReferenceError};
use crate::compose::yaml::Node;
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::model::{Pending, Taint};

/// The characters that an engine takes in the names of containers and volumes.
const CHARACTERS: &str =
    "a name has two characters or more: letters, digits, `_`, `.` and `-`, and it begins with a letter or digit";

impl Builder<'_> {
    /// Reports a `container_name` that no engine takes.
    pub(super) fn check_container_name(&mut self, service: &Node) {
        let Some((node, name)) = named(service.get("container_name")) else { return };
        // An engine takes the form that it shows, too: `/web`.
        if !is_engine_name(name.strip_prefix('/').unwrap_or(name)) {
            let words = format!("no engine takes {} as the name of a container", quoted(node, name));
            self.refuse_name(words, node.span, CHARACTERS.to_owned());
        }
    }

    /// Reports the name of a volume that the engine's own driver does not take.
    pub(super) fn check_volume_name(&mut self, volume: &Node, span: Span) {
        let Some((node, name)) = named(volume.get("name")) else { return };
        let driver = volume.get("driver").and_then(Node::as_text).unwrap_or("local");
        if driver == "local" && !is_engine_name(name) {
            let words = format!("no engine takes {} as the name of a volume", quoted(node, name));
            self.refuse_name(words, span, CHARACTERS.to_owned());
        }
    }

    /// Reports the name of a network that no engine takes.
    pub(super) fn check_network_name(&mut self, network: &Node, span: Span) {
        let Some((node, name)) = named(network.get("name")) else { return };
        if name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
            let words = format!("no engine takes {} as the name of a network", quoted(node, name));
            let hint = format!("write a name without spaces and slashes, such as `{}`", joined(node, name));
            self.refuse_name(words, span, hint);
        }
    }

    /// Reports an image that no engine takes.
    pub(super) fn check_image(&mut self, node: &Node) {
        let Some((node, reference)) = named(Some(node)) else { return };
        let (words, hint) = match image::parse(reference) {
            Ok(_) => return,
            Err(ReferenceError::UpperCase(_)) => (
                format!("the name of the image {} has upper case letters", quoted(node, reference)),
                match node.taint {
                    Taint::Plain => format!("write `{}`", in_lower_case(reference)),
                    Taint::Secret => "write it in lower case".to_owned(),
                },
            ),
            Err(ReferenceError::Invalid(_)) => {
                let without_tag = reference.ends_with([':', '@']);
                let hint = match without_tag {
                    true => "write a tag behind the colon, or leave the colon out; a variable may be empty",
                    false => "write `name`, `name:tag`, `registry/name:tag` or `name@sha256:…`",
                };
                (format!("{} is not the name of an image", quoted(node, reference)), hint.to_owned())
            }
        };
        self.refuse_name(words, node.span, hint);
    }

    /// Reports the name that the image of a service without `image` has, where no engine takes that.
    pub(super) fn check_built_name(&mut self, reference: &str, span: Span) {
        if image::parse(reference).is_err() {
            let words = format!("`{reference}`, as this image would be called, is not the name of an image");
            let hint = format!("give the service an `image`, such as `{}`", reference.to_lowercase());
            self.refuse_name(words, span, hint);
        }
    }

    fn refuse_name(&mut self, words: String, span: Span, hint: String) {
        self.out.push(Diagnostic::error(Code::InvalidName, words).at(span, "").hint(hint));
    }
}

/// A name that is set, with its node. One that apply makes is refused where it is read.
fn named(node: Option<&Node>) -> Option<(&Node, &str)> {
    let node = node?;
    node.as_text().filter(|text| !text.is_empty() && !Pending::is_in(text)).map(|text| (node, text))
}

/// A name as a sentence has it, unless nobody may see it.
fn quoted(node: &Node, name: &str) -> String {
    match node.taint {
        Taint::Plain => format!("`{name}`"),
        Taint::Secret => "what a secret variable says".to_owned(),
    }
}

fn joined(node: &Node, name: &str) -> String {
    match node.taint {
        Taint::Plain => {
            name.split(|c: char| c.is_whitespace() || c.is_control() || c == '/').collect::<Vec<_>>().join("-")
        }
        Taint::Secret => "shop-net".to_owned(),
    }
}

/// A reference with its name in lower case, and its tag as it is.
fn in_lower_case(reference: &str) -> String {
    let tag_at = reference.rfind(':').filter(|at| !reference[*at..].contains('/')).unwrap_or(reference.len());
    format!("{}{}", reference[..tag_at].to_lowercase(), &reference[tag_at..])
}

/// Whether an engine takes a text as the name of a container, or of a volume of its own driver.
fn is_engine_name(name: &str) -> bool {
    name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

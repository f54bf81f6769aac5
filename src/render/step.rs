//! Each operation in words: the phrase of its verb, and what it names.

use super::wording::short;
use crate::model::{BegunOperation, Purpose};
use crate::plan::operation::{Role, Verb};
use crate::plan::{Operation, Plan, Step};

/// An operation in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The operation as a task: `create container shop-web-1`.
    pub to_do: String,
    /// The operation in the past tense: `created container shop-web-1`.
    pub done: String,
}

/// A step in words.
pub fn words(plan: &Plan, step: &Step) -> Words {
    operation(&step.operation, |id| plan.names.before(step.id, id))
}

/// What takes a step back, in words.
pub fn undo(plan: &Plan, step: &Step) -> Option<Words> {
    step.undo.as_ref().map(|undo| operation(undo, |id| plan.names.after(step.id, id)))
}

/// An operation in words, with the names of containers that it has the ids of.
fn operation<'a>(operation: &'a Operation, name_of: impl Fn(&str) -> Option<&'a str>) -> Words {
    let row = operation.describe();
    let Phrase { to_do, done, joined_by } = phrase(row.verb);
    let named = row.names.into_iter().map(|(role, name)| match role {
        Role::Container => (role, name_of(name).unwrap_or(name)),
        _ => (role, name),
    });
    let what = object(joined_by, named);
    Words { to_do: to_do.replace("{}", &what), done: done.replace("{}", &what) }
}

/// The operation that was running when an apply was cut off. A kind unknown to this version is given by its name.
pub fn begun(operation: &BegunOperation) -> String {
    let (kind, ids, purpose) = match operation {
        BegunOperation::Kind { kind, ids, purpose } => (kind, ids, purpose),
        BegunOperation::Words(words) => return words.clone(),
    };
    let to_do = match Verb::of_kind(kind) {
        Some(verb) => {
            let Phrase { to_do, joined_by, .. } = phrase(verb);
            let known = Role::ALL.into_iter().filter_map(|role| Some((role, ids.get(role.as_str())?.as_str())));
            to_do.replace("{}", &object(joined_by, known))
        }
        None => {
            let named: Vec<String> = ids.iter().map(|(role, id)| format!("{role} {id}")).collect();
            format!("{kind} {}", named.join(", "))
        }
    };
    match purpose {
        Purpose::Step => to_do,
        Purpose::Undo => format!("take back: {to_do}"),
    }
}

/// The wording of a verb; `{}` stands for the names in the operation.
struct Phrase {
    to_do: &'static str,
    done: &'static str,
    /// The word between the first and the second name; if absent, only the first name is shown.
    joined_by: Option<&'static str>,
}

fn phrase(verb: Verb) -> Phrase {
    let (to_do, done, joined_by) = match verb {
        Verb::Ensure => ("make {}", "made {}", None),
        Verb::Write => ("write {}", "wrote {}", None),
        Verb::Pull => ("pull {}", "pulled {}", None),
        Verb::Build => ("build {}", "built {}", None),
        Verb::Check => ("check that it can come from {}", "it can come from {}", None),
        Verb::Copy => ("copy {}", "copied {}", Some("from")),
        Verb::Discard => ("remove the copy {}", "removed the copy {}", None),
        Verb::Remove => ("remove {}", "removed {}", None),
        Verb::RemoveWithData => ("remove {} with its data", "removed {} with its data", None),
        Verb::Retire => ("set aside {}", "set aside {}", None),
        Verb::Create => ("create {}", "created {}", None),
        Verb::Start => ("start {}", "started {}", None),
        Verb::Stop => ("stop {}", "stopped {}", None),
        Verb::Restart => ("restart {}", "restarted {}", None),
        Verb::Unpause => ("unpause {}", "unpaused {}", None),
        Verb::Rename => ("rename {}", "renamed {}", Some("to")),
        Verb::Update => ("update {}", "updated {}", None),
        Verb::Connect => ("connect {}", "connected {}", Some("to")),
        Verb::Disconnect => ("disconnect {}", "disconnected {}", Some("from")),
        Verb::AwaitRunning => ("wait until {} runs", "{} runs", None),
        Verb::AwaitHealthy => ("wait until {} is healthy", "{} is healthy", None),
        Verb::AwaitCompleted => ("wait until {} has ended without an error", "{} has ended without an error", None),
        Verb::Run => ("run {}", "{} passed", None),
    };
    Phrase { to_do, done, joined_by }
}

fn object<'a>(joined_by: Option<&str>, names: impl IntoIterator<Item = (Role, &'a str)>) -> String {
    let mut names = names.into_iter().map(|(role, name)| named(role, name));
    let first = names.next().unwrap_or_default();
    match (joined_by, names.next()) {
        (Some(word), Some(second)) => format!("{first} {word} {second}"),
        (None, _) | (_, None) => first,
    }
}

fn named(role: Role, name: &str) -> String {
    match role {
        Role::Directory => format!("directory {name}"),
        Role::Image => format!("image {name}"),
        Role::Container => format!("container {}", short(name)),
        Role::Network => format!("network {}", short(name)),
        Role::Volume => format!("volume {name}"),
        Role::Path | Role::Node | Role::Name | Role::Target | Role::Id => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::homelab::Condition;

    fn unnamed(of: &Operation) -> Words {
        operation(of, |_| None)
    }

    #[test]
    fn operations_in_words() {
        let id = "0123456789ab".to_owned() + &"0".repeat(52);
        let stop = unnamed(&Operation::StopContainer { container: id });
        assert_eq!(
            (stop.to_do.as_str(), stop.done.as_str()),
            ("stop container 0123456789ab", "stopped container 0123456789ab")
        );
        let named = operation(&Operation::StopContainer { container: "c1".to_owned() }, |_| Some("web-1"));
        assert_eq!(named.done, "stopped container web-1");
        let wait = unnamed(&Operation::AwaitContainer {
            container: "web".to_owned(),
            condition: Condition::Healthy,
            timeout_ms: 1,
        });
        assert_eq!(
            (wait.to_do.as_str(), wait.done.as_str()),
            ("wait until container web is healthy", "container web is healthy")
        );
        let rename = unnamed(&Operation::RenameContainer { container: "a".to_owned(), name: "b".to_owned() });
        assert_eq!(rename.to_do, "rename container a to b");
    }

    #[test]
    fn what_was_begun_is_told_as_it_was_planned_and_an_unknown_kind_as_it_is() {
        let say = |kind: &str, ids: &[(&str, &str)], purpose| {
            let ids = ids.iter().map(|(role, id)| ((*role).to_owned(), (*id).to_owned())).collect();
            begun(&BegunOperation::Kind { kind: kind.to_owned(), ids, purpose })
        };
        let rename = [("container", "a"), ("name", "b")];
        assert_eq!(say("rename_container", &rename, Purpose::Undo), "take back: rename container a to b");
        let copy = [("node", "pi"), ("target", "/b"), ("volume", "data")];
        assert_eq!(say("copy_data", &copy, Purpose::Step), "copy volume data from pi");
        assert_eq!(say("thaw_lake", &[("lake", "x"), ("path", "/y")], Purpose::Step), "thaw_lake lake x, path /y");
        assert_eq!(begun(&BegunOperation::Words("pull nginx".to_owned())), "pull nginx");
    }
}

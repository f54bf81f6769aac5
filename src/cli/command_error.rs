//! Why a command did not do what it was asked: the one place where an error gets its exit code, its words and its
//! hints.

use std::error::Error;

use super::caller::EnvironmentError;
use super::exit::Exit;
use super::git_base::BaseError;
use super::terminal::{Terminal, TerminalError};
use crate::config::NotPlaced;
use crate::node::NodeError;
use crate::render::english;
use crate::render::stale;
use crate::state;
use crate::workflow::{
    AddressError, ApplyError, BrokenServices, Declared, ExecTargetError, LocksError, NewServiceError, NotRecorded,
    ObserveError, SavedPlanError, SelectionError,
};

/// The result of a command.
pub(super) type Answer = Result<Exit, CommandError>;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) struct CommandError {
    exit: Exit,
    /// The first line and those that explain it; empty where everything has been shown already.
    text: String,
    hints: Vec<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl CommandError {
    /// The command failed.
    pub fn failed(text: impl Into<String>) -> Self {
        CommandError { exit: Exit::Failed, text: text.into(), hints: Vec::new(), source: None }
    }

    /// The command failed because of another error, which is shown behind the text.
    pub fn because(text: &str, error: impl Error + Send + Sync + 'static) -> Self {
        let text = format!("{text}: {error}");
        CommandError { hints: hints(&error), source: Some(Box::new(error)), ..CommandError::failed(text) }
    }

    /// The arguments make no sense.
    pub fn usage(text: impl Into<String>) -> Self {
        CommandError { exit: Exit::Usage, ..CommandError::failed(text) }
    }

    /// Everything has been shown already.
    pub fn shown(exit: Exit) -> Self {
        CommandError { exit, ..CommandError::failed("") }
    }

    /// The error as it is, with the hints of its kind.
    fn of(exit: Exit, error: impl Error + Send + Sync + 'static) -> Self {
        CommandError { exit, text: error.to_string(), hints: hints(&error), source: Some(Box::new(error)) }
    }

    /// With more to do about it; an empty hint is none.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self.hints.retain(|hint| !hint.is_empty());
        self
    }

    /// Shows it, and gives the exit code.
    pub fn report(&self, terminal: &Terminal) -> Exit {
        if !self.text.is_empty() {
            terminal.error(&self.text, &self.hints);
        }
        self.exit
    }
}

impl std::fmt::Display for CommandError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for CommandError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// The hints for an error and for its sources.
fn hints(error: &(dyn Error + 'static)) -> Vec<String> {
    let (mut hints, mut next) = (Vec::new(), Some(error));
    while let Some(error) = next {
        hints.extend(hint(error));
        next = error.source();
    }
    hints
}

/// The hint for an error, by its kind.
fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let new_plan = "make a new plan with `hl plan -o`";
    if let Some(error) = error.downcast_ref::<NodeError>() {
        return Some(error.hint().to_owned()).filter(|hint| !hint.is_empty());
    }
    if let Some(SelectionError::Unknown { similar, .. }) = error.downcast_ref() {
        return similar.as_deref().map(similar_name);
    }
    if let Some(BrokenServices(services)) = error.downcast_ref() {
        let first = services.first()?;
        return Some(format!("mend them, or leave the service out with `--exclude {first}`"));
    }
    if let Some(NotRecorded { similar, .. }) = error.downcast_ref() {
        let nothing = || "`hl apply` records what runs; what hl never recorded it does not remove".to_owned();
        return Some(similar.as_ref().map_or_else(nothing, |similar| similar_name(similar.as_str())));
    }
    match error.downcast_ref()? {
        SavedPlanError::Applied { .. } => Some(new_plan.to_owned()),
        SavedPlanError::Occupied { .. } => Some("name another file, or remove this one".to_owned()),
        SavedPlanError::Stale(_) => Some(format!("{new_plan}, and look at it")),
        SavedPlanError::Read { .. }
        | SavedPlanError::Write { .. }
        | SavedPlanError::Malformed { .. }
        | SavedPlanError::Address(_)
        | SavedPlanError::State(_) => None,
    }
}

/// The hint that a name may be a slip of another one.
pub(super) fn similar_name(similar: &str) -> String {
    format!("did you mean `{similar}`?")
}

impl From<TerminalError> for CommandError {
    fn from(error: TerminalError) -> Self {
        match error {
            TerminalError::NoTerminal => CommandError::of(Exit::Usage, error).hint("pass --yes to go ahead"),
            TerminalError::Output(_) | TerminalError::Answer(_) => CommandError::of(Exit::Failed, error),
        }
    }
}

impl From<EnvironmentError> for CommandError {
    fn from(error: EnvironmentError) -> Self {
        match error {
            EnvironmentError::NoHome => CommandError::of(Exit::Failed, error).hint("set HOME or XDG_DATA_HOME"),
            EnvironmentError::CurrentFolder(_) | EnvironmentError::Folder { .. } => {
                CommandError::of(Exit::Failed, error)
            }
        }
    }
}

impl From<BaseError> for CommandError {
    fn from(error: BaseError) -> Self {
        let hint = match error {
            BaseError::NoGit(_) => "install git: the base of a change is a commit",
            BaseError::NoCommit(_) | BaseError::NoBase => {
                "fetch the default branch with its history (`fetch-depth: 0` of actions/checkout), or name a commit with `--base`"
            }
            BaseError::Failed { .. } => "try it by hand in the same folder, as the same user",
        };
        CommandError::of(Exit::Failed, error).hint(hint)
    }
}

impl From<ObserveError> for CommandError {
    fn from(error: ObserveError) -> Self {
        match error {
            // The terminal was the listener, and has shown them.
            ObserveError::Repository => CommandError::shown(Exit::Failed),
            ObserveError::State(error) => error.into(),
        }
    }
}

impl From<LocksError> for CommandError {
    fn from(error: LocksError) -> Self {
        match error {
            LocksError::Repository => CommandError::shown(Exit::Failed),
            LocksError::Selection(error) => error.into(),
        }
    }
}

impl From<NewServiceError> for CommandError {
    fn from(error: NewServiceError) -> Self {
        let (exit, hint) = match &error {
            // The terminal was the listener, and has shown them.
            NewServiceError::NotPlaced(NotPlaced::Inventory) => return CommandError::shown(Exit::Failed),
            NewServiceError::NotPlaced(NotPlaced::UnknownNode { similar, .. }) => {
                (Exit::Usage, similar.as_deref().map(similar_name).unwrap_or_default())
            }
            NewServiceError::NotPlaced(NotPlaced::NoNode { nodes, .. }) => {
                let nodes: Vec<String> = nodes.iter().map(|node| format!("`--node {node}`")).collect();
                (Exit::Usage, format!("name it: {}", nodes.join(", ")))
            }
            NewServiceError::NotPlaced(NotPlaced::OtherOwner { owner, .. }) => {
                (Exit::Usage, format!("leave `--node` out, or write `--node {owner}`"))
            }
            NewServiceError::NotPlaced(NotPlaced::Taken(name)) => {
                (Exit::Failed, format!("`hl config {name}` shows it"))
            }
            NewServiceError::NotPlaced(NotPlaced::NoPlace(name)) => (
                Exit::Failed,
                format!("say where it is to be, below `services:` in the topology: `{name}: {{ path: FOLDER }}`"),
            ),
            NewServiceError::NotPlaced(NotPlaced::Outside { .. }) => {
                (Exit::Failed, "check `services_dir` and links on the way".to_owned())
            }
            NewServiceError::Image(_) => (Exit::Usage, "write it as `docker pull` takes it: `nginx:1.27`".to_owned()),
            NewServiceError::InTheWay(_) => (Exit::Failed, "nothing was written; move it away".to_owned()),
            NewServiceError::Write { .. } => (Exit::Failed, String::new()),
        };
        CommandError::of(exit, error).hint(hint)
    }
}

impl From<SelectionError> for CommandError {
    fn from(error: SelectionError) -> Self {
        match error {
            SelectionError::Unknown { .. } | SelectionError::NotReplaceable(_) => CommandError::of(Exit::Usage, error),
            SelectionError::EmptyNode(_) => CommandError::of(Exit::Failed, error),
        }
    }
}

impl From<AddressError> for CommandError {
    fn from(error: AddressError) -> Self {
        match error {
            AddressError::Repository => CommandError::shown(Exit::Failed),
            AddressError::Selection(error) => error.into(),
            AddressError::NotAContainer { .. } => CommandError::of(Exit::Usage, error),
        }
    }
}

impl From<ExecTargetError> for CommandError {
    fn from(error: ExecTargetError) -> Self {
        match error {
            ExecTargetError::Address(error) => error.into(),
            ExecTargetError::Node(error) => error.into(),
            ExecTargetError::Several { ref containers, .. } => {
                let list: String = containers.iter().map(|addr| format!("\n{addr}")).collect();
                let text = format!("{error}:{list}");
                CommandError { text, ..CommandError::of(Exit::Usage, error) }.hint("name one of them")
            }
            ExecTargetError::Nothing(_) | ExecTargetError::Maintenance(_) | ExecTargetError::NoCommands(_) => {
                CommandError::of(Exit::Failed, error)
            }
        }
    }
}

impl From<BrokenServices> for CommandError {
    fn from(error: BrokenServices) -> Self {
        let text = format!("nothing is planned while the files of {} have errors", english::services(&error.0));
        CommandError { text, ..CommandError::of(Exit::Failed, error) }
    }
}

impl From<SavedPlanError> for CommandError {
    fn from(error: SavedPlanError) -> Self {
        let why: Vec<String> = match &error {
            SavedPlanError::Stale(stale) => stale.iter().map(stale::stale).collect(),
            SavedPlanError::Applied { .. }
            | SavedPlanError::Read { .. }
            | SavedPlanError::Write { .. }
            | SavedPlanError::Occupied { .. }
            | SavedPlanError::Malformed { .. }
            | SavedPlanError::Address(_)
            | SavedPlanError::State(_) => Vec::new(),
        };
        let first = CommandError::of(Exit::Failed, error);
        let text = std::iter::once(first.text.clone()).chain(why).collect::<Vec<_>>().join("\n");
        CommandError { text, ..first }
    }
}

impl From<NotRecorded> for CommandError {
    fn from(error: NotRecorded) -> Self {
        let exit = match error.declared {
            Declared::Yes => Exit::Failed,
            Declared::No => Exit::Usage,
        };
        CommandError::of(exit, error)
    }
}

impl From<ApplyError> for CommandError {
    fn from(error: ApplyError) -> Self {
        CommandError::of(Exit::Failed, error)
    }
}

impl From<state::Error> for CommandError {
    fn from(error: state::Error) -> Self {
        CommandError::of(Exit::Failed, error)
    }
}

impl From<NodeError> for CommandError {
    fn from(error: NodeError) -> Self {
        CommandError::of(Exit::Failed, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NodeName;
    use crate::node::{ConnectionPhase, ErrorKind};

    fn unreachable() -> NodeError {
        let kind = ErrorKind::Unreachable {
            phase: ConnectionPhase::Connecting,
            why: "no route".to_owned(),
            hint: "is it switched on?".to_owned(),
        };
        NodeError { node: NodeName::new("nas").unwrap(), what: "connect".to_owned(), kind }
    }

    #[test]
    fn the_hint_of_a_node_error_is_kept_however_deep_it_lies() {
        for error in [CommandError::from(unreachable()), ApplyError::Locked(unreachable()).into()] {
            assert_eq!((error.exit, error.hints), (Exit::Failed, vec!["is it switched on?".to_owned()]));
        }
        let behind = CommandError::because("the lock cannot be read", unreachable());
        assert_eq!(behind.to_string(), "the lock cannot be read: nas: connect: no route");
        assert_eq!(behind.hints, ["is it switched on?"]);
        assert!(behind.source().is_some_and(|source| source.is::<NodeError>()));
    }

    #[test]
    fn a_name_that_is_not_known_is_wrong_usage_and_gets_its_hint() {
        let error = SelectionError::Unknown {
            kind: crate::workflow::Named::Node,
            name: "nsa".to_owned(),
            similar: Some("nas".to_owned()),
        };
        let error = CommandError::from(LocksError::Selection(error));
        assert_eq!((error.exit, error.text.as_str()), (Exit::Usage, "there is no node `nsa`"));
        assert_eq!(error.hints, ["did you mean `nas`?"]);
    }
}

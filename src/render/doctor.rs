//! A checkup, for people: one line a check, and below it what to type.

use super::english::{list, plural};
use super::page::{Line, Page};
use super::plan::Options;
use super::sentences::coarse;
use super::style::Label;
use crate::model::checkup::{
    Check, Finding, FolderAccess, KeyState, Outcome, Presence, ProgramPurpose, RecordInGit, Subject,
};
use crate::model::size::about_bytes;
use crate::model::status::LockState;

/// All checks by what they are about, and a summary.
pub fn doctor(checks: &[Check], options: &Options) -> String {
    let mut page = Page::default();
    let mut last = None;
    for check in checks {
        if last != Some(&check.subject) {
            page.gap();
            page.push(Line::at(0).text(Label::Title, subject(&check.subject)));
            last = Some(&check.subject);
        }
        let (mark, label) = mark(check.outcome);
        let (words, advice) = sentence(&check.finding);
        page.push(Line::at(2).whole(label, mark).text(Label::Plain, words));
        if check.outcome != Outcome::Fine {
            page.extend(advice.map(|advice| Line::at(4).hang(0).text(Label::Faint, advice)));
        }
    }
    page.gap();
    page.push(Line::at(0).text(Label::Title, summary(checks)));
    page.print(options.palette, options.room.width())
}

fn mark(outcome: Outcome) -> (&'static str, Label) {
    match outcome {
        Outcome::Fine => ("✓ ", Label::Good),
        Outcome::Advice => ("! ", Label::Warning),
        Outcome::Unknown => ("? ", Label::Warning),
        Outcome::Problem => ("✗ ", Label::Error),
    }
}

/// The head of a group of checks.
fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Repository => "repository".to_owned(),
        Subject::Git => "git".to_owned(),
        Subject::ThisMachine => "this machine".to_owned(),
        Subject::State => "state".to_owned(),
        Subject::Node(node) => format!("node {node}"),
    }
}

fn summary(checks: &[Check]) -> String {
    let count = |outcome| checks.iter().filter(|check| check.outcome == outcome).count();
    let (problems, unknown, advice) = (count(Outcome::Problem), count(Outcome::Unknown), count(Outcome::Advice));
    let mut parts = Vec::new();
    if problems > 0 {
        parts.push(plural(problems, "problem"));
    }
    if unknown > 0 {
        parts.push(format!("{unknown} unknown"));
    }
    if advice > 0 {
        parts.push(plural(advice, "suggestion"));
    }
    match (parts.is_empty(), problems + unknown) {
        (true, _) => "All is well: `hl plan` is next.".to_owned(),
        (false, 0) => format!("{}; nothing prevents a plan: `hl plan` is next.", parts.join(", ")),
        (false, _) => format!("{}.", parts.join(", ")),
    }
}

/// The finding, and what to do about it where something is to be done.
pub fn sentence(finding: &Finding) -> (String, Option<String>) {
    let say = |words: &str, advice: &str| (words.to_owned(), Some(advice.to_owned()).filter(|a| !a.is_empty()));
    match finding {
        Finding::Homelab { nodes, services, errors, warnings } => {
            let size = format!("{}, {}", plural(*nodes, "node"), plural(*services, "service"));
            let faults = match (*errors, *warnings) {
                (0, 0) => return (format!("{size}: valid"), None),
                (0, warnings) => format!("{size}: valid, with {}", plural(warnings, "warning")),
                (errors, 0) => format!("{size}: {}", plural(errors, "error")),
                (errors, warnings) => format!("{size}: {}, {}", plural(errors, "error"), plural(warnings, "warning")),
            };
            say(&faults, "`hl validate` shows each with its file and line")
        }
        Finding::NoHomelab { why, hint } => say(why, hint),
        Finding::NoGit => say(
            "the repository is not in git: without history, and what cannot be proven public is treated as secret",
            "git init && git add --all && git commit -m 'The homelab as it is'",
        ),
        Finding::EnvFiles { open } if open.is_empty() => say("no .env of a service gets into git", ""),
        Finding::EnvFiles { open } => {
            say(&format!("nothing keeps a .env in {} out of git", list(open)), "echo .env >> .gitignore")
        }
        Finding::RecordInGit(how) => record_in_git(*how),
        Finding::Ssh(Presence::There) => say("ssh is installed", ""),
        Finding::Ssh(Presence::Missing) => say(
            "ssh is not installed, and a node is reached by it",
            "install an SSH client, such as the package openssh-client",
        ),
        Finding::Completions { shell, path, presence: Presence::There } => {
            say(&format!("completions for {} are installed: {path}", shell.as_str()), "")
        }
        Finding::Completions { shell, path, presence: Presence::Missing } => {
            let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
            let shell = shell.as_str();
            let advice = format!("mkdir -p {folder} && hl completions {shell} > {path}");
            say(&format!("completions for {shell} are not installed"), &advice)
        }
        Finding::NothingRecorded => say("nothing is recorded yet; the first apply begins the record and its key", ""),
        Finding::RecordUnreadable { why } => say(why, ""),
        Finding::Key { path, state } => key(path, *state),
        Finding::Busy { who } => say(&format!("an apply is under way: {who}"), "wait until it is done"),
        Finding::CutOff { steps } => say(
            &format!("an apply was cut off, with {} under way", plural(*steps, "step")),
            "`hl plan` shows where it stopped, and starts from what is there now",
        ),
        Finding::Engine { address, version, api } => {
            let version =
                version.as_ref().map_or_else(|| "an engine".to_owned(), |version| format!("Docker {version}"));
            say(&format!("{address}: {version} answers, with API {api}"), "")
        }
        Finding::NotReached { address, why, hint } => say(&format!("{address}: {why}"), hint),
        Finding::Maintenance => say("in maintenance, so that it was not asked", ""),
        Finding::Clock { ahead } => clock(*ahead),
        Finding::OnlyEngine => say("only its engine can be reached: no files, no scripts, no lock", ""),
        Finding::Root { path, access } => root(path, access),
        Finding::Space { mount_point, bytes } => say(
            &format!("{} free on {mount_point}", about_bytes(*bytes)),
            "make room: `docker system df` there shows what images take",
        ),
        Finding::Programs { purpose, missing } => programs(*purpose, missing),
        Finding::Lock(state) => lock(state),
        Finding::Unanswered { why, hint } => say(why, hint),
    }
}

fn record_in_git(how: RecordInGit) -> (String, Option<String>) {
    match how {
        RecordInGit::NotThere => ("state/ has no record yet".to_owned(), None),
        RecordInGit::Tracked => ("state/ is tracked: all clones know what was applied".to_owned(), None),
        RecordInGit::Ignored => ("state/ is ignored: each clone has a record of its own".to_owned(), None),
        RecordInGit::Forgotten => (
            "state/ is neither tracked nor ignored".to_owned(),
            Some(
                "`git add state`, so that other clones know what was applied; or `echo /state/ >> .gitignore`"
                    .to_owned(),
            ),
        ),
    }
}

fn key(path: &str, state: KeyState) -> (String, Option<String>) {
    match state {
        KeyState::Good => (format!("the key of the record is {path}"), None),
        KeyState::Open(mode) => (
            format!("others can read the key of the record: {path} has mode {mode:04o}"),
            Some(format!("chmod 600 {path}")),
        ),
        KeyState::Missing => (
            format!("the key of the record is not here: {path}. Whether a secret has changed cannot be told"),
            Some(
                "copy it from the machine that applied last, or apply here once: secrets are recorded anew".to_owned(),
            ),
        ),
        KeyState::Other => (
            format!("{path} is not the key of the record. Whether a secret has changed cannot be told"),
            Some(
                "copy it from the machine that applied last, or apply here once: secrets are recorded anew".to_owned(),
            ),
        ),
    }
}

fn clock(ahead: i64) -> (String, Option<String>) {
    let away = ahead.abs();
    if away < 60 {
        return (
            format!("its clock is right, within {}", plural(usize::try_from(away.max(1)).unwrap_or(1), "second")),
            None,
        );
    }
    let way = if ahead > 0 { "ahead of" } else { "behind" };
    let words = format!("its clock is {} {way} this machine's", coarse(away));
    (
        words,
        Some("`timedatectl` there tells whether it is set from the network; look at this machine's, too".to_owned()),
    )
}

fn root(path: &str, access: &FolderAccess) -> (String, Option<String>) {
    let own = format!("sudo mkdir -p {path} && sudo chown \"$USER\" {path}");
    match access {
        FolderAccess::Open => (format!("{path} is there, and can be written to"), None),
        FolderAccess::ToBeMade { at } => (format!("{path} is not there yet, and can be made in {at}"), None),
        FolderAccess::Closed { at } if at == path => {
            (format!("{path} cannot be written to"), Some(format!("there: `{own}`; or set another `root` of the node")))
        }
        FolderAccess::Closed { at } => (
            format!("{path} cannot be made: {at} cannot be written to"),
            Some(format!("there: `{own}`; or set another `root` of the node")),
        ),
        FolderAccess::Blocked { at } => (
            format!("{path} cannot be a folder: {at} is something else"),
            Some("move that away, or set another `root` of the node".to_owned()),
        ),
    }
}

fn programs(purpose: ProgramPurpose, missing: &[String]) -> (String, Option<String>) {
    let purpose = match purpose {
        ProgramPurpose::Files => "its files",
        ProgramPurpose::Data => "moves of data",
    };
    match missing {
        [] => (format!("the programs for {purpose} are there"), None),
        missing => {
            let are = if missing.len() == 1 { "is" } else { "are" };
            let words = format!("{} {are} not there, which hl needs for {purpose}", missing.join(", "));
            (
                words,
                Some("install what is missing there; coreutils, util-linux, findutils and tar have them".to_owned()),
            )
        }
    }
}

fn lock(state: &LockState) -> (String, Option<String>) {
    match state {
        LockState::Free | LockState::Absent => ("nobody is at work on it".to_owned(), None),
        LockState::Held { words, .. } => {
            let who = if words.is_empty() { "an unknown holder" } else { words.as_str() };
            (format!("an apply is under way: {who}"), Some("`hl unlock` shows who it is, and can end it".to_owned()))
        }
        LockState::Maintenance => ("in maintenance".to_owned(), None),
        LockState::Unknown { why, hint } => (why.clone(), Some(hint.clone()).filter(|hint| !hint.is_empty())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NodeName;
    use crate::model::checkup::Shell;
    use crate::render::json;

    /// Every finding, with the outcomes that it comes with.
    fn checks() -> Vec<Check> {
        let text = |text: &str| text.to_owned();
        let homelab = |errors, warnings| Finding::Homelab { nodes: 2, services: 1, errors, warnings };
        let key = |state| Finding::Key { path: text("/home/ann/keys/1.key"), state };
        let root = |access| Finding::Root { path: text("/opt/homelab"), access };
        let completions =
            |presence| Finding::Completions { shell: Shell::Fish, path: text("/home/ann/hl.fish"), presence };
        let missing = |purpose, missing: &[&str]| Finding::Programs {
            purpose,
            missing: missing.iter().map(|program| text(program)).collect(),
        };
        use Outcome::{Advice, Fine, Problem, Unknown};
        let (nas, pi) = (NodeName::new("nas").unwrap(), NodeName::new("pi").unwrap());
        let all = [
            (Subject::Repository, Fine, homelab(0, 0)),
            (Subject::Repository, Advice, homelab(0, 2)),
            (Subject::Repository, Problem, homelab(1, 0)),
            (Subject::Repository, Problem, homelab(3, 1)),
            (
                Subject::Repository,
                Problem,
                Finding::NoHomelab { why: text("/x is not a homelab"), hint: text("use -C") },
            ),
            (Subject::Git, Advice, Finding::NoGit),
            (Subject::Git, Fine, Finding::EnvFiles { open: vec![] }),
            (Subject::Git, Advice, Finding::EnvFiles { open: vec![text("services/web")] }),
            (Subject::Git, Fine, Finding::RecordInGit(RecordInGit::NotThere)),
            (Subject::Git, Fine, Finding::RecordInGit(RecordInGit::Tracked)),
            (Subject::Git, Fine, Finding::RecordInGit(RecordInGit::Ignored)),
            (Subject::Git, Advice, Finding::RecordInGit(RecordInGit::Forgotten)),
            (Subject::ThisMachine, Fine, Finding::Ssh(Presence::There)),
            (Subject::ThisMachine, Problem, Finding::Ssh(Presence::Missing)),
            (Subject::ThisMachine, Fine, completions(Presence::There)),
            (Subject::ThisMachine, Advice, completions(Presence::Missing)),
            (Subject::State, Fine, Finding::NothingRecorded),
            (Subject::State, Problem, Finding::RecordUnreadable { why: text("state/homelab.json cannot be read") }),
            (Subject::State, Fine, key(KeyState::Good)),
            (Subject::State, Problem, key(KeyState::Open(0o644))),
            (Subject::State, Problem, key(KeyState::Missing)),
            (Subject::State, Problem, key(KeyState::Other)),
            (Subject::State, Advice, Finding::Busy { who: text("ann@desk") }),
            (Subject::State, Advice, Finding::CutOff { steps: 2 }),
            (
                Subject::Node(nas.clone()),
                Fine,
                Finding::Engine { address: text("local"), version: Some(text("28.5.2")), api: text("1.51") },
            ),
            (Subject::Node(nas.clone()), Fine, Finding::Clock { ahead: -1 }),
            (Subject::Node(nas.clone()), Advice, Finding::Clock { ahead: -7_500 }),
            (Subject::Node(nas.clone()), Fine, Finding::OnlyEngine),
            (Subject::Node(nas.clone()), Fine, root(FolderAccess::Open)),
            (Subject::Node(nas.clone()), Fine, root(FolderAccess::ToBeMade { at: text("/opt") })),
            (Subject::Node(nas.clone()), Problem, root(FolderAccess::Closed { at: text("/opt/homelab") })),
            (Subject::Node(nas.clone()), Problem, root(FolderAccess::Closed { at: text("/opt") })),
            (Subject::Node(nas.clone()), Problem, root(FolderAccess::Blocked { at: text("/opt") })),
            (Subject::Node(nas.clone()), Advice, Finding::Space { mount_point: text("/"), bytes: 20_000_000 }),
            (Subject::Node(nas.clone()), Fine, missing(ProgramPurpose::Data, &[])),
            (Subject::Node(nas.clone()), Problem, missing(ProgramPurpose::Files, &["flock"])),
            (Subject::Node(nas.clone()), Advice, missing(ProgramPurpose::Data, &["find", "tar"])),
            (Subject::Node(nas.clone()), Fine, Finding::Lock(LockState::Free)),
            (Subject::Node(nas.clone()), Advice, Finding::Lock(LockState::Held { pid: None, words: String::new() })),
            (
                Subject::Node(nas),
                Unknown,
                Finding::Unanswered { why: text("look for programs: no answer"), hint: String::new() },
            ),
            (
                Subject::Node(pi.clone()),
                Unknown,
                Finding::NotReached { address: text("ssh://pi"), why: text("no route"), hint: text("is it on?") },
            ),
            (Subject::Node(pi), Fine, Finding::Maintenance),
        ];
        all.into_iter().map(|(subject, outcome, finding)| Check { subject, outcome, finding }).collect()
    }

    #[test]
    fn each_finding_has_its_words_and_what_to_do() {
        insta::assert_snapshot!(doctor(&checks(), &Options::default()));
    }

    #[test]
    fn a_program_reads_the_same() {
        let report = json::doctor::doctor(&checks());
        let schema = serde_json::from_str(include_str!("../../schema/doctor.schema.json")).unwrap();
        assert_eq!(json::violations::violations(&schema, &report), Vec::<String>::new());
        let of = |check: &str| report["checks"].as_array().unwrap().iter().find(|c| c["check"] == check).unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(of("clock")).unwrap());
    }

    #[test]
    fn the_last_line_says_how_it_is() {
        let with = |outcome| vec![Check { subject: Subject::State, outcome, finding: Finding::NothingRecorded }];
        assert_eq!(summary(&with(Outcome::Fine)), "All is well: `hl plan` is next.");
        assert_eq!(summary(&with(Outcome::Advice)), "1 suggestion; nothing prevents a plan: `hl plan` is next.");
        assert_eq!(summary(&with(Outcome::Unknown)), "1 unknown.");
        assert_eq!(summary(&with(Outcome::Problem)), "1 problem.");
    }
}

//! Whether services work, for people.

use std::collections::BTreeMap;

use super::english::{are, plural};
use super::page::{Line, Page};
use super::plan::Options;
use super::style::Label;
use super::wording;
use crate::event::{Proving, ProvingSubject};
use crate::model::status::{Problem, Proof, SilentNode, Verified};
use crate::model::view::FailedCheck;

/// One line a service, wrapped where a terminal ends, with its problems below it, the nodes that could not be asked, and a summary.
pub fn verify(services: &[Verified], silent: &[SilentNode], options: &Options) -> String {
    let mut page = Page::default();
    for service in services {
        let (mark, label) = match (&service.proof, service.problems.is_empty()) {
            (Proof::Silent | Proof::Maintenance | Proof::Unknown { .. }, _) => ("? ", Label::Warning),
            (Proof::DeclaredStopped | Proof::Containers { .. }, true) => ("✓ ", Label::Good),
            (Proof::DeclaredStopped | Proof::Containers { .. }, false) => ("✗ ", Label::Error),
        };
        let line = Line::at(0).whole(label, mark).whole(Label::Plain, format!("{}/{}", service.node, service.service));
        page.push(line.text(Label::Plain, format!("  {}", proof(&service.proof))));
        for problem in &service.problems {
            page.extend(text(problem).into_iter().map(|line| Line::at(4).text(Label::Plain, line)));
        }
    }
    page.gap();
    page.extend(silent_nodes(silent));
    page.gap();
    page.push(Line::at(0).text(Label::Title, summary(services)));
    page.print(options.palette, options.room.width())
}

/// The nodes that could not be asked, each once.
pub(super) fn silent_nodes(silent: &[SilentNode]) -> Vec<Line> {
    let mut lines = Vec::new();
    for SilentNode { node, why, hint } in silent {
        let line = Line::at(0).whole(Label::Warning, "? ").whole(Label::Title, node.as_str());
        lines.push(line.text(Label::Plain, format!(" could not be asked: {why}")));
        if !hint.is_empty() {
            lines.push(Line::at(2).text(Label::Faint, "hint: ").text(Label::Plain, hint));
        }
    }
    lines
}

/// What is waited for, in one line.
pub fn waiting(under_way: &BTreeMap<Proving, String>) -> String {
    const MOST: usize = 3;
    let one = |(proving, state): (&Proving, &String)| {
        let subject = match &proving.subject {
            ProvingSubject::Container(name) => format!("container {name}"),
            ProvingSubject::Script(path) => path.clone(),
        };
        let state = if state.is_empty() { "running" } else { state.as_str() };
        format!("{}/{} ({subject}: {state})", proving.node, proving.service)
    };
    let shown: Vec<String> = under_way.iter().take(MOST).map(one).collect();
    let more = match under_way.len().saturating_sub(MOST) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("waiting for {}{more}", shown.join(", "))
}

fn summary(services: &[Verified]) -> String {
    let count = |want: fn(&Verified) -> bool| services.iter().filter(|v| want(v)).count();
    let failed = count(|v| !v.problems.is_empty());
    let silent = count(|v| matches!(v.proof, Proof::Silent));
    let unknown = count(|v| matches!(v.proof, Proof::Unknown { .. }));
    let maintenance = count(|v| matches!(v.proof, Proof::Maintenance));
    let all = services.len();
    let proved = all - silent - unknown - maintenance;
    let mut text = match (failed, proved) {
        (0, 0) if all == 0 => return "There is no service to verify.".to_owned(),
        (_, 0) => "Nothing is verified".to_owned(),
        (0, 1) if all == 1 => "The service works".to_owned(),
        (0, n) if n == all => format!("All {all} services work"),
        (0, n) => format!("{n} of {all} services {}", if n == 1 { "works" } else { "work" }),
        (1, _) if all == 1 => "The service does not work".to_owned(),
        (1, _) => format!("1 of {all} services does not work"),
        (failed, _) => format!("{failed} of {all} services do not work"),
    };
    for (n, why) in [
        (silent, "could not be asked"),
        (unknown, "not known, because of its files or its variables"),
        (maintenance, "in maintenance"),
    ] {
        match n {
            0 => {}
            n if why.starts_with("could") => text.push_str(&format!("; {} {why}", plural(n, "service"))),
            n => text.push_str(&format!("; {} {why}", are(n, "service"))),
        }
    }
    text + "."
}

fn proof(proof: &Proof) -> String {
    match proof {
        Proof::Silent => "not asked".to_owned(),
        Proof::Maintenance => "in maintenance".to_owned(),
        Proof::Unknown { why } => format!("unknown: {why}"),
        Proof::DeclaredStopped => "declared stopped".to_owned(),
        Proof::Containers { count, script } => {
            let containers = plural(*count, "container");
            match script {
                Some(script) => format!("{containers}, {script}"),
                None => containers,
            }
        }
    }
}

/// A problem in lines.
fn text(problem: &Problem) -> Vec<String> {
    match problem {
        Problem::Missing { container } => vec![format!("container {container} does not exist")],
        Problem::Unhealthy { container, check } => {
            let said = check.iter().flat_map(|check| check_lines(check).map(|line| format!("  {line}")));
            std::iter::once(format!("container {container} is unhealthy")).chain(said).collect()
        }
        Problem::CutOff { container, from } => {
            vec![format!("container {container} is cut off from {from}, which was started anew")]
        }
        Problem::NotRunning { container, status, log } => {
            let first = format!("container {container} is {}", wording::status(status));
            let title = (!log.is_empty()).then(|| "  the last lines of its log:".to_owned());
            std::iter::once(first).chain(title).chain(log.iter().map(|line| format!("  | {line}"))).collect()
        }
        Problem::Failed { error } => error.lines().map(str::to_owned).collect(),
    }
}

/// What a health check that failed says, in lines.
pub(super) fn check_lines(check: &FailedCheck) -> impl Iterator<Item = String> + '_ {
    let colon = if check.output.is_empty() { "" } else { ":" };
    let ended = match check.exit_code {
        -1 => format!("its health check did not end{colon}"),
        code => format!("its health check ended with code {code}{colon}"),
    };
    std::iter::once(ended).chain(check.output.iter().map(|line| format!("| {line}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::view::Status;
    use crate::model::{NodeName, ServiceName};
    use crate::render::table::Room;

    fn service(name: &str, proof: Proof, problems: Vec<Problem>) -> Verified {
        Verified { node: NodeName::new("nas").unwrap(), service: ServiceName::new(name).unwrap(), proof, problems }
    }

    #[test]
    fn what_is_waited_for_is_one_line() {
        let proving = |service: &str, subject| Proving {
            node: NodeName::new("nas").unwrap(),
            service: ServiceName::new(service).unwrap(),
            subject,
        };
        let mut under_way = BTreeMap::from([
            (proving("a", ProvingSubject::Container("a-db-1".to_owned())), "starting".to_owned()),
            (proving("b", ProvingSubject::Script("services/b/healthcheck.sh".to_owned())), String::new()),
        ]);
        let line = "waiting for nas/a (container a-db-1: starting), nas/b (services/b/healthcheck.sh: running)";
        assert_eq!(waiting(&under_way), line);
        for name in ["c", "d"] {
            under_way.insert(proving(name, ProvingSubject::Script(String::new())), String::new());
        }
        assert!(waiting(&under_way).ends_with(" and 1 more"));
    }

    #[test]
    fn problems_are_below_their_service_and_counted() {
        let of = |count, script: Option<&str>| Proof::Containers { count, script: script.map(str::to_owned) };
        let web = "web".to_owned();
        let all = [
            service("a", of(1, None), Vec::new()),
            service(
                "b",
                of(2, Some("services/b/healthcheck.sh")),
                vec![Problem::Failed { error: "code 3\nno".into() }],
            ),
            service(
                "c",
                of(1, None),
                vec![Problem::NotRunning { container: web, status: Status::Paused, log: Vec::new() }],
            ),
            service("d", Proof::DeclaredStopped, Vec::new()),
            service("e", Proof::Silent, Vec::new()),
            service(
                "f",
                of(1, None),
                vec![Problem::Unhealthy {
                    container: "db".to_owned(),
                    check: Some(FailedCheck { exit_code: 1, output: vec!["FATAL: \u{1b}[2Jno".to_owned()] }),
                }],
            ),
        ];
        let silent = SilentNode {
            node: NodeName::new("pi").unwrap(),
            why: "no route to host".to_owned(),
            hint: "look at it".to_owned(),
        };
        let verify = |services: &[Verified]| super::verify(services, &[], &Options::default());
        insta::assert_snapshot!(super::verify(&all, &[silent], &Options::default()), @r"
        ✓ nas/a  1 container
        ✗ nas/b  2 containers, services/b/healthcheck.sh
            code 3
            no
        ✗ nas/c  1 container
            container web is paused
        ✓ nas/d  declared stopped
        ? nas/e  not asked
        ✗ nas/f  1 container
            container db is unhealthy
              its health check ended with code 1:
              | FATAL: \x1b[2Jno

        ? pi could not be asked: no route to host
          hint: look at it

        3 of 6 services do not work; 1 service could not be asked.
        ");
        let last = |services: &[Verified]| verify(services).lines().last().unwrap_or_default().to_owned();
        assert_eq!(last(&all[..1]), "The service works.");
        assert_eq!(last(&all[1..2]), "The service does not work.");
        assert_eq!(last(&all[..2]), "1 of 2 services does not work.");
        assert_eq!(last(&[all[0].clone(), all[4].clone()]), "1 of 2 services works; 1 service could not be asked.");
        assert_eq!(last(&all[4..5]), "Nothing is verified; 1 service could not be asked.");
        assert_eq!(last(&[]), "There is no service to verify.");
    }
    #[test]
    fn long_reasons_fit_a_terminal_and_are_one_line_elsewhere() {
        let why = "services/immich/.env cannot be read there, because its owner is somebody else; ".repeat(2);
        let log = "2026-01-01 10:00:00 FATAL: the database system cannot find its directory, or may not look into it";
        let all = [
            service("a", Proof::Unknown { why }, Vec::new()),
            service(
                "b",
                Proof::Containers { count: 1, script: None },
                vec![Problem::NotRunning {
                    container: "db".to_owned(),
                    status: Status::Exited { code: 1 },
                    log: vec![log.to_owned()],
                }],
            ),
        ];
        let on = Options { room: Room::Columns(80), ..Options::default() };
        insta::assert_snapshot!(verify(&all, &[], &on), @r"
        ? nas/a  unknown: services/immich/.env cannot be read there, because its owner
          is somebody else; services/immich/.env cannot be read there, because its owner
          is somebody else;
        ✗ nas/b  1 container
            container db is exited (1)
              the last lines of its log:
              | 2026-01-01 10:00:00 FATAL: the database system cannot find its
              directory, or may not look into it

        1 of 2 services does not work; 1 service is not known, because of its files or
          its variables.
        ");
        let piped = verify(&all, &[], &Options::default());
        assert!(piped.contains(log) && piped.lines().count() == 7, "{piped}");
    }
}

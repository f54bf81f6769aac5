//! Whether services work, for people.

use std::fmt::Write;

use super::english::plural;
use super::wording;
use crate::model::NodeName;
use crate::model::status::{Problem, Proof, Verified};

/// One line a service, with its problems below it, and a summary.
pub fn verify(services: &[Verified]) -> String {
    let mut out = String::new();
    for service in services {
        let mark = if service.problems.is_empty() { '✓' } else { '✗' };
        let _ = writeln!(out, "{mark} {}/{}  {}", service.node, service.service, proof(&service.proof));
        for problem in &service.problems {
            let _ = writeln!(out, "    {}", text(problem, &service.node).replace('\n', "\n    "));
        }
    }
    let failed = services.iter().filter(|v| !v.problems.is_empty()).count();
    let _ = match (failed, services.len()) {
        (0, 0) => writeln!(out, "There is no service to verify."),
        (0, 1) => writeln!(out, "\nThe service works."),
        (0, all) => writeln!(out, "\nAll {all} services work."),
        (1, 1) => writeln!(out, "\nThe service does not work."),
        (1, all) => writeln!(out, "\n1 of {all} services does not work."),
        (failed, all) => writeln!(out, "\n{failed} of {all} services do not work."),
    };
    out
}

fn proof(proof: &Proof) -> String {
    match proof {
        Proof::Nothing => "unknown".to_owned(),
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

fn text(problem: &Problem, node: &NodeName) -> String {
    match problem {
        Problem::NoAnswer => format!("{node} does not answer"),
        Problem::Missing { container } => format!("container {container} does not exist"),
        Problem::Unhealthy { container } => format!("container {container} is unhealthy"),
        Problem::NotRunning { container, status } => format!("container {container} is {}", wording::status(status)),
        Problem::Failed { error } => error.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ServiceName;
    use crate::model::view::Status;

    fn service(name: &str, proof: Proof, problems: Vec<Problem>) -> Verified {
        Verified { node: NodeName::new("nas").unwrap(), service: ServiceName::new(name).unwrap(), proof, problems }
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
            service("c", of(1, None), vec![Problem::NotRunning { container: web, status: Status::Paused }]),
            service("d", Proof::DeclaredStopped, Vec::new()),
            service("e", Proof::Nothing, vec![Problem::NoAnswer]),
        ];
        insta::assert_snapshot!(verify(&all), @r"
        ✓ nas/a  1 container
        ✗ nas/b  2 containers, services/b/healthcheck.sh
            code 3
            no
        ✗ nas/c  1 container
            container web is paused
        ✓ nas/d  declared stopped
        ✗ nas/e  unknown
            nas does not answer

        3 of 5 services do not work.
        ");
        let last = |services: &[Verified]| verify(services).lines().last().unwrap_or_default().to_owned();
        assert_eq!(last(&all[..1]), "The service works.");
        assert_eq!(last(&all[1..2]), "The service does not work.");
        assert_eq!(last(&all[..2]), "1 of 2 services does not work.");
        assert_eq!(last(&[]), "There is no service to verify.");
    }
}

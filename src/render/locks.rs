//! The holders of the locks of the nodes, for people.

use std::fmt::Write;

use crate::model::status::{LockState, NodeLock};

/// One line a lock.
pub fn locks(locks: &[NodeLock]) -> String {
    let mut out = String::new();
    for NodeLock { node, state } in locks {
        let _ = match state {
            LockState::Free => writeln!(out, "{node}: free"),
            LockState::Absent => writeln!(out, "{node}: has no lock, only its engine can be reached"),
            LockState::Held { pid, words } => writeln!(out, "{node}: held: {}", holder(*pid, words)),
            LockState::Maintenance => writeln!(out, "{node}: unknown, in maintenance"),
            LockState::Unknown { why, hint } if hint.is_empty() => writeln!(out, "{node}: unknown, {why}"),
            LockState::Unknown { why, hint } => writeln!(out, "{node}: unknown, {why}\n    {hint}"),
        };
    }
    out
}

fn holder(pid: Option<u32>, words: &str) -> String {
    let words = match words {
        "" => "by an unknown holder",
        words => words,
    };
    match pid {
        Some(pid) => format!("{words}; process {pid} there holds it"),
        None => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NodeName;

    #[test]
    fn each_state_of_a_lock_has_its_words() {
        let lock = |node: &str, state| NodeLock { node: NodeName::new(node).unwrap(), state };
        let all = [
            lock("a", LockState::Free),
            lock("b", LockState::Held { pid: Some(7), words: "ann@desk runs `hl apply`".to_owned() }),
            lock("c", LockState::Held { pid: None, words: String::new() }),
            lock("d", LockState::Absent),
            lock("e", LockState::Maintenance),
            lock("f", LockState::Unknown { why: "no answer".to_owned(), hint: "is it switched on?".to_owned() }),
        ];
        insta::assert_snapshot!(locks(&all), @r"
        a: free
        b: held: ann@desk runs `hl apply`; process 7 there holds it
        c: held: by an unknown holder
        d: has no lock, only its engine can be reached
        e: unknown, in maintenance
        f: unknown, no answer
            is it switched on?
        ");
    }
}

//! Why a saved plan is not applied, for people.

use super::english::shortened;
use crate::plan::saved_plan::Stale;

/// One line about what has changed since the plan was saved.
pub fn stale(stale: &Stale) -> String {
    match stale {
        Stale::Homelab => "it is for another homelab".to_owned(),
        Stale::Lineage => "the state is another one: it belongs to another homelab, or was begun anew".to_owned(),
        Stale::Serial { then, now } => {
            format!("something was applied since: the state's serial was {then} and is {now}")
        }
        Stale::Inputs => {
            "a file of the repository, an env file on a node or a variable given with --env is not as it was".to_owned()
        }
        Stale::Live(addresses) => format!("changed on their node since: {}", shortened(addresses, 5)),
        Stale::Plan => "the plan would be different now".to_owned(),
    }
}

//! Each call in words.

use crate::model::homelab::Condition;
use crate::plan::Call;

/// A call in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// What is to be done: `create container shop-web-1`.
    pub to_do: String,
    /// What was done: `created container shop-web-1`.
    pub done: String,
}

/// A call in words.
pub fn words(call: &Call) -> Words {
    let say = |to_do: &str, done: &str, what: String| Words {
        to_do: format!("{to_do} {what}"),
        done: format!("{done} {what}"),
    };
    let container = |name: &str| format!("container {}", short(name));
    match call {
        Call::EnsureDirectory(spec) => say("make", "made", format!("directory {}", spec.path)),
        Call::WriteFile(spec) => say("write", "wrote", spec.path.clone()),
        Call::PullImage { reference, .. } => say("pull", "pulled", format!("image {reference}")),
        Call::BuildImage { reference, .. } => say("build", "built", format!("image {reference}")),
        Call::CheckMove { from, .. } => {
            Words { to_do: format!("check that it can come from {from}"), done: format!("it can come from {from}") }
        }
        Call::CopyData { source, .. } => say("copy", "copied", source.to_string()),
        Call::DiscardData { target, .. } => say("take away", "took away", format!("the copy {target}")),
        Call::RemoveFolder { path } => say("remove", "removed", path.clone()),
        Call::SetAside { path } => say("set aside", "set aside", path.clone()),
        Call::CreateNetwork(spec) => say("create", "created", format!("network {}", spec.name)),
        Call::RemoveNetwork { name, .. } => say("remove", "removed", format!("network {name}")),
        Call::CreateVolume(spec) => say("create", "created", format!("volume {}", spec.name)),
        Call::RemoveVolume { name } => say("remove", "removed", format!("volume {name} with its data")),
        Call::CreateContainer { name, .. } => say("create", "created", container(name)),
        Call::StartContainer { container: name } => say("start", "started", container(name)),
        Call::StopContainer { container: name } => say("stop", "stopped", container(name)),
        Call::RestartContainer { container: name } => say("restart", "restarted", container(name)),
        Call::UnpauseContainer { container: name } => say("unpause", "unpaused", container(name)),
        Call::RenameContainer { container: old, name } => {
            say("rename", "renamed", format!("{} to {name}", container(old)))
        }
        Call::RemoveContainer { container: name, .. } => say("remove", "removed", container(name)),
        Call::UpdateContainer { container: name, .. } => say("update", "updated", container(name)),
        Call::ConnectNetwork { container: name, network, .. } => {
            say("connect", "connected", format!("{} to network {network}", container(name)))
        }
        Call::DisconnectNetwork { container: name, network } => {
            say("disconnect", "disconnected", format!("{} from network {}", container(name), short(network)))
        }
        Call::AwaitContainer { container: name, condition, .. } => {
            let state = match condition {
                Condition::Started => "runs",
                Condition::Healthy => "is healthy",
                Condition::Completed => "has ended without an error",
            };
            Words {
                to_do: format!("wait until {} {state}", container(name)),
                done: format!("{} {state}", container(name)),
            }
        }
        Call::RunHealthScript { script, .. } => {
            Words { to_do: format!("run {}", script.path), done: format!("{} passed", script.path) }
        }
    }
}

/// Ids are cut to the twelve digits that Docker shows; names stay.
fn short(name: &str) -> &str {
    let is_id = name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id { &name[..12] } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_in_words() {
        let id = "0123456789ab".to_owned() + &"0".repeat(52);
        let stop = words(&Call::StopContainer { container: id });
        assert_eq!(
            (stop.to_do.as_str(), stop.done.as_str()),
            ("stop container 0123456789ab", "stopped container 0123456789ab")
        );
        let wait =
            words(&Call::AwaitContainer { container: "web".to_owned(), condition: Condition::Healthy, timeout_ms: 1 });
        assert_eq!(
            (wait.to_do.as_str(), wait.done.as_str()),
            ("wait until container web is healthy", "container web is healthy")
        );
    }
}

//! A call in a few words, for the journal and for errors. No value of a secret is in it.

use crate::plan::Operation;

/// What a call does, such as `create container web`.
pub(super) fn words(call: &Operation) -> String {
    match call {
        Operation::EnsureDirectory(spec) => format!("make directory {}", spec.path),
        Operation::WriteFile(spec) => format!("write file {}", spec.path),
        Operation::PullImage { reference, .. } => format!("pull {reference}"),
        Operation::BuildImage { reference, .. } => format!("build {reference}"),
        Operation::CheckMove { from, .. } => format!("check that it can come from {from}"),
        Operation::CopyData { source, .. } => format!("copy {source}"),
        Operation::DiscardData { target, .. } => format!("take the copy {target} away"),
        Operation::RemoveFolder { path } => format!("remove {path}"),
        Operation::SetAside { path } => format!("set {path} aside"),
        Operation::CreateNetwork(spec) => format!("create network {}", spec.name),
        Operation::RemoveNetwork { name, .. } => format!("remove network {name}"),
        Operation::CreateVolume(spec) => format!("create volume {}", spec.name),
        Operation::RemoveVolume { name } => format!("remove volume {name}"),
        Operation::CreateContainer { name, .. } => format!("create container {name}"),
        Operation::StartContainer { container } => format!("start container {}", short(container)),
        Operation::StopContainer { container } => format!("stop container {}", short(container)),
        Operation::RestartContainer { container } => format!("restart container {}", short(container)),
        Operation::UnpauseContainer { container } => format!("unpause container {}", short(container)),
        Operation::RenameContainer { container, name } => format!("rename container {} to {name}", short(container)),
        Operation::RemoveContainer { container, .. } => format!("remove container {}", short(container)),
        Operation::UpdateContainer { container, .. } => format!("update container {}", short(container)),
        Operation::ConnectNetwork { container, network, .. } => {
            format!("connect container {} to network {network}", short(container))
        }
        Operation::DisconnectNetwork { container, network } => {
            format!("disconnect container {} from network {}", short(container), short(network))
        }
        Operation::AwaitContainer { container, .. } => format!("wait for container {}", short(container)),
        Operation::RunHealthScript { script, .. } => format!("run {}", script.path),
    }
}

/// An id as Docker shows it; a name as it is.
fn short(id: &str) -> &str {
    match id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
        true => &id[..12],
        false => id,
    }
}

//! A call in a few words, for the journal and for errors. No value of a secret is in it.

use crate::plan::Call;

/// What a call does, such as `create container web`.
pub(super) fn words(call: &Call) -> String {
    match call {
        Call::EnsureDirectory(spec) => format!("make directory {}", spec.path),
        Call::WriteFile(spec) => format!("write file {}", spec.path),
        Call::PullImage { reference, .. } => format!("pull {reference}"),
        Call::BuildImage { reference, .. } => format!("build {reference}"),
        Call::CheckMove { from, .. } => format!("check that it can come from {from}"),
        Call::CopyData { source, .. } => format!("copy {source}"),
        Call::DiscardData { target, .. } => format!("take the copy {target} away"),
        Call::RemoveFolder { path } => format!("remove {path}"),
        Call::SetAside { path } => format!("set {path} aside"),
        Call::CreateNetwork(spec) => format!("create network {}", spec.name),
        Call::RemoveNetwork { name, .. } => format!("remove network {name}"),
        Call::CreateVolume(spec) => format!("create volume {}", spec.name),
        Call::RemoveVolume { name } => format!("remove volume {name}"),
        Call::CreateContainer { name, .. } => format!("create container {name}"),
        Call::StartContainer { container } => format!("start container {}", short(container)),
        Call::StopContainer { container } => format!("stop container {}", short(container)),
        Call::RestartContainer { container } => format!("restart container {}", short(container)),
        Call::UnpauseContainer { container } => format!("unpause container {}", short(container)),
        Call::RenameContainer { container, name } => format!("rename container {} to {name}", short(container)),
        Call::RemoveContainer { container, .. } => format!("remove container {}", short(container)),
        Call::UpdateContainer { container, .. } => format!("update container {}", short(container)),
        Call::ConnectNetwork { container, network, .. } => {
            format!("connect container {} to network {network}", short(container))
        }
        Call::DisconnectNetwork { container, network } => {
            format!("disconnect container {} from network {}", short(container), short(network))
        }
        Call::AwaitContainer { container, .. } => format!("wait for container {}", short(container)),
        Call::RunHealthScript { script, .. } => format!("run {}", script.path),
    }
}

/// An id as Docker shows it; a name as it is.
fn short(id: &str) -> &str {
    match id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
        true => &id[..12],
        false => id,
    }
}

//! The sentences for what a plan says as data: notes, blocks, objections, data at stake, dependents. Text, JSON and
//! Markdown all take them from here.

use super::english::{plural, shortened};
use super::step;
use crate::model::spec::PullPolicy;
use crate::model::view::{FileKind, Interrupted};
use crate::plan::{Block, Dependent, Holder, Note, Objection, ObjectionKind, Stake, UnknownCause};

/// A note as whole sentences.
pub fn note(note: &Note) -> String {
    match note {
        Note::Interrupted(Interrupted { about, operation, begun_at }) => format!(
            "An apply was cut off at {begun_at} during this step: {} ({about}). The plan starts from what is there now.",
            step::begun(operation)
        ),
        Note::ClockDiffers { node, ahead } => {
            let way = if *ahead > 0 { "ahead of" } else { "behind" };
            format!(
                "The clock of {node} is {} {way} this machine's. Certificates and one-time passwords depend on it; \
                 `timedatectl` there tells whether it is set from the network.",
                coarse(ahead.abs())
            )
        }
        Note::Orphan { addr } => format!(
            "Container {} of service {} runs on {} and is not declared. hl leaves it alone; `docker rm -f` removes it.",
            addr.name, addr.service, addr.node
        ),
        Note::NeedsStopped { service, needed } => {
            format!("{service} needs {needed}, which is declared stopped; hl does not wait for it.")
        }
        Note::SharerOfOthers { addr, sharer } => format!(
            "{sharer} uses a namespace or the volumes of {addr} and is not hl's: it has to be made anew by whoever made it"
        ),
        Note::OwnerByName { addr, path, user } => format!(
            "{path} is made on {}, and belongs to who makes it: only the image knows which number its user {user} has. If \
             {user} may not write there, `sudo chown NUMBER {path}` there, or write the number as `user` in the compose file.",
            addr.node
        ),
        Note::NetworkInUse { network, users } => {
            let use_it = if users.len() == 1 { "uses it" } else { "use it" };
            format!("Network {network} is no longer declared and stays, because {} {use_it}.", users.join(", "))
        }
        Note::RemnantsStay { service, node } => {
            format!("What {service} left on other nodes stays until {service} is verified on {node}.")
        }
    }
}

/// Seconds in the unit that suits them, rounded down.
fn coarse(seconds: i64) -> String {
    match seconds {
        0..7_200 => plural(usize::try_from(seconds / 60).unwrap_or(0), "minute"),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Why a service is blocked, as it stands after `blocked, `.
pub fn block(of: &Block) -> String {
    match of {
        Block::Unresolved { why } => why.clone(),
        Block::DataOnUnknownNode { node } => {
            format!("its data is on {node}, which cannot be read; wait until it can, or set `owner_node: {node}` again")
        }
        Block::MoveUnfinished { home, begun } => format!(
            "its move from {home} to {begun} is not finished; set `owner_node: {begun}` to finish it, or `owner_node: {home}` to give it up"
        ),
        Block::MoveNotCleared { home, from } => format!(
            "it has moved from {from} to {home}, and what it left on {from} is not cleared yet; set `owner_node: {home}` and apply first"
        ),
        Block::ProjectChanged { was, now } => format!(
            "it runs as project {was}, and its files say {now}: everything would be made anew beside what runs, with empty volumes; write `project: {was}` into its service.yaml to keep what runs, or take it down first with `hl delete`"
        ),
        Block::LooksRenamed { old, project } => format!(
            "it looks like {old}, which runs as project {project} and is no longer declared; if it is the same, write `project: {project}` into its service.yaml to keep what runs, or `renamed_from: {old}` to make it anew with copies of its volumes; if it is not, take {old} down first with `hl delete {old}`"
        ),
        Block::RenamedElsewhere { old, node } => format!(
            "it was {old}, which is on {node}, and cannot get another name and another node at once; set `owner_node: {node}` and apply, then move it"
        ),
        Block::VolumesNotCopied { old, project, volumes } => format!(
            "it was {old}, which has data in volumes with a driver or options of their own ({}), and hl does not know where that is; write `project: {project}` into its service.yaml to keep them, in the place of `renamed_from`",
            volumes.join(", "),
        ),
        Block::LooksUndeclared { project, own, node } => format!(
            "it looks like project {project}, which runs on {node} and which nothing declares; write `project: {project}` into its service.yaml to take that over as it runs, or `project: {own}` to make another one beside it"
        ),
        Block::EnvLeftBehind { old, from, to, node } => format!(
            "it was {old}, whose passwords are in {from}/.env on {node}; move the folder there, `mv {from} {to}`, and plan again"
        ),
        Block::VolumesStuck { node, volumes } => format!(
            "it has data on {node} in volumes with a driver or options of their own ({}), and hl does not know where that is; copy it by hand and remove the volumes there, or set `owner_node: {node}` again",
            volumes.join(", "),
        ),
        Block::OnSeveralNodes => "it runs on several other nodes; stop it by hand on all but one".to_owned(),
        Block::OtherDirectory { service, running, declared } => format!(
            "it runs from {running}, and its mounts would be taken from {declared} instead; set `project_dir: {running}` in services/{service}/service.yaml, or move the data first and stop it",
        ),
        Block::PathInTheWay { path, wanted, node } => {
            let wanted = if *wanted == FileKind::Directory { "folder" } else { "file" };
            format!(
                "something else is at {path} on {node}, where a {wanted} is to be; look at what it is, move it out of the way there, `mv {path} {path}.old`, and plan again"
            )
        }
        Block::NeedsUnknown { needed, node, cause } => {
            format!("it needs {needed} on {node}, which is unknown: {}", unknown_cause(cause))
        }
        Block::NeedsBlocked { needed, block: why } => {
            format!("it needs {needed}, which is blocked: {}", block(why))
        }
    }
}

/// Why a node is not planned.
pub fn unknown_cause(cause: &UnknownCause) -> &str {
    match cause {
        UnknownCause::Unreachable { why, .. } => why,
        UnknownCause::Maintenance => "in maintenance",
    }
}

/// The hint for a node that is not planned; empty if there is none.
pub fn unknown_hint(cause: &UnknownCause) -> &str {
    match cause {
        UnknownCause::Unreachable { hint, .. } => hint,
        UnknownCause::Maintenance => "",
    }
}

/// An objection's kind.
pub fn objection_kind(kind: ObjectionKind) -> &'static str {
    match kind {
        ObjectionKind::DataLoss => "data would be lost",
        ObjectionKind::Protected => "protected",
        ObjectionKind::Impossible => "impossible",
        ObjectionKind::TooMany => "too many changes",
        ObjectionKind::Empty => "nothing is declared",
        ObjectionKind::Incomplete => "incomplete",
    }
}

/// An objection as a whole sentence.
pub fn objection(objection: &Objection) -> String {
    match objection {
        Objection::VolumeRemade { volume, .. } => {
            format!("Volume {volume} cannot be changed in place; replacing it would destroy all data in it.")
        }
        Objection::ProtectedService { service, .. } => {
            format!("Service {service} is protected, and its folder is gone from the repository.")
        }
        Objection::NameTaken { addr, holder } => {
            format!("The name {} is taken on {} by {}.", holder.name, addr.node, described(holder))
        }
        Objection::PortTaken { addr, port, holder } => {
            format!("Port {}/{} of {} is taken by {}.", port.published, port.protocol, addr.node, described(holder))
        }
        Objection::AddressTaken { address, network, holder, .. } => {
            format!("Address {address} of network {network} is taken by {}.", described(holder))
        }
        Objection::ParentMissing { addr, parent, there } => {
            format!("{} has no interface {parent}; it has {}.", addr.node, shortened(there, 8))
        }
        Objection::SubnetTaken { addr, subnet, network, owner } => match owner {
            Some(owner) => format!("Subnet {subnet} is taken on {} by network {network} of {owner}.", addr.node),
            None => format!("Subnet {subnet} is taken on {} by network {network}.", addr.node),
        },
        Objection::ExternalMissing { addr, external, name } => format!(
            "The external {} {name} that {} uses does not exist on {}.",
            external.as_str(),
            addr.service,
            addr.node
        ),
        Objection::SharerLeft { addr, sharer } => format!(
            "{addr} changes, and {} uses a namespace or the volumes of it and cannot follow.",
            described(sharer),
        ),
        Objection::OwnerStopped { addr, owner } => {
            format!("{addr} runs in a namespace of {owner}, and {} is declared stopped.", owner.service)
        }
        Objection::TooManyChanges { count, most } => {
            format!("The plan has {count} changes, and --max-changes allows {most}.")
        }
        Objection::NothingDeclared { recorded } => format!(
            "The repository declares no service, although {recorded} are recorded: that looks like a broken checkout."
        ),
        Objection::NodeUnknown { node } => {
            format!("{node} cannot be read, and `--require-all-nodes` refuses to plan without it.")
        }
    }
}

/// The way out of an objection.
pub fn objection_hint(objection: &Objection) -> String {
    match objection {
        Objection::VolumeRemade { addr, .. } => {
            format!("Back up the data and allow it with `--allow-data-loss {addr}`, or put the old settings back.")
        }
        Objection::ProtectedService { service, .. } => format!(
            "Bring services/{service} back, or bring it back with `lifecycle: {{protect: false}}`, apply, and remove it then."
        ),
        Objection::NameTaken { holder: Holder { owner: Some(owner), .. }, .. } => {
            format!("Give one of the two another container_name; {owner} gives it up if it is planned as well.")
        }
        Objection::NameTaken { holder, .. } => format!(
            "Remove it with `docker rm -f {}` if nobody needs it, or choose another container_name.",
            holder.name
        ),
        Objection::PortTaken { holder: Holder { owner: Some(owner), .. }, .. } => {
            format!("Choose another published port; {owner} gives it up if it is planned as well.")
        }
        Objection::PortTaken { holder, .. } => {
            format!("Choose another published port, or stop what holds it with `docker stop {}`.", holder.name)
        }
        Objection::AddressTaken { network, holder: Holder { name, owner: Some(_), .. }, .. } => format!(
            "Free it with `docker network disconnect {network} {name}` and apply: that connects it again, at another address."
        ),
        Objection::AddressTaken { network, holder: Holder { name, .. }, .. } => format!(
            "Free it with `docker network disconnect {network} {name}`, apply, and connect it again with `docker network connect \
             {network} {name}`; or choose another address."
        ),
        Objection::ParentMissing { .. } => "Write one of them as the `parent` of the network.".to_owned(),
        Objection::SubnetTaken { owner: Some(_), .. } => "Choose another subnet for one of the two.".to_owned(),
        Objection::SubnetTaken { network, .. } => match network.as_str() {
            "bridge" => "Choose another subnet.".to_owned(),
            _ => format!("Choose another subnet, or remove it with `docker network rm {network}` if nobody needs it."),
        },
        Objection::ExternalMissing { external, name, .. } => format!(
            "Create it with `docker {} create {name}`, or declare it in the service that owns it.",
            external.as_str()
        ),
        Objection::SharerLeft { sharer, .. } => {
            format!("Plan without `--exclude`, and mend what keeps the service of {} from being planned.", sharer.name)
        }
        Objection::OwnerStopped { addr, owner } => {
            format!("Set `state: running` for {}, or `state: stopped` for {} as well.", owner.service, addr.service)
        }
        Objection::TooManyChanges { .. } => "Look at the plan; raise --max-changes if it is what you want.".to_owned(),
        Objection::NothingDeclared { .. } => {
            "Check the folder (-C DIR). To remove services on purpose, use `hl delete SERVICE`.".to_owned()
        }
        Objection::NodeUnknown { .. } => "Repair the node, or plan without `--require-all-nodes`.".to_owned(),
    }
}

fn described(holder: &Holder) -> String {
    match (&holder.owner, &holder.project) {
        (Some(owner), _) => format!("container {} of {owner}", holder.name),
        (None, Some(project)) => format!("container {} of project {project}", holder.name),
        (None, None) => format!("container {}, which no compose file made", holder.name),
    }
}

/// The consequence for data, as a whole sentence.
pub fn stake(stake: &Stake) -> String {
    match stake {
        Stake::VolumeRemade { volume } => format!("All data in volume {volume} would be destroyed."),
        Stake::VolumeRemoved { volume } => format!("All data in volume {volume} is destroyed."),
        Stake::VolumeStays { volume, node } => {
            format!("Volume {volume} and its data stay on {node}; `docker volume rm {volume}` there removes them.")
        }
        Stake::PathStays { path, node } => format!("{path} stays on {node} with everything in it."),
        Stake::ChangedFileStays { path, node } => {
            format!("{path} was changed on {node} after hl wrote it, so it stays there; remove it if nobody needs it.")
        }
        Stake::FolderRetired { path, node } => {
            format!("{path} stays on {node} as {path}.moved-DATE; `hl apply --prune-moved` removes it.")
        }
        Stake::VolumeRetired { volume, node } => {
            format!("Volume {volume} stays on {node}; `hl apply --prune-moved` removes it.")
        }
        Stake::RemnantRemoved => "It is removed with everything in it.".to_owned(),
        Stake::MountDropped { target, source } => {
            let source = source.source();
            format!("{target} is no longer kept in {source}; what is in {source} stays there.")
        }
        Stake::MountRepointed { target, from, to } => {
            let (from, to) = (from.source(), to.source());
            format!("{target} moves from {from} to {to}; the data stays in {from}.")
        }
    }
}

/// The name of a dependent of a resource: a whole address, `nas/immich` for a service, or the name of a container.
pub fn dependent(dependent: &Dependent) -> String {
    match dependent {
        Dependent::Resource(addr) => addr.to_string(),
        Dependent::Service { node, service } => format!("{node}/{service}"),
        Dependent::Container(name) => name.clone(),
    }
}

/// A pull policy.
pub fn pull_policy(policy: &PullPolicy) -> String {
    match policy {
        PullPolicy::Missing => "missing".to_owned(),
        PullPolicy::Always => "always".to_owned(),
        PullPolicy::Never => "never".to_owned(),
        PullPolicy::Build => "build".to_owned(),
        PullPolicy::Every(seconds) => format!("every {seconds} s"),
    }
}

//! The sentences for what a plan says as data: notes, blocks, objections, data at stake, dependents. Text, JSON and
//! Markdown all take them from here.

use super::english::{list, plural, shortened};
use super::step;
use crate::model::NodeName;
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
pub(super) fn coarse(seconds: i64) -> String {
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
        Block::ProjectChanged { service, was, now } => format!(
            "it runs as project {was}, and its files say {now}: everything would be made anew beside what runs, with empty volumes; write `project: {was}` into its service.yaml to keep what runs, or take it down first with `hl delete {service}`"
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
        Block::OnSeveralNodes { home: Some(home), nodes } => format!(
            "something of it is on {}; set `owner_node: {home}` again and run `hl apply`, which clears the others, and move it then",
            list(&nodes.iter().map(NodeName::as_str).collect::<Vec<_>>())
        ),
        Block::OnSeveralNodes { home: None, nodes } => format!(
            "something of it is on {}; set `owner_node` to the one that has its data",
            list(&nodes.iter().map(NodeName::as_str).collect::<Vec<_>>())
        ),
        Block::OtherDirectory { service, running, declared } => format!(
            "it runs from {running}, and its mounts would be taken from {declared} instead; set `project_dir: {running}` in services/{service}/service.yaml, or move the data first and stop it",
        ),
        Block::PathInTheWay { path, wanted, node } => {
            let wanted = if *wanted == FileKind::Directory { "folder" } else { "file" };
            format!(
                "something else is at {path} on {node}, where a {wanted} is to be; look at what it is, move it out of the way there, `mv {path} {path}.old`, and plan again"
            )
        }
        Block::PathUnreadable { path, why, node } => format!(
            "hl may not read {path} on {node}: {why}; give it to hl's user there, `sudo chown USER {path}`, and plan again"
        ),
        Block::NeedsUnknown { needed, node, cause } => {
            let way_out = match cause {
                UnknownCause::Unreachable { .. } => "plan again when it answers",
                UnknownCause::Maintenance => "take `maintenance: true` away",
            };
            let cause = unknown_cause(cause);
            format!(
                "it needs {needed} on {node}, which is unknown: {cause}; {way_out}, or take {needed} out of `depends_on`"
            )
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
        Objection::VolumeHeld { volume, holder, .. } => {
            format!("Volume {volume} is mounted by {}, which does not go with it.", described(holder))
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
        Objection::VolumeHeld { holder: Holder { owner: Some(owner), .. }, .. } => {
            format!(
                "Take it down first with `hl delete {owner}`, apply this, and apply once more: {owner} comes back then."
            )
        }
        Objection::VolumeHeld { holder, .. } => {
            format!(
                "Remove it yourself with `docker rm -f {}` if nobody needs it, or leave the volume alone.",
                holder.name
            )
        }
        Objection::ProtectedService { service, .. } => format!(
            "Bring services/{service} back, or bring it back with `lifecycle: {{protect: false}}`, apply, and remove it then."
        ),
        Objection::NameTaken { holder: Holder { owner: Some(owner), .. }, .. } => {
            format!(
                "Give one of the two another `container_name`; {owner} gives it up if `--target` and `--exclude` do not leave it out."
            )
        }
        Objection::NameTaken { holder, .. } => format!(
            "Remove it with `docker rm -f {}` if nobody needs it, or choose another `container_name`.",
            holder.name
        ),
        Objection::PortTaken { holder: Holder { owner: Some(owner), .. }, .. } => {
            format!(
                "Choose another published port in `ports`; {owner} gives it up if `--target` and `--exclude` do not leave it out."
            )
        }
        Objection::PortTaken { holder, .. } => {
            format!(
                "Choose another published port in `ports`, or stop what holds it with `docker stop {}`.",
                holder.name
            )
        }
        Objection::AddressTaken { network, holder: Holder { name, owner: Some(_), .. }, .. } => format!(
            "Free it with `docker network disconnect {network} {name}` and apply: that connects it again, at another address."
        ),
        Objection::AddressTaken { network, holder: Holder { name, .. }, .. } => format!(
            "Free it with `docker network disconnect {network} {name}`, apply, and connect it again with `docker network connect \
             {network} {name}`; or choose another address."
        ),
        Objection::ParentMissing { .. } => "Write one of them as the `parent` of the network.".to_owned(),
        Objection::SubnetTaken { owner: Some(_), .. } => "Choose another `subnet` for one of the two.".to_owned(),
        Objection::SubnetTaken { network, .. } => match network.as_str() {
            "bridge" => "Choose another `subnet`.".to_owned(),
            _ => {
                format!("Choose another `subnet`, or remove it with `docker network rm {network}` if nobody needs it.")
            }
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
        Objection::TooManyChanges { count, .. } => {
            format!("Look at the plan; `--max-changes {count}` allows it if it is what you want.")
        }
        Objection::NothingDeclared { .. } => {
            "Check the folder (`-C DIR`). To remove services on purpose, use `hl delete SERVICE`.".to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spec::Port;
    use crate::model::{Addr, ProjectName, ServiceName};
    use crate::plan::External;

    /// The place of a kind among all, which the compiler holds to be complete.
    fn place_of_block(of: &Block) -> usize {
        match of {
            Block::Unresolved { .. } => 0,
            Block::DataOnUnknownNode { .. } => 1,
            Block::MoveUnfinished { .. } => 2,
            Block::MoveNotCleared { .. } => 3,
            Block::ProjectChanged { .. } => 4,
            Block::LooksRenamed { .. } => 5,
            Block::LooksUndeclared { .. } => 6,
            Block::EnvLeftBehind { .. } => 7,
            Block::VolumesStuck { .. } => 8,
            Block::OnSeveralNodes { home: None, .. } => 9,
            Block::OnSeveralNodes { home: Some(_), .. } => 10,
            Block::OtherDirectory { .. } => 11,
            Block::PathInTheWay { .. } => 12,
            Block::NeedsUnknown { cause: UnknownCause::Maintenance, .. } => 13,
            Block::NeedsUnknown { cause: UnknownCause::Unreachable { .. }, .. } => 14,
            Block::NeedsBlocked { .. } => 15,
            Block::PathUnreadable { .. } => 16,
            Block::RenamedElsewhere { .. } => 17,
            Block::VolumesNotCopied { .. } => 18,
        }
    }

    #[test]
    fn each_block_names_a_way_out() {
        let (node, service) = (NodeName::new("nas").unwrap(), ServiceName::new("web").unwrap());
        let (project, path) = (ProjectName::new("web").unwrap(), "/opt/x".to_owned());
        let needs = |cause| Block::NeedsUnknown { needed: service.clone(), node: node.clone(), cause };
        let unreachable = UnknownCause::Unreachable { why: "no route to host".to_owned(), hint: String::new() };
        let all = [
            // The configuration has its own words for the way out, and its own test of them.
            Block::Unresolved { why: "its files have errors; `hl validate` says which".to_owned() },
            Block::DataOnUnknownNode { node: node.clone() },
            Block::MoveUnfinished { home: node.clone(), begun: node.clone() },
            Block::MoveNotCleared { home: node.clone(), from: node.clone() },
            Block::ProjectChanged { service: service.clone(), was: project.clone(), now: project.clone() },
            Block::LooksRenamed { old: service.clone(), project: project.clone() },
            Block::LooksUndeclared { project: project.clone(), own: project.clone(), node: node.clone() },
            Block::EnvLeftBehind { old: service.clone(), from: path.clone(), to: path.clone(), node: node.clone() },
            Block::VolumesStuck { node: node.clone(), volumes: vec!["v".to_owned()] },
            Block::OnSeveralNodes { home: None, nodes: vec![node.clone()] },
            Block::OnSeveralNodes { home: Some(node.clone()), nodes: vec![node.clone()] },
            Block::OtherDirectory { service: service.clone(), running: path.clone(), declared: path.clone() },
            Block::PathInTheWay { path: path.clone(), wanted: FileKind::File, node: node.clone() },
            needs(UnknownCause::Maintenance),
            needs(unreachable),
            Block::NeedsBlocked { needed: service.clone(), block: Box::new(needs(UnknownCause::Maintenance)) },
            Block::PathUnreadable { path: path.clone(), why: "permission denied".to_owned(), node: node.clone() },
            Block::RenamedElsewhere { old: service.clone(), node: node.clone() },
            Block::VolumesNotCopied { old: service.clone(), project: project.clone(), volumes: vec!["v".to_owned()] },
        ];
        assert_eq!(all.iter().map(place_of_block).collect::<Vec<_>>(), (0..all.len()).collect::<Vec<_>>());
        for of in &all {
            let said = block(of);
            let (_, way_out) = said.split_once("; ").unwrap_or_default();
            assert!(way_out.matches('`').count() >= 2, "{said}");
        }
    }

    fn place_of_objection(of: &Objection) -> usize {
        match of {
            Objection::VolumeRemade { .. } => 0,
            Objection::ProtectedService { .. } => 1,
            Objection::NameTaken { .. } => 2,
            Objection::PortTaken { .. } => 3,
            Objection::AddressTaken { .. } => 4,
            Objection::ParentMissing { .. } => 5,
            Objection::SubnetTaken { .. } => 6,
            Objection::ExternalMissing { .. } => 7,
            Objection::SharerLeft { .. } => 8,
            Objection::OwnerStopped { .. } => 9,
            Objection::VolumeHeld { .. } => 13,
            Objection::TooManyChanges { .. } => 10,
            Objection::NothingDeclared { .. } => 11,
            Objection::NodeUnknown { .. } => 12,
        }
    }

    #[test]
    fn each_objection_names_a_way_out() {
        let service = ServiceName::new("web").unwrap();
        let (addr, text): (Addr, _) = ("nas/web/container:web".parse().unwrap(), || "x".to_owned());
        let port = Port { target: 80, protocol: "tcp".to_owned(), host_ip: String::new(), published: "80".to_owned() };
        let mut places = std::collections::BTreeSet::new();
        for owner in [None, Some(service.clone())] {
            let holder = Holder { name: text(), project: None, owner: owner.clone() };
            let (a, h) = (|| addr.clone(), || holder.clone());
            let taken = |network: &str| Objection::SubnetTaken {
                addr: a(),
                subnet: text(),
                network: network.to_owned(),
                owner: owner.clone(),
            };
            let all = [
                Objection::VolumeRemade { addr: a(), volume: text() },
                Objection::VolumeHeld { addr: a(), volume: text(), holder: h() },
                Objection::ProtectedService { addr: None, service: service.clone() },
                Objection::NameTaken { addr: a(), holder: h() },
                Objection::PortTaken { addr: a(), port: port.clone(), holder: h() },
                Objection::AddressTaken { addr: a(), address: text(), network: text(), holder: h() },
                Objection::ParentMissing { addr: a(), parent: text(), there: vec![text()] },
                taken("n"),
                taken("bridge"),
                Objection::ExternalMissing { addr: a(), external: External::Network, name: text() },
                Objection::SharerLeft { addr: a(), sharer: h() },
                Objection::OwnerStopped { addr: a(), owner: a() },
                Objection::TooManyChanges { count: 2, most: 1 },
                Objection::NothingDeclared { recorded: 1 },
                Objection::NodeUnknown { node: NodeName::new("nas").unwrap() },
            ];
            for of in &all {
                let way_out = objection_hint(of);
                assert!(way_out.matches('`').count() >= 2, "{of:?}: {way_out}");
                places.insert(place_of_objection(of));
            }
        }
        assert_eq!(places, (0..14).collect());
    }
}

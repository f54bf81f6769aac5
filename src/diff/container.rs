//! Containers: which live one is which declared one, and how they differ.

use std::collections::{BTreeMap, BTreeSet};

use super::resources::is_ignored;
use super::three_way::{Identity, Views, compare};
use super::{Change, Cost, Presence, ServiceViews, all_new};
use crate::model::homelab::{Container, Role, RunState, Service};
use crate::model::live_index::NodeIndex;
use crate::model::spec::{FileSpec, ImageRef, MountKind, RestartPolicy, content_text};
use crate::model::typed::{NetworkEnd, State};
use crate::model::view::{LiveContainer, LiveNode, OneOff, Recorded, RecordedView, Status};
use crate::model::{Addr, Field, Fields, Key, Kind, Text, Typed, Value};

/// The live containers of one service, by what they are to it.
#[derive(Clone, Debug, Default)]
pub struct Instances<'a> {
    /// Address name → the container that counts.
    pub current: BTreeMap<String, &'a LiveContainer>,
    /// Address name → further containers in the same place.
    pub leftovers: BTreeMap<String, Vec<&'a LiveContainer>>,
    /// Containers of the project that no Compose service of it declares.
    pub orphans: Vec<&'a LiveContainer>,
}

/// Finds the live containers of a service by Compose's labels, never by name: names can be changed.
pub fn instances<'a>(service: &Service, recorded: &RecordedView, node: &NodeIndex<'a>) -> Instances<'a> {
    let mut places: BTreeMap<String, Vec<&'a LiveContainer>> = BTreeMap::new();
    let mut found = Instances::default();
    let declared: BTreeMap<(&str, u32), &String> =
        service.containers.iter().map(|(name, c)| ((c.compose_service.as_str(), c.number), name)).collect();
    for container in node.of_project(&service.project) {
        let Some(identity) = &container.identity else { continue };
        if identity.one_off == OneOff::Yes || service.disabled.contains(&identity.service) {
            continue;
        }
        match declared.get(&(identity.service.as_str(), identity.number)) {
            Some(name) => places.entry((*name).clone()).or_default().push(container),
            None => found.orphans.push(container),
        }
    }
    for (name, mut candidates) in places {
        let record = recorded.resources.get(&service.addr(Kind::Container, &name)).map(|r| r.id.as_str());
        let declared = &service.containers[&name].spec.name;
        // The one that counts: the one with the final name, else the recorded one, else the newest.
        candidates.sort_by_key(|c| {
            (c.name != *declared, Some(c.id.as_str()) != record, std::cmp::Reverse(c.created_at), c.id.clone())
        });
        found.current.insert(name.clone(), candidates.remove(0));
        if !candidates.is_empty() {
            found.leftovers.insert(name, candidates);
        }
    }
    found
}

/// Compose service and instance of an address name: `web#2` is the second `web`.
pub(super) fn instance_of(name: &str) -> (&str, u32) {
    match name.rsplit_once('#') {
        Some((service, number)) => number.parse().map_or((name, 1), |n| (service, n)),
        None => (name, 1),
    }
}

/// The changes of all containers of a service.
pub(super) fn changes(views: &ServiceViews<'_>) -> Vec<Change> {
    let found = instances(views.service, views.recorded, views.index);
    let mut changes = Vec::new();
    for (name, container) in &views.service.containers {
        let addr = views.service.addr(Kind::Container, name);
        let current = found.current.get(name).or_else(|| views.rehomed.get(&addr)).copied();
        changes.extend(match current {
            Some(live) => compare_container(views, addr, container, live),
            None => Some(missing(views, addr, container)),
        });
    }
    let extra = |name: String, presence, container: &LiveContainer| Change {
        addr: views.service.addr(Kind::Container, name),
        presence,
        live_id: Some(container.id.clone()),
        renamed_from: None,
        fields: Vec::new(),
    };
    for leftover in found.leftovers.values().flatten() {
        changes.push(extra(leftover.name.clone(), Presence::Leftover, leftover));
    }
    let is_elsewhere = |orphan: &&LiveContainer| views.rehomed.values().any(|live| live.id == orphan.id);
    for orphan in found.orphans.into_iter().filter(|orphan| !is_elsewhere(orphan)) {
        let name = orphan.identity.as_ref().map_or_else(
            || orphan.name.clone(),
            |i| match i.number {
                1 => i.service.clone(),
                n => format!("{}#{n}", i.service),
            },
        );
        let recorded = views.recorded.resources.contains_key(&views.service.addr(Kind::Container, &name));
        changes.push(extra(name, if recorded { Presence::Undeclared } else { Presence::Orphan }, orphan));
    }
    changes
}

fn missing(views: &ServiceViews<'_>, addr: Addr, container: &Container) -> Change {
    let presence = match views.recorded.resources.contains_key(&addr) {
        true => Presence::Gone,
        false => Presence::New,
    };
    let fields = all_new(&container.spec.fields(), views.sealer);
    Change { addr, presence, live_id: None, renamed_from: None, fields }
}

fn compare_container(
    views: &ServiceViews<'_>,
    addr: Addr,
    container: &Container,
    live: &LiveContainer,
) -> Option<Change> {
    let record = views.recorded.resources.get(&addr);
    let mut declared = container.spec.fields();
    // Rule of the comparison: the image that counts is the container's own, not the one that its
    // name points to now. After a tag has moved, the new image's defaults would all look like drift.
    let image = views.live.images.get(&live.image_id).and_then(|i| i.config.as_ref());
    let mut expected = image.map_or_else(|| declared.clone(), |image| container.spec.with_image(image).fields());
    let mut fields = live_fields(live);
    // An adopted container may have been made from an id or a digest of the very same image.
    let target = views.index.image(&container.spec.image);
    if target.is_some_and(|t| t.id == live.image_id) && names_no_tag(&live.spec.image) {
        fields.set(Key::Image, Value::text(container.spec.image.familiar()));
    }
    let state = match cut_off(live, views.live).filter(|_| views.service.state == RunState::Running) {
        Some(owner) => State::CutOff(owner.name.clone()),
        None => shown_state(views.service.state, container, live, record),
    };
    fields.set(Key::State, state.into());
    for map in [&mut declared, &mut expected] {
        map.set(Key::State, wanted_state(views.service.state).into());
        if let Some(target) = target {
            map.set(Key::ImageContent, Value::text(&target.id));
        }
    }
    if target.is_none() {
        // The name points to nothing here; that says nothing about the container.
        fields.remove(&Field::key(Key::ImageContent));
    }
    let identity = match record {
        Some(record) if record.id != live.id => Identity::MadeAnew,
        _ => Identity::Same,
    };
    let recorded = record.filter(|_| identity == Identity::Same).map(|r| &r.declared);
    copy_unseen(&mut fields, &declared, recorded);
    for asked in [Some(&declared), record.map(|record| &record.declared)].into_iter().flatten() {
        show_mac_address(&mut fields, live, asked);
    }
    show_files(&mut fields, &declared, recorded, views);
    let known = record.map(|r| (&r.declared, &r.baseline));
    let mut changes = compare(
        &Views {
            kind: Kind::Container,
            declared: &declared,
            expected: &expected,
            recorded: known,
            identity,
            live: &fields,
        },
        views.sealer,
    );
    changes.retain(|c| !is_ignored(views.service, &addr, &c.field) && !is_left_to_node(views.service, &c.field));
    for change in &mut changes {
        let came_or_went = change.declared.is_none() || change.live.is_none();
        if change.verdict.needs_action() && came_or_went && is_mounted_by_itself(views, container, live, &change.field)
        {
            change.cost = Cost::Replace;
        }
    }
    // Another image has another content; that is one change and not two.
    if changes.iter().any(|c| c.field.key == Key::Image && c.verdict.needs_action()) {
        changes.retain(|c| c.field.key != Key::ImageContent);
    }
    // The end of a network comes and goes with all its settings; that is one change too.
    let whole: BTreeSet<Option<String>> = changes
        .iter()
        .filter(|c| c.field.key == Key::Networks && c.field.part.is_none() && c.verdict.needs_action())
        .map(|c| c.field.item.clone())
        .collect();
    changes.retain(|c| c.field.key != Key::Networks || c.field.part.is_none() || !whole.contains(&c.field.item));
    let presence = match record {
        Some(_) if views.rehomed.contains_key(&addr) => Presence::Rehomed,
        Some(_) => Presence::Known,
        None => Presence::Unrecorded,
    };
    let settled = changes.is_empty() && presence == Presence::Known && identity == Identity::Same;
    let live_id = Some(live.id.clone());
    (!settled).then_some(Change { addr, presence, live_id, renamed_from: None, fields: changes })
}

/// Whether a field is the content of a shipped file that is left to whoever writes it on the node.
fn is_left_to_node(service: &Service, field: &Field) -> bool {
    let (Key::MountedFiles, Some(below)) = (field.key, &field.item) else { return false };
    let path = format!("{}/{below}", service.project_dir);
    let mut shipped = service.files.iter().filter(|(_, file)| file.path == path);
    shipped.any(|(name, _)| is_ignored(service, &service.addr(Kind::File, name), &Field::key(Key::Content)))
}

/// Whether a field is the content of a file that the container mounts by itself: where it was no file before, or is none
/// any more, the mount in the container is of another kind, which the engine fixes at creation.
fn is_mounted_by_itself(views: &ServiceViews<'_>, container: &Container, live: &LiveContainer, field: &Field) -> bool {
    let (Key::MountedFiles, Some(below)) = (field.key, &field.item) else { return false };
    let path = format!("{}/{below}", views.service.project_dir);
    let mounts = container.spec.mounts.values().chain(live.spec.mounts.values());
    mounts.map(|mount| &mount.kind).any(|kind| matches!(kind, MountKind::Bind { source, .. } if *source == path))
}

/// The normal form of a live container, with its state and the image that it was made from.
pub fn live_fields(live: &LiveContainer) -> Fields {
    let mut fields = live.spec.fields();
    fields.set(Key::State, State::Container(live.status.clone()).into());
    fields.set(Key::ImageContent, Value::text(&live.image_id));
    // It hangs on a network that is not there any more, even if there is one of the same name.
    for network in live.stale_networks.keys() {
        fields.set_item(Key::Networks, network, Typed::End(NetworkEnd::Gone).into());
    }
    fields
}

/// Newer engines show a container's MAC address only at the end of a network, beside addresses that they made
/// themselves: there it counts as the container's own if it is the one that was asked for.
pub fn show_mac_address(fields: &mut Fields, live: &LiveContainer, asked: &Fields) {
    let field = Field::key(Key::MacAddress);
    let Some(Value::Text(Text::Plain(address))) = asked.get(&field) else { return };
    let has_it = live.spec.networks.values().any(|end| end.mac_address.as_ref() == Some(address));
    if has_it && fields.get(&field).is_none() {
        fields.set(Key::MacAddress, Value::text(address));
    }
}

/// Copies the fields that the engine does not show from the record, or from the declaration if there is no record:
/// the content of files that were copied in or were read at the last start, and the build inputs of the image. A secret
/// that was recorded with the key of somebody else is no record.
fn copy_unseen(live: &mut Fields, declared: &Fields, recorded: Option<&Fields>) {
    for (field, value) in recorded.unwrap_or(declared).iter().filter(|(field, _)| field.key.is_unseen()) {
        let value = if is_unreadable(value) { declared.get(field).unwrap_or(value) } else { value };
        live.set_field(field.clone(), value.clone());
    }
}

fn is_unreadable(recorded: &Value) -> bool {
    *recorded == Value::Unknown
}

/// Without a record, a container can have read only the files that its node has: it has not read a file that hl is
/// about to write there.
fn show_files(live: &mut Fields, declared: &Fields, recorded: Option<&Fields>, views: &ServiceViews<'_>) {
    let shipped: BTreeMap<&str, &FileSpec> = views.service.files.values().map(|f| (f.path.as_str(), f)).collect();
    let is_known = |field: &Field| recorded.is_some_and(|r| !r.get(field).is_some_and(is_unreadable));
    let unknown = declared.iter().filter(|(field, _)| field.key == Key::MountedFiles && !is_known(field));
    for (field, value) in unknown {
        let below = field.item.as_deref().unwrap_or_default();
        let path = format!("{}/{below}", views.service.project_dir);
        if !shipped.contains_key(path.as_str()) {
            continue;
        }
        match views.live.files.get(&path).and_then(|file| file.content.as_deref()) {
            None => drop(live.remove(field)),
            Some(bytes) if value.is_secret() => live.set_field(field.clone(), Text::secret(content_text(bytes)).into()),
            Some(bytes) => live.set_field(field.clone(), Value::text(content_text(bytes))),
        }
    }
}

/// Whether a container was made from a digest or an id, so that its image's name says nothing.
pub fn names_no_tag(image: &ImageRef) -> bool {
    image.is_pinned() || image.as_str().chars().all(|c| c.is_ascii_hexdigit()) && image.as_str().len() >= 12
}

/// The declared value of `state`.
pub fn wanted_state(wanted: RunState) -> State {
    match wanted {
        RunState::Running => State::RUNNING,
        RunState::Stopped => State::Stopped,
    }
}

/// The live value of `state`. If the container is declared running, a completed job counts as running. If it is
/// declared stopped, every container that does not run counts as stopped.
fn shown_state(wanted: RunState, container: &Container, live: &LiveContainer, record: Option<&Recorded>) -> State {
    match (wanted, &live.status) {
        (RunState::Running, Status::Exited { code: 0 }) if is_done(container, live, record) => State::RUNNING,
        (RunState::Stopped, Status::Exited { .. } | Status::Created | Status::Dead | Status::Removing) => {
            State::Stopped
        }
        (_, status) => State::Container(status.clone()),
    }
}

/// The container whose namespace a running one uses as it was before that was started anew, if there is one. A container
/// joins a namespace when it starts, and the namespace ends with the one that it belongs to.
pub fn cut_off<'a>(live: &LiveContainer, node: &'a LiveNode) -> Option<&'a LiveContainer> {
    let started = |container: &LiveContainer| container.started_at.parse::<jiff::Timestamp>().ok();
    let own = started(live).filter(|_| live.status == Status::Running && !live.namespaces_of.is_empty())?;
    let owners = live.namespaces_of.iter().filter_map(|id| node.containers.get(id));
    owners.filter(|owner| owner.status == Status::Running).find(|owner| started(owner).is_some_and(|at| at > own))
}

/// Whether a container that ended with 0 has done what it is for. Without a restart policy it is a
/// job if somebody waits for its end, or if it had ended when hl last looked, although it was to run;
/// before that, if it offers nothing that others could use.
pub fn is_done(container: &Container, live: &LiveContainer, record: Option<&Recorded>) -> bool {
    let state = |fields: &Fields| fields.get(&Field::key(Key::State)).and_then(Value::state).cloned();
    // A container that hl stopped because of its declaration has not completed its job by ending.
    let ended_before = |record: &Recorded| {
        state(&record.declared) == Some(State::RUNNING)
            && state(&record.baseline) == Some(State::Container(Status::Exited { code: 0 }))
    };
    let spec = &container.spec;
    let offers = live.health.is_some() || spec.healthcheck.is_some() || !spec.ports.is_empty();
    spec.restart == RestartPolicy::No && (container.role == Role::OneShot || record.map_or(!offers, ended_before))
}

//! Networks, volumes, directories and files: how they differ.

use std::path::Path;

use super::three_way::{Identity, Views, compare};
use super::{Change, Cost, FieldChange, Presence, ServiceViews, Verdict, all_new};
use crate::envfile;
use crate::model::homelab::{Homelab, Network, Service, Volume};
use crate::model::spec::{FileContent, FileSpec, Variable, content_text};
use crate::model::typed::State;
use crate::model::view::{FileKind, LiveFile, LiveNode, Recorded};
use crate::model::{Addr, Field, Fields, Key, Kind, Sealer, Text, Value};

/// The changes of everything of a service that is not a container. External networks and volumes
/// are no resources of the service; the plan checks that they are there.
pub(super) fn changes(views: &ServiceViews<'_>) -> Vec<Change> {
    let service = views.service;
    let mut changes = Vec::new();
    for (name, network) in &service.networks {
        if let Network::Own(spec) = network {
            let live = views.index.network(&spec.name).map(|n| (n.id.clone(), n.spec.fields()));
            changes.extend(place(views, service.addr(Kind::Network, name), &spec.fields(), live));
        }
    }
    for (name, volume) in &service.volumes {
        if let Volume::Own(spec) = volume {
            let live = views.live.volumes.get(&spec.name).map(|v| (v.spec.name.clone(), v.spec.fields()));
            changes.extend(place(views, service.addr(Kind::Volume, name), &spec.fields(), live));
        }
    }
    for (name, spec) in &service.directories {
        let live = views.live.files.get(&spec.path).map(|f| (spec.path.clone(), path_fields(f, FileKind::Directory)));
        changes.extend(place(views, service.addr(Kind::Directory, name), &spec.fields(), live));
    }
    for (name, spec) in &service.files {
        let live = views.live.files.get(&spec.path).map(|f| (spec.path.clone(), file_fields(spec, f)));
        changes.extend(place(views, service.addr(Kind::File, name), &spec.fields(), live));
    }
    changes
}

fn place(views: &ServiceViews<'_>, addr: Addr, declared: &Fields, live: Option<(String, Fields)>) -> Option<Change> {
    let record = views.recorded.resources.get(&addr);
    let Some((id, live)) = live else {
        let presence = if record.is_some() { Presence::Gone } else { Presence::New };
        let fields = all_new(declared, views.sealer);
        return Some(Change { addr, presence, live_id: None, renamed_from: None, fields });
    };
    let identity = match record {
        Some(record) if record.id != id => Identity::MadeAnew,
        _ => Identity::Same,
    };
    let known = record.map(|r| (&r.declared, &r.baseline));
    let mut fields = compare(
        &Views { kind: addr.kind, declared, expected: declared, recorded: known, identity, live: &live },
        views.sealer,
    );
    fields.retain(|change| !is_ignored(views.service, &addr, &change.field));
    let presence = if record.is_some() { Presence::Known } else { Presence::Unrecorded };
    let settled = fields.is_empty() && presence == Presence::Known && identity == Identity::Same;
    (!settled).then_some(Change { addr, presence, live_id: Some(id), renamed_from: None, fields })
}

/// Whether the user leaves a field to the node. A file whose content is left to it is, once it is there, that of whoever
/// writes it, mode and owner included.
pub(super) fn is_ignored(service: &Service, addr: &Addr, field: &Field) -> bool {
    let is_listed = |field: &Field| {
        let listed = format!("{}:{}/{field}", addr.kind, addr.name);
        service.lifecycle.ignore_changes.contains(&listed)
    };
    let goes_with_content = addr.kind == Kind::File && matches!(field.key, Key::Mode | Key::Owner);
    is_listed(field) || goes_with_content && is_listed(&Field::key(Key::Content))
}

/// The fields of a path, whether it is a file or a directory; `wanted` is the declared file type.
pub fn path_fields(file: &LiveFile, wanted: FileKind) -> Fields {
    let mut fields = Fields::default();
    let state = match (file.kind, wanted) {
        (FileKind::File, FileKind::File) | (FileKind::Directory, FileKind::Directory) => State::Present,
        (instead, _) => State::Instead(instead),
    };
    fields.set(Key::State, state.into());
    fields.set(Key::Owner, Value::text(&file.owner));
    fields.set(Key::Mode, Value::text(format!("{:04o}", file.mode)));
    fields
}

/// Of an env file only whether each wanted variable is there counts: what a person wrote is right.
fn file_fields(spec: &FileSpec, file: &LiveFile) -> Fields {
    let mut fields = path_fields(file, FileKind::File);
    let bytes = file.content.as_deref().unwrap_or_default();
    match &spec.content {
        FileContent::Exactly(_) => fields.set(Key::Content, Value::text(content_text(bytes))),
        FileContent::Secret(_) => fields.set(Key::Content, Value::Text(Text::secret(content_text(bytes)))),
        FileContent::Variables(variables) => {
            for (name, assigned) in envfile::values(&String::from_utf8_lossy(bytes)) {
                match variables.get(&name) {
                    Some(Variable::Is(value)) => fields.set_item(Key::Environment, &name, Value::from(value.clone())),
                    // An empty one is still to be filled.
                    Some(Variable::Secret(value)) if !assigned.is_empty() => {
                        fields.set_item(Key::Environment, &name, Value::from(value.clone()));
                    }
                    Some(Variable::Generated { .. }) if !assigned.is_empty() => {
                        fields.set_item(Key::Environment, &name, Value::Unknown);
                    }
                    Some(Variable::Renewed(_)) => {
                        fields.set_item(Key::Environment, &name, Text::secret(assigned).into());
                    }
                    Some(Variable::Generated { .. } | Variable::Secret(_)) | None => {}
                }
            }
        }
    }
    fields
}

/// A recorded folder or file that nothing declares any more. The fields of a file are those that are not as hl left
/// them; of an env file, in which people keep values, nothing is. What is at the place of something that is declared now
/// is of that.
pub(super) fn undeclared_path(
    addr: &Addr,
    record: &Recorded,
    homelab: &Homelab,
    live: &LiveNode,
    sealer: &Sealer,
) -> Change {
    let on_node = || homelab.services.values().filter(|service| service.node == addr.node);
    let is_declared = match addr.kind {
        Kind::File => on_node().any(|s| s.files.values().any(|file| file.path == record.id)),
        _ => on_node().any(|s| s.directories.values().any(|directory| directory.path == record.id)),
    };
    let own = homelab.services.get(&addr.service).filter(|service| service.node == addr.node);
    let is_left_alone = own.is_some_and(|s| s.left_alone.iter().any(|path| Path::new(&record.id).starts_with(path)));
    let has_content = record.declared.get(&Field::key(Key::Content)).is_some();
    let there = live.files.get(&record.id).filter(|_| !is_declared && !is_left_alone);
    let fields =
        there.filter(|_| addr.kind == Kind::File && has_content).map(|file| changed_there(record, file, sealer));
    let presence = if there.is_some() { Presence::Undeclared } else { Presence::Forgotten };
    let live_id = there.map(|_| record.id.clone());
    Change { addr: addr.clone(), presence, live_id, renamed_from: None, fields: fields.unwrap_or_default() }
}

/// The difference between a file and how hl left it: its content, or that it is a file.
fn changed_there(record: &Recorded, file: &LiveFile, sealer: &Sealer) -> Vec<FieldChange> {
    let mut now = path_fields(file, FileKind::File);
    now.set(Key::Content, Value::Text(Text::secret(content_text(file.content.as_deref().unwrap_or_default()))));
    let fields = [Key::State, Key::Content].map(Field::key);
    let is_same = |field: &Field| match (record.baseline.get(field), now.get(field)) {
        (Some(was), Some(now)) => was.same(now, sealer),
        (was, now) => was.is_none() && now.is_none(),
    };
    let changed = fields.into_iter().filter(|field| !is_same(field));
    changed
        .map(|field| FieldChange {
            verdict: Verdict::Conflict,
            declared: None,
            recorded: record.baseline.get(&field).map(|value| value.sealed(sealer)),
            live: now.get(&field).map(|value| value.sealed(sealer)),
            cost: Cost::Ignored,
            field,
        })
        .collect()
}

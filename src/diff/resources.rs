//! Networks, volumes, directories and files: how they differ.

use super::three_way::{Identity, Views, compare};
use super::{Change, Presence, ServiceViews, all_new};
use crate::envfile;
use crate::model::homelab::{Network, Volume};
use crate::model::spec::{FileContent, FileSpec, Variable, content_text};
use crate::model::typed::State;
use crate::model::view::{FileKind, LiveFile};
use crate::model::{Addr, Fields, Key, Kind, Text, Value};

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
    let fields = compare(
        &Views { kind: addr.kind, declared, expected: declared, recorded: known, identity, live: &live },
        views.sealer,
    );
    let presence = if record.is_some() { Presence::Known } else { Presence::Unrecorded };
    let settled = fields.is_empty() && presence == Presence::Known && identity == Identity::Same;
    (!settled).then_some(Change { addr, presence, live_id: Some(id), renamed_from: None, fields })
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
                    Some(Variable::Generated { .. } | Variable::Secret(_)) | None => {}
                }
            }
        }
    }
    fields
}

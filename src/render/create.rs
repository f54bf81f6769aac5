//! A resource that is made, in the few lines that matter.

use super::english::{plural, shortened};
use super::field::{Detail, FieldRenderer, field, value_text};
use super::page::Line;
use super::printable::visible;
use super::style::Label;
use super::value::Secrets;
use super::wording;
use crate::diff::FieldChange;
use crate::model::typed::State;
use crate::model::{Key, Kind, Text, Typed, Value};
use crate::plan::PlannedChange;

/// Settings of a container that a reader wants to see before it is made: what it is, what it can
/// be reached by, what it keeps, and what gives it power over its node.
const SHOWN: [Key; 19] = [
    Key::State,
    Key::Image,
    Key::Command,
    Key::User,
    Key::Ports,
    Key::NetworkMode,
    Key::Networks,
    Key::Volumes,
    Key::Devices,
    Key::DeviceRequests,
    Key::Environment,
    Key::MountedFiles,
    Key::Restart,
    Key::MemLimit,
    Key::Cpus,
    Key::Privileged,
    Key::CapAdd,
    Key::Pid,
    Key::Driver,
];

/// The lines of what is made.
pub fn create(change: &PlannedChange, renderer: &mut FieldRenderer) -> Vec<Line> {
    if renderer.detail == Detail::Full {
        return change.fields.iter().flat_map(|f| field(f, renderer)).collect();
    }
    let mut lines = Vec::new();
    let mut hidden = 0;
    let keys: Vec<Key> = change.fields.iter().map(|f| f.field.key).fold(Vec::new(), |mut keys, key| {
        if keys.last() != Some(&key) {
            keys.push(key);
        }
        keys
    });
    for key in keys {
        let fields: Vec<&FieldChange> = change.fields.iter().filter(|f| f.field.key == key).collect();
        match is_shown(change.addr.kind, key) {
            true => lines.extend(setting(key, change.addr.kind, &fields, renderer)),
            false => hidden += usize::from(!says_nothing_new(key, change.addr.kind)),
        }
    }
    if hidden > 0 {
        let more = if hidden == 1 { "1 more setting" } else { &format!("{hidden} more settings") };
        lines.push(Line::at(renderer.indent).text(Label::Faint, format!("{more} (-v shows all)")));
    }
    lines
}

fn is_shown(kind: Kind, key: Key) -> bool {
    match kind {
        Kind::Container => SHOWN.contains(&key),
        Kind::Network | Kind::Volume => matches!(key, Key::Driver | Key::Internal | Key::IpamConfig | Key::DriverOpts),
        Kind::Directory | Kind::File => key != Key::State,
        Kind::Image => true,
    }
}

/// Settings that only repeat what another one says.
fn says_nothing_new(key: Key, kind: Kind) -> bool {
    match kind {
        Kind::Container => matches!(key, Key::Name | Key::Expose | Key::ImageContent | Key::Build | Key::BuiltFrom),
        Kind::Network | Kind::Volume => key == Key::Name,
        Kind::Directory | Kind::File | Kind::Image => key == Key::State,
    }
}

/// A setting and its entries on one line; nothing for what goes without saying.
fn setting(key: Key, kind: Kind, fields: &[&FieldChange], renderer: &mut FieldRenderer) -> Option<Line> {
    let line = Line::at(renderer.indent)
        .hang(15)
        .whole(Label::Faint, format!("{:<13}", key.as_str()))
        .whole(Label::Plain, "  ");
    let runs = || fields.iter().all(|f| f.declared == Some(State::RUNNING.into()));
    let text = match (key, kind) {
        (Key::State, _) if runs() => return None,
        (Key::Environment, Kind::Container) => variables(fields),
        (Key::Environment, _) => names(fields, &mut renderer.secrets),
        (Key::Networks, _) => {
            let ends: Vec<&str> =
                fields.iter().filter(|f| f.field.part.is_none()).filter_map(|f| f.field.item.as_deref()).collect();
            shortened(&ends, 6)
        }
        (Key::Ports, _) => ports(fields),
        (Key::Volumes, _) => mounts(fields),
        (Key::Devices, _) => entries(fields, renderer, |target, source| format!("{source} on {target}")),
        (Key::MountedFiles, _) => {
            let paths: Vec<&str> = fields.iter().filter_map(|f| f.field.item.as_deref()).collect();
            shortened(&paths, 4)
        }
        (Key::Content, _) => size(fields.first()?.declared.as_ref()?),
        _ => entries(fields, renderer, |item, value| match item {
            "" => value.to_owned(),
            item => format!("{item} {value}"),
        }),
    };
    Some(line.text(Label::Plain, text))
}

fn entries(fields: &[&FieldChange], renderer: &mut FieldRenderer, join: impl Fn(&str, &str) -> String) -> String {
    let mut texts = Vec::new();
    for field in fields {
        let Some(value) = &field.declared else { continue };
        let value = value_text(&field.field, value, &mut renderer.secrets);
        texts.push(join(field.field.item.as_deref().unwrap_or(""), &value));
    }
    texts.join(", ")
}

fn ports(fields: &[&FieldChange]) -> String {
    let published = fields.iter().flat_map(|field| {
        let target = field.field.item.as_deref().unwrap_or("");
        let target = target.strip_suffix("/tcp").unwrap_or(target);
        let hosts = match &field.declared {
            Some(Value::List(hosts)) => hosts.as_slice(),
            _ => &[],
        };
        hosts.iter().filter_map(typed).map(move |host| format!("{}:{target}", wording::typed(host)))
    });
    published.collect::<Vec<_>>().join(", ")
}

fn mounts(fields: &[&FieldChange]) -> String {
    let one = |field: &&FieldChange| {
        let Typed::Mount(mount) = typed(field.declared.as_ref()?)? else { return None };
        let (source, target) = (visible(&mount.kind.source().to_string()), field.field.item.as_deref().unwrap_or(""));
        let options = wording::options(mount);
        Some(match options.is_empty() {
            true => format!("{source} on {target}"),
            false => format!("{source} on {target} ({})", visible(&options.join(", "))),
        })
    };
    fields.iter().filter_map(one).collect::<Vec<_>>().join(", ")
}

fn typed(value: &Value) -> Option<&Typed> {
    match value {
        Value::Typed(typed) => Some(typed),
        _ => None,
    }
}

fn variables(fields: &[&FieldChange]) -> String {
    let secret = fields.iter().filter(|f| f.declared.as_ref().is_some_and(Value::is_secret)).count();
    let count = plural(fields.len(), "variable");
    match secret {
        0 => count,
        _ if secret == fields.len() => format!("{count}, secret"),
        n => format!("{count}, {n} of them secret"),
    }
}

/// The variables that are added to an env file, and what is known of each.
fn names(fields: &[&FieldChange], secrets: &mut Secrets) -> String {
    let one = |field: &&FieldChange| {
        let name = field.field.item.as_deref().unwrap_or("");
        match &field.declared {
            Some(value) => format!("{name} {}", value_text(&field.field, value, secrets)),
            None => name.to_owned(),
        }
    };
    fields.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn size(value: &Value) -> String {
    match value {
        Value::Text(Text::Plain(text)) => plural(text.lines().count(), "line"),
        Value::Text(Text::Secret(_) | Text::Sealed(_) | Text::Pending(_)) => "secret".to_owned(),
        Value::Unknown => "known after apply".to_owned(),
        Value::Bool(_) | Value::Int(_) | Value::List(_) | Value::Map(_) | Value::Typed(_) | Value::Unset => {
            String::new()
        }
    }
}

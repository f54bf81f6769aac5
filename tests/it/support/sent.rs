//! What a client had an engine make, read from its recorded requests, in a form in which two clients can be compared.
//!
//! The form says the same of the same container however a client puts it: variables and labels by name, mounts by their
//! target whether they came in Binds or in Mounts, ids as names, what means nothing left out. It does not know who the
//! clients are.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use serde_json::{Map, Value, json};

use super::engine::Engine;
use super::proxy::Request;

/// Every resource by kind and name, each as its fields.
pub type Made = BTreeMap<String, Fields>;
/// The fields of one resource that say something, by the engine's names.
pub type Fields = BTreeMap<String, Value>;

/// What the requests make. Names of ids are asked of the engine, so what was made must still be there.
pub fn made(requests: &[Request], engine: &Engine) -> Made {
    let mut made = Made::new();
    for request in requests {
        let call = request.call();
        let body = request.json();
        match call.as_str() {
            "POST /containers/create" => {
                let name = query(&request.path, "name").unwrap_or_default();
                let mut fields = container(&body, engine);
                if let Some(platform) = query(&request.path, "platform") {
                    fields.insert("platform".to_owned(), platform.into());
                }
                made.insert(format!("container {name}"), fields);
            }
            "POST /networks/create" => drop(made.insert(format!("network {}", text(&body["Name"])), shared(&body))),
            "POST /volumes/create" => drop(made.insert(format!("volume {}", text(&body["Name"])), shared(&body))),
            _ => {
                let between = |start, end| call.strip_prefix(start).and_then(|rest: &str| rest.strip_suffix(end));
                let of = |container| format!("container {}", name_of(engine, container));
                if let Some(network) = between("POST /networks/", "/connect") {
                    let network = network_name(engine, network);
                    let fields = made.entry(of(text(&body["Container"]))).or_default();
                    fields.insert(format!("network {network}"), end(&body["EndpointConfig"], engine));
                } else if let Some(container) = between("PUT /containers/", "/archive") {
                    made.entry(of(container)).or_default().extend(files(&request.body));
                }
            }
        }
    }
    made
}

/// A difference of two clients' work: resource, field, and what either sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub resource: String,
    pub field: String,
    pub first: Value,
    pub second: Value,
}

/// Every field in which two clients differ.
pub fn differences(first: &Made, second: &Made) -> Vec<Difference> {
    let mut found = Vec::new();
    let resources: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    for resource in resources {
        let (one, other) = (first.get(resource), second.get(resource));
        let (Some(one), Some(other)) = (one, other) else {
            let there = |made: Option<&Fields>| json!(if made.is_some() { "made" } else { "not made" });
            let (field, first, second) = (String::new(), there(one), there(other));
            found.push(Difference { resource: resource.clone(), field, first, second });
            continue;
        };
        let fields: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        for field in fields {
            let value = |fields: &Fields| fields.get(field).cloned().unwrap_or_default();
            let (first, second) = (value(one), value(other));
            if first != second {
                found.push(Difference { resource: resource.clone(), field: field.clone(), first, second });
            }
        }
    }
    found
}

fn container(body: &Value, engine: &Engine) -> Fields {
    let mut fields = Fields::new();
    for (key, value) in body.as_object().into_iter().flatten() {
        match key.as_str() {
            "HostConfig" => host(value, engine, &mut fields),
            "NetworkingConfig" => {
                for (network, attachment) in value["EndpointsConfig"].as_object().into_iter().flatten() {
                    fields.insert(format!("network {}", network_name(engine, network)), end(attachment, engine));
                }
            }
            "Env" => {
                for variable in texts(value) {
                    let name = variable.split('=').next().unwrap_or_default();
                    fields.insert(format!("Env {name}"), variable.into());
                }
            }
            "Labels" => labels(value, &mut fields),
            "ExposedPorts" => {
                let ports: BTreeSet<String> =
                    value.as_object().into_iter().flatten().flat_map(|(p, _)| ports(p)).collect();
                set(&mut fields, key, json!(ports));
            }
            "WorkingDir" if !text(value).is_empty() => drop(fields.insert(key.clone(), clean(text(value)).into())),
            // An empty list clears what the image has, unlike null.
            "Cmd" | "Entrypoint" if !value.is_null() => drop(fields.insert(key.clone(), value.clone())),
            _ => set(&mut fields, key, pruned(value)),
        }
    }
    fields
}

/// The files of an archive that is unpacked at the root of a container.
fn files(archive: &[u8]) -> Fields {
    let mut files = Fields::new();
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries().expect("an archive") {
        let mut entry = entry.expect("a file of an archive");
        let mut content = String::new();
        entry.read_to_string(&mut content).expect("the test files are texts");
        let path = clean(&entry.path().expect("it has a path").to_string_lossy());
        let number = |number: std::io::Result<u64>| number.expect("a number");
        let (uid, gid) = (number(entry.header().uid()), number(entry.header().gid()));
        let mode = entry.header().mode().expect("a mode") & 0o7777;
        files.insert(format!("file {path}"), json!({"content": content, "uid": uid, "gid": gid, "mode": mode}));
    }
    files
}

fn host(host: &Value, engine: &Engine, fields: &mut Fields) {
    for (key, value) in host.as_object().into_iter().flatten() {
        match key.as_str() {
            "Binds" => {
                for line in texts(value) {
                    let (target, mount) = bind(&line);
                    fields.insert(format!("mount {target}"), mount);
                }
            }
            "Mounts" => {
                for mount in value.as_array().into_iter().flatten() {
                    fields.insert(format!("mount {}", clean(text(&mount["Target"]))), entry(mount));
                }
            }
            "NetworkMode" => set(fields, key, json!(shared_with(engine, &network_name(engine, text(value))))),
            "PidMode" | "IpcMode" => set(fields, key, json!(shared_with(engine, text(value)))),
            "VolumesFrom" => {
                let names: BTreeSet<String> = texts(value).iter().map(|id| name_of(engine, id)).collect();
                set(fields, key, json!(names));
            }
            "RestartPolicy" if matches!(text(&value["Name"]), "" | "no") => {}
            // Null is the engine's own lists, and an empty one has nothing masked.
            "MaskedPaths" | "ReadonlyPaths" if !value.is_null() => drop(fields.insert(key.clone(), value.clone())),
            // The engine knows them with and without the prefix, in any case.
            "CapAdd" | "CapDrop" => {
                let capabilities: BTreeSet<String> = texts(value).iter().map(|word| capability(word)).collect();
                set(fields, key, json!(capabilities));
            }
            // The size of a console is for Windows alone.
            "ConsoleSize" => {}
            "Devices"
            | "Ulimits"
            | "SecurityOpt"
            | "GroupAdd"
            | "ExtraHosts"
            | "DeviceCgroupRules"
            | "BlkioWeightDevice"
            | "BlkioDeviceReadBps"
            | "BlkioDeviceReadIOps"
            | "BlkioDeviceWriteBps"
            | "BlkioDeviceWriteIOps" => set(fields, key, sorted(&pruned(value))),
            // Links to containers are told again with each network.
            "Links" => {}
            "PortBindings" => {
                for (port, bindings) in value.as_object().into_iter().flatten() {
                    fields.insert(format!("port {port}"), sorted(bindings));
                }
            }
            _ => set(fields, key, pruned(value)),
        }
    }
}

/// A network or a volume.
fn shared(body: &Value) -> Fields {
    let mut fields = Fields::new();
    for (key, value) in body.as_object().into_iter().flatten() {
        match key.as_str() {
            "Labels" => labels(value, &mut fields),
            _ => set(&mut fields, key, pruned(value)),
        }
    }
    fields
}

/// Labels one by one. Which Compose wrote them says nothing about what they label.
fn labels(value: &Value, fields: &mut Fields) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let value = match name.as_str() {
            "com.docker.compose.version" => continue,
            "com.docker.compose.depends_on" => json!(text(value).split(',').collect::<BTreeSet<_>>()),
            _ => value.clone(),
        };
        fields.insert(format!("label {name}"), value);
    }
}

/// One end on a network.
fn end(attachment: &Value, engine: &Engine) -> Value {
    let mut end = attachment.as_object().cloned().unwrap_or_default();
    // The engine gives these itself and does not look at what a client says.
    for given in ["IPAddress", "IPv6Gateway", "NetworkID", "EndpointID", "Gateway"] {
        end.remove(given);
    }
    for key in ["Aliases", "Links"] {
        if let Some(list) = end.get_mut(key) {
            let named = texts(list).iter().map(|link| linked(engine, link)).collect::<BTreeSet<_>>();
            *list = json!(named);
        }
    }
    pruned(&Value::Object(end))
}

/// `container:alias` with the name in place of an id.
fn linked(engine: &Engine, link: &str) -> String {
    match link.split_once(':') {
        Some((container, alias)) => format!("{}:{alias}", name_of(engine, container)),
        None => link.to_owned(),
    }
}

/// A line of Binds. What has a slash in it is a path, anything else a volume.
fn bind(line: &str) -> (String, Value) {
    let mut parts = line.splitn(3, ':');
    let mut part = || parts.next().unwrap_or_default();
    let (source, target, options) = (part(), part(), part());
    let kind = if source.contains('/') { "bind" } else { "volume" };
    let mut mount = json!({"Type": kind, "Source": source});
    for option in options.split(',') {
        match option {
            "ro" => mount["ReadOnly"] = true.into(),
            "z" | "Z" => mount["SELinux"] = option.into(),
            "nocopy" => mount["NoCopy"] = true.into(),
            "" | "rw" => {}
            propagation => mount["Propagation"] = propagation.into(),
        }
    }
    (clean(target), mount)
}

/// An entry of Mounts, with its options beside the rest as [`bind`] has them.
fn entry(mount: &Value) -> Value {
    let mut flat = Map::new();
    for (key, value) in mount.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("Target", _) => {}
            ("BindOptions" | "VolumeOptions" | "TmpfsOptions" | "ImageOptions", Value::Object(options)) => {
                flat.extend(options.clone());
            }
            _ => drop(flat.insert(key.clone(), value.clone())),
        }
    }
    // Whether a missing path is made or refused is no property of what is made.
    flat.remove("CreateMountpoint");
    pruned(&Value::Object(flat))
}

fn capability(word: &str) -> String {
    let word = word.to_uppercase();
    if word == "ALL" || word.starts_with("CAP_") { word } else { format!("CAP_{word}") }
}

/// `2000-2002/udp` as three ports, `80` as `80/tcp`.
fn ports(port: &str) -> Vec<String> {
    let (range, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) => (first..=last).map(|port| format!("{port}/{protocol}")).collect(),
        _ => vec![port.to_owned()],
    }
}

/// A value without what means nothing: null, empty, zero, false.
fn pruned(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), pruned(value)))
            .filter(|(_, value)| !is_nothing(value))
            .collect(),
        Value::Array(items) => items.iter().map(pruned).collect(),
        other => other.clone(),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

fn set(fields: &mut Fields, key: &str, value: Value) {
    if !is_nothing(&value) {
        fields.insert(key.to_owned(), value);
    }
}

fn sorted(list: &Value) -> Value {
    let mut items = list.as_array().cloned().unwrap_or_default();
    items.sort_by_key(ToString::to_string);
    items.into()
}

/// `container:ID` with the name in place of the id.
fn shared_with(engine: &Engine, mode: &str) -> String {
    match mode.strip_prefix("container:") {
        Some(container) => format!("container:{}", name_of(engine, container)),
        None => mode.to_owned(),
    }
}

fn name_of(engine: &Engine, container: &str) -> String {
    match text(&engine.inspect(container)["Name"]) {
        "" => container.to_owned(),
        name => name.trim_start_matches('/').to_owned(),
    }
}

fn network_name(engine: &Engine, network: &str) -> String {
    let is_id = network.len() == 64 && network.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_id {
        true => text(&engine.get(&format!("/networks/{network}"))["Name"]).to_owned(),
        false => network.to_owned(),
    }
}

/// A path without `..`, `.` and doubled slashes.
fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match part {
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn query(path: &str, key: &str) -> Option<String> {
    let (_, query) = path.split_once('?')?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))?;
    Some(value.replace("%2F", "/").replace("%2f", "/"))
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|item| text(item).to_owned()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

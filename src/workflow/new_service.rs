//! Beginning a service: where its files go, what they have to say, and writing them. No file is ever replaced but the
//! topology, which gets one entry.

use std::io;
use std::path::PathBuf;

use super::observe::DiagnosticListener;
use crate::atomic_file;
use crate::compose::yaml::{self, Node, Value};
use crate::compose::{FILE_NAMES, project_name, syntax};
use crate::config::{self, NewService, NotPlaced, Registration, Repository};
use crate::diagnostic::{Diagnostics, SourceMap, Visibility};
use crate::envfile::template::{Seen, TemplateError, substitute};
use crate::model::draft::{Begun, DraftContent, DraftPort, DraftVariable, Registered, ServiceDraft, VariableNeed};
use crate::model::{NodeName, ServiceName};

/// A service with its place.
pub struct Drafted {
    /// The facts that its files have to say.
    pub draft: ServiceDraft,
    place: NewService,
    repository: Repository,
}

/// A file of a new service.
pub struct NewFile {
    /// Its name in the folder of the service.
    pub name: String,
    /// All that is in it.
    pub content: Vec<u8>,
    /// Its mode bits.
    pub mode: u32,
}

/// Why a service was not begun.
#[derive(Debug, thiserror::Error)]
pub enum NewServiceError {
    /// There is no place for it.
    #[error(transparent)]
    NotPlaced(#[from] NotPlaced),
    /// The text is not the name of an image.
    #[error("`{0}` is not the name of an image")]
    Image(String),
    /// Files are where its own would go.
    #[error("{} is in the way", .0.display())]
    InTheWay(PathBuf),
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Finds out where a new service goes and what its files have to say. Nothing is written.
///
/// # Errors
/// [`NewServiceError`]. What is wrong with the inventory is told to the listener.
pub fn draft_service(
    repository: &Repository,
    name: &ServiceName,
    content: DraftContent,
    node: Option<&NodeName>,
    listener: &dyn DiagnosticListener,
) -> Result<Drafted, NewServiceError> {
    if let DraftContent::Image(image) = &content
        && (syntax::image::parse(image).is_err() || image.chars().any(char::is_whitespace))
    {
        return Err(NewServiceError::Image(image.clone()));
    }
    let (place, found, map) = config::new_service(repository, name, node);
    listener.diagnostics(&found, &map);
    let place = place?;
    let asked = match &content {
        DraftContent::Image(_) => Asked::default(),
        DraftContent::Compose(bytes) => asked_for(&String::from_utf8_lossy(bytes), &place),
    };
    let Asked { project, ports, variables } = asked;
    let draft = ServiceDraft {
        name: name.clone(),
        node: place.node.name.clone(),
        project: project.unwrap_or_else(|| project_name(name.as_str())),
        owner: place.registration.owner(),
        files: place.files.clone(),
        content,
        ports,
        variables,
        data_dir: place.node.data_dir(name),
        schema: place.schema.clone(),
    };
    let drafted = Drafted { draft, place, repository: repository.clone() };
    match drafted.in_the_way() {
        Some(path) => Err(NewServiceError::InTheWay(path)),
        None => Ok(drafted),
    }
}

impl Drafted {
    /// A file, a folder or a link where a file of the service would go, or another Compose file beside it.
    fn in_the_way(&self) -> Option<PathBuf> {
        let files = &self.place.files;
        let own = [&files.compose, &files.service, &files.readme, &files.example, &files.health].map(String::as_str);
        let is_alone = FILE_NAMES.contains(&files.compose.as_str());
        let others = FILE_NAMES
            .into_iter()
            .filter(|_| is_alone)
            .chain(["service.yml", ".env.example"].into_iter().filter(|_| is_alone));
        let mut paths = own.into_iter().chain(others).map(|file| self.place.folder.join(file));
        let found = paths.find(|path| std::fs::symlink_metadata(path).is_ok());
        found.map(|path| self.shown(path))
    }

    /// Writes the files, and then the entry in the topology.
    ///
    /// # Errors
    /// [`NewServiceError::Write`] of the first file that could not be written; those before it stay.
    pub fn write(self, files: Vec<NewFile>) -> Result<Begun, NewServiceError> {
        let failed = |path: &PathBuf, source| NewServiceError::Write { path: self.shown(path.clone()), source };
        let folder = &self.place.folder;
        std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
        let mut written = Vec::new();
        for file in files {
            let path = folder.join(&file.name);
            atomic_file::create(&path, &file.content, file.mode).map_err(|error| failed(&path, error))?;
            written.push(self.shown(path));
        }
        let registered = match &self.place.registration {
            Registration::NotNeeded | Registration::OwnFile => Registered::NotNeeded,
            Registration::ByHand { path, line } => {
                Registered::ByHand { path: self.shown(path.clone()), line: line.clone() }
            }
            Registration::Entry { path, before, after, line } => {
                let (shown, line) = (self.shown(path.clone()), line.clone());
                // Somebody may have saved it meanwhile, and a link would become a file.
                let path = self.repository.disk.real(path);
                match std::fs::read(&path).is_ok_and(|now| now == before.as_bytes()) {
                    true => {
                        let mode = self.repository.disk.size_and_mode(&path).and_then(|(_, mode)| mode);
                        atomic_file::replace(&path, after.as_bytes(), mode.unwrap_or(0o644) & 0o777)
                            .map_err(|error| failed(&path, error))?;
                        Registered::Entry { path: shown, line }
                    }
                    false => Registered::ByHand { path: shown, line },
                }
            }
        };
        Ok(Begun { files: written, registered })
    }

    /// A path as seen from where the user stands.
    fn shown(&self, path: PathBuf) -> PathBuf {
        match path.strip_prefix(&self.repository.current_dir) {
            Ok(below) => below.to_owned(),
            Err(_) => path,
        }
    }
}

/// The facts that a Compose file says of itself.
#[derive(Default)]
struct Asked {
    /// The name of its project, if it says one.
    project: Option<String>,
    /// The ports by which it can be asked.
    ports: Vec<DraftPort>,
    /// The variables that it asks for and the repository does not have.
    variables: Vec<DraftVariable>,
}

/// Reads a Compose file as far as that goes. What is wrong with it is not said here: it is taken as it is, and `hl validate`
/// says it.
fn asked_for(text: &str, place: &NewService) -> Asked {
    let (mut project, mut ports) = (None, Vec::new());
    let (mut seen, mut required) = (Seen::default(), Vec::new());
    let file = SourceMap::default().add("", text, Visibility::Secret);
    for document in yaml::parse(text, file, &mut Diagnostics::default()) {
        let mut resolve = |text: &str| match substitute(text, &place.vars, &mut seen) {
            Ok(resolved) => resolved.text,
            Err(error) => {
                if let TemplateError::Required { name, .. } = error {
                    required.push(name);
                }
                String::new()
            }
        };
        let name = document.get("name").and_then(Node::as_text).map(&mut resolve);
        project = name.filter(|name| !name.is_empty()).or(project);
        let services = document.get("services").and_then(Node::as_map);
        for service in services.into_iter().flat_map(|map| map.values()) {
            let published = service.node.get("ports").and_then(Node::as_list).unwrap_or_default();
            ports.extend(published.iter().filter_map(|port| port_of(port, &mut resolve)));
        }
        each_text(&document, &mut |text| drop(resolve(text)));
    }
    ports.sort();
    ports.dedup();
    let named = seen.asked.iter().chain(&required).filter(|name| !place.vars.contains_key(*name));
    let mut variables: Vec<DraftVariable> = named
        .map(|name| {
            let is_required = seen.unset.contains(name) || required.contains(name);
            let need = if is_required { VariableNeed::Required } else { VariableNeed::Optional };
            DraftVariable { name: name.clone(), need }
        })
        .collect();
    variables.sort();
    variables.dedup_by(|a, b| a.name == b.name);
    Asked { project, ports, variables }
}

/// A TCP port in the short or the long form, if it has one number on the node.
fn port_of(node: &Node, resolve: &mut impl FnMut(&str) -> String) -> Option<DraftPort> {
    let mut text = |node: &Node| syntax::scalar::scalar_text(&node.value).map(|text| resolve(&text));
    let (address, published, target, protocol) = match &node.value {
        Value::Map(_) => {
            let mut of = |key: &str| node.get(key).and_then(&mut text).unwrap_or_default();
            (of("host_ip"), of("published"), of("target").parse().ok()?, of("protocol"))
        }
        _ => {
            let ports = syntax::port::parse(&text(node)?).ok()?;
            let port = ports.into_iter().next()?;
            (port.host_ip, port.published, port.target, port.protocol.to_owned())
        }
    };
    let published = published.parse().ok().filter(|port| *port > 0)?;
    let address = match address.as_str() {
        "" | "0.0.0.0" | "::" => "127.0.0.1".to_owned(),
        address if address.contains(':') => format!("[{address}]"),
        address => address.to_owned(),
    };
    matches!(protocol.as_str(), "" | "tcp").then_some(DraftPort { address, published, target })
}

fn each_text(node: &Node, act: &mut impl FnMut(&str)) {
    match &node.value {
        Value::Text(text) => act(text),
        Value::List(items) => items.iter().for_each(|item| each_text(item, act)),
        Value::Map(map) => map.values().for_each(|entry| each_text(&entry.node, act)),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {}
    }
}

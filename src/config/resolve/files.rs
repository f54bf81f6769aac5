//! Directories and files of a service on its node, and the repository's files that its containers see.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::ServiceContext;
use super::build_filter::BuildFilter;
use super::env::ServiceEnv;
use super::overlay::Overlay;
use crate::compose::reader::{Kind, ReadError, Refusal};
use crate::config::project::{Purpose, SourcePath};
use crate::config::secrets;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Visibility};
use crate::envfile::Sealed;
use crate::model::Text;
use crate::model::homelab::Container;
use crate::model::spec::{DirectorySpec, FileContent, FileSpec, FirstOwner, Mount, MountKind, content_text};

/// The mode of the `.env` of a service on its node.
const ENV_MODE: u32 = 0o600;

/// How deep folders are followed.
const MOST_FOLDERS: usize = 16;

/// The limits of what is read of one mount; a mount with more than that is data.
const MOST_FILES: usize = 1000;
const MOST_BYTES: u64 = 16 << 20;

/// How many files of one mount are told apart; of more than that only the whole is compared.
const MOST_TOLD_APART: usize = 200;

/// The directories and files of a service on its node.
#[derive(Default)]
pub(super) struct Placed {
    /// Directories by address name.
    pub directories: BTreeMap<String, DirectorySpec>,
    /// Files by address name.
    pub files: BTreeMap<String, FileSpec>,
    /// Paths of the node of which the repository does not tell what is to be there.
    pub left_alone: BTreeSet<String>,
}

/// A file of the repository that a container sees, or that an image is built from.
pub(super) struct Seen {
    /// Its path relative to the service's folder.
    pub path: String,
    pub bytes: Vec<u8>,
    /// Its mode bits, where files have them.
    pub mode: Option<u32>,
    pub visibility: Visibility,
}

/// A walk through a folder of the repository.
#[derive(Default)]
pub(super) struct Walk<'a> {
    /// The files that count; all if absent.
    filter: Option<&'a BuildFilter>,
    /// The size of what was seen.
    bytes: u64,
    /// The files that were seen.
    pub seen: Vec<Seen>,
    /// The files that are there and cannot be read, as the paths of those that were seen.
    pub unreadable: Vec<String>,
    /// The files to which links lead out of the repository, and why they are not read.
    pub refused: Vec<(PathBuf, Refusal)>,
}

impl<'a> Walk<'a> {
    /// A walk that sees only the files that take part in a build.
    pub(super) fn within(filter: &'a BuildFilter) -> Self {
        Self { filter: Some(filter), ..Self::default() }
    }
}

/// More than what is looked into.
pub(super) struct TooMuch;

impl ServiceContext<'_> {
    /// The directories and files of the service; the containers learn the content of what they mount.
    pub(super) fn place(
        &self,
        sources: &[SourcePath],
        env: &ServiceEnv,
        containers: &mut BTreeMap<String, Container>,
        out: &mut Diagnostics,
    ) -> Placed {
        let mut placed = Placed::default();
        if self.has_shell() {
            let data = self.node.node.data_dir(&self.service.name);
            self.directory(&data, &mut placed);
            self.directory(&self.node.node.config_dir(&self.service.name), &mut placed);
            if let Some(data) = placed.directories.get_mut(&self.address_name(&data)) {
                data.first_owner = only_user(containers.values(), &data.path);
            }
            // A script runs in it.
            if self.service.health.is_some() && self.is_shipped() {
                self.directory(&self.project_dir, &mut placed);
            }
        }
        if !env.declared.is_empty() {
            let content = FileContent::Variables(env.declared.clone());
            self.file(FileSpec { path: self.node_env_path(), content, mode: ENV_MODE, owner: None }, &mut placed);
        }
        let overlay = self.overlay(env);
        for source in sources.iter().filter(|source| source.purpose != Purpose::Build) {
            self.place_source(source, &overlay, containers, &mut placed, out);
        }
        placed
    }

    fn place_source(
        &self,
        source: &SourcePath,
        overlay: &Overlay<'_>,
        containers: &mut BTreeMap<String, Container>,
        placed: &mut Placed,
        out: &mut Diagnostics,
    ) {
        let Some(path) = overlay.in_repository(Path::new(&source.path)) else { return };
        let is_shipped = self.is_shipped();
        let kind = self.reader().kind(&path);
        let Ok(below) = path.strip_prefix(&self.service.folder) else {
            if kind == Kind::File
                && let Ok(bytes) = self.reader().read(&path)
            {
                out.extend(self.still_encrypted(source, &path, &bytes, kind));
            }
            if is_shipped && kind != Kind::Missing {
                out.push(self.outside(source, &path));
            }
            return;
        };
        let below = below.to_string_lossy().into_owned();
        if let Some(refusal) = self.reader().refusal(&path) {
            // A mount of the machine's own files is the engine's affair; a copy of them would be hl's.
            if is_shipped {
                let error = ReadError::Refused(refusal);
                out.push(error.diagnostic(&self.shown(&path), "").at(source.span, "mounted here"));
            }
            placed.left_alone.insert(source.path.clone());
            return;
        }
        match kind {
            Kind::Missing => {
                missing(source, &self.shown(&path), kind).into_iter().for_each(|d| out.push(d));
                return;
            }
            Kind::Folder if source.purpose != Purpose::Build && self.reader().names(&path).is_empty() => {
                missing(source, &self.shown(&path), kind).into_iter().for_each(|d| out.push(d));
                return;
            }
            // A folder that containers write to, on the machine that has the repository, is or may be data.
            Kind::Folder if source.purpose == Purpose::Write && !is_shipped => return,
            Kind::Folder | Kind::File => {}
        }
        let mut walk = Walk::default();
        let walked = self.walk(&path, &below, 0, &mut walk);
        let mut seen = walk.seen;
        if source.purpose == Purpose::Secret {
            seen.iter_mut().for_each(|file| file.visibility = Visibility::Secret);
        }
        placed.left_alone.extend(walk.unreadable.iter().map(|below| format!("{}/{below}", self.project_dir)));
        if is_shipped {
            self.refused(&walk.refused, source).into_iter().for_each(|diagnostic| out.push(diagnostic));
        }
        if walked.is_err() {
            placed.left_alone.insert(source.path.clone());
            out.push(too_much(source, &self.shown(&path), is_shipped.then_some(self.service.node.as_str())));
            return;
        }
        for file in &seen {
            out.extend(self.still_encrypted(source, &self.service.folder.join(&file.path), &file.bytes, kind));
        }
        if is_shipped {
            for file in &seen {
                self.ship(file, placed);
            }
        }
        let contents = contents(&below, &seen, content);
        for name in &source.containers {
            if let Some(container) = containers.get_mut(name) {
                container.spec.mounted_files.extend(contents.clone());
            }
        }
    }

    /// The diagnostics for links in a folder that is copied: what they lead to would be copied, too.
    pub(super) fn refused(&self, refused: &[(PathBuf, Refusal)], source: &SourcePath) -> Vec<Diagnostic> {
        let diagnostic = |(path, refusal): &(PathBuf, Refusal)| {
            let error = ReadError::Refused(refusal.clone());
            error.diagnostic(&self.shown(path), "").at(source.span, "its folder is named here")
        };
        refused.iter().map(diagnostic).collect()
    }

    /// Whether the files of the service's folder are copied to its node.
    pub(super) fn is_shipped(&self) -> bool {
        Path::new(&self.project_dir) != self.service.folder && !self.is_linked()
    }

    /// Collects the files at and below a path of the repository.
    pub(super) fn walk(&self, path: &Path, below: &str, depth: usize, walk: &mut Walk<'_>) -> Result<(), TooMuch> {
        let reader = self.reader();
        let kind = reader.kind(path);
        if walk.filter.is_some_and(|filter| !filter.takes(path, kind, below)) {
            return Ok(());
        }
        match kind {
            Kind::Missing => Ok(()),
            // The `.env` on the node is another file than the one beside the compose file; what is encrypted is for hl.
            Kind::File if below == ".env" || below == secrets::FILE => Ok(()),
            Kind::File => {
                let (size, mode) = reader.size_and_mode(path).unwrap_or_default();
                walk.bytes += size;
                if walk.bytes > MOST_BYTES || walk.seen.len() >= MOST_FILES {
                    return Err(TooMuch);
                }
                // A file is for everyone who reads the repository only where git is known to track it.
                let visibility = match &self.sources.tracked {
                    Some(tracked) if tracked.contains(&reader.real(path)) => Visibility::Public,
                    Some(_) | None => Visibility::Secret,
                };
                match reader.read(path) {
                    Ok(bytes) => walk.seen.push(Seen { path: below.to_owned(), bytes, mode, visibility }),
                    Err(error) => {
                        walk.unreadable.push(below.to_owned());
                        if let ReadError::Refused(refusal) = error {
                            walk.refused.push((path.to_owned(), refusal));
                        }
                    }
                }
                Ok(())
            }
            Kind::Folder if depth >= MOST_FOLDERS => Err(TooMuch),
            Kind::Folder => {
                if let Some(refusal) = reader.refusal(path) {
                    walk.unreadable.push(below.to_owned());
                    walk.refused.push((path.to_owned(), refusal));
                    return Ok(());
                }
                for name in reader.names(path).into_iter().filter(|name| name != ".git") {
                    let inner = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
                    self.walk(&path.join(&name), &inner, depth + 1, walk)?;
                }
                Ok(())
            }
        }
    }

    /// A file of the service's folder goes to the project directory on the node.
    pub(super) fn ship(&self, file: &Seen, placed: &mut Placed) {
        let is_secret = file.visibility == Visibility::Secret;
        let mode = match file.mode {
            // Others may not read it here, so they may not there.
            Some(mode) if is_secret && mode & 0o004 == 0 => 0o600 | (mode & 0o100),
            Some(mode) if mode & 0o100 != 0 => 0o755,
            _ => 0o644,
        };
        let bytes = file.bytes.clone();
        let content = if is_secret { FileContent::Secret(bytes) } else { FileContent::Exactly(bytes) };
        let path = format!("{}/{}", self.project_dir, file.path);
        self.file(FileSpec { path, content, mode, owner: None }, placed);
    }

    /// Adds a file, and its folder, and those above up to the service's own.
    fn file(&self, spec: FileSpec, placed: &mut Placed) {
        let own = self.node.node.config_dir(&self.service.name);
        let folders = Path::new(&spec.path).ancestors().skip(1);
        for folder in folders.take_while(|f| f.starts_with(&self.project_dir) || f.starts_with(&own)) {
            self.directory(&folder.to_string_lossy(), placed);
        }
        placed.files.insert(self.address_name(&spec.path), spec);
    }

    fn directory(&self, path: &str, placed: &mut Placed) {
        let spec = DirectorySpec { path: path.to_owned(), ..DirectorySpec::default() };
        placed.directories.insert(self.address_name(path), spec);
    }

    /// The path relative to the node's root, or as it is if it is elsewhere.
    fn address_name(&self, path: &str) -> String {
        let below = Path::new(path).strip_prefix(&self.node.node.root);
        below.map_or_else(|_| path.to_owned(), |b| b.to_string_lossy().into_owned())
    }

    /// The diagnostic for a file that is encrypted, which a container can hardly use; of a whole folder, some of the files
    /// may be for somebody who decrypts them.
    fn still_encrypted(&self, source: &SourcePath, path: &Path, bytes: &[u8], kind: Kind) -> Diagnostics {
        let mut found = Diagnostics::default();
        if let Some((sealed, _)) = Sealed::of(bytes) {
            let shown = self.shown(path);
            let words = format!("{} is encrypted by {sealed}, and the container gets it as it is", shown.display());
            let hint = format!(
                "decrypt it (`{}`), and keep the clear text out of git; or let a Compose secret take it from a variable of {}",
                sealed.command(&shown.to_string_lossy()),
                secrets::FILE
            );
            let diagnostic = Diagnostic::error(Code::StillEncrypted, words).at(source.span, "mounted here").hint(hint);
            found.push(if kind == Kind::Folder { diagnostic.as_warning() } else { diagnostic });
        }
        found
    }

    pub(super) fn outside(&self, source: &SourcePath, path: &Path) -> Diagnostic {
        let shown = self.shown(path);
        let words = format!("{} is not copied to `{}`", shown.display(), self.service.node);
        let detail = "Only what is in the service's own folder goes to its node.";
        let hint = format!("move it into services/{}, or mount a path of the node", self.service.name);
        Diagnostic::warning(Code::SurprisingValue, words)
            .at(source.span, "outside of the service's folder")
            .detail(detail)
            .hint(hint)
    }
}

/// The owner of a folder that containers mount and write to: the user of all of them, where they name the same one.
fn only_user<'c>(containers: impl Iterator<Item = &'c Container>, folder: &str) -> FirstOwner {
    let is_it = |mount: &Mount| {
        !mount.read_only
            && matches!(&mount.kind, MountKind::Bind { source, .. } if source.trim_end_matches('/') == folder)
    };
    let writing = containers.filter(|container| container.spec.mounts.values().any(is_it));
    let users: BTreeSet<Option<&str>> = writing.map(|container| container.spec.user.as_deref()).collect();
    match users.into_iter().collect::<Vec<_>>().as_slice() {
        [Some(user)] => first_owner(user),
        [] | [None] | [_, _, ..] => FirstOwner::Maker,
    }
}

/// The owner that a user of a container makes. Names are those of its image, which may not be on the node yet: a group by
/// name is left at 0, which the engine takes where none is named, since its user may write all the same.
fn first_owner(user: &str) -> FirstOwner {
    let (name, group) = user.split_once(':').unwrap_or((user, "0"));
    let is_number = |text: &str| text.parse::<u32>().is_ok();
    match (is_number(name), is_number(group)) {
        (true, true) => FirstOwner::Ids(format!("{name}:{group}")),
        (true, false) => FirstOwner::Ids(format!("{name}:0")),
        (false, _) if name == "root" || name.is_empty() => FirstOwner::Maker,
        (false, _) => FirstOwner::Named(name.to_owned()),
    }
}

/// The diagnostic for a missing path, or for an empty folder that Docker has made of one: what a file's name asks for is
/// no folder, and nothing is ever in one that is only read.
pub(super) fn missing(source: &SourcePath, shown: &Path, found: Kind) -> Option<Diagnostic> {
    let is_file = is_file_name(shown) || is_file_name(Path::new(&source.target));
    let is_expected = match source.purpose {
        Purpose::Secret => true,
        Purpose::Read => is_file || found == Kind::Missing,
        Purpose::Write | Purpose::Build => is_file,
    };
    if !is_expected {
        return None;
    }
    let shown = shown.display();
    if found == Kind::Folder {
        let words = format!("{shown} is an empty folder");
        let detail = "Docker makes one where it finds nothing to mount.";
        let diagnostic = Diagnostic::warning(Code::MissingFile, words).at(source.span, "mounted here").detail(detail);
        return Some(diagnostic.hint("if a file is meant, remove the folder and create the file"));
    }
    let words = format!("{shown} does not exist");
    let detail = match source.purpose {
        Purpose::Build => "Nothing can be built from it.",
        Purpose::Secret => "The container cannot be made without it.",
        Purpose::Read | Purpose::Write => "Docker would make an empty folder in its place and mount that.",
    };
    let diagnostic = Diagnostic::warning(Code::MissingFile, words).at(source.span, "mounted here").detail(detail);
    Some(diagnostic.hint("create it, or check the path"))
}

/// Names of files that have no extension.
const FILE_NAMES: [&str; 9] =
    ["crontab", "fstab", "group", "hostname", "hosts", "htpasswd", "localtime", "passwd", "timezone"];

/// Whether a name is one that files have: with an extension, or one of those that are usual without.
fn is_file_name(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let lower = name.to_lowercase();
    let has_extension = path.extension().is_some() && !name.ends_with(".d");
    has_extension || lower.ends_with("file") || FILE_NAMES.contains(&lower.trim_start_matches('.'))
}

pub(super) fn too_much(source: &SourcePath, shown: &Path, node: Option<&str>) -> Diagnostic {
    let shown = shown.display();
    let limits = format!("more than {MOST_FILES} files or {} MiB are taken for data", MOST_BYTES >> 20);
    match node {
        Some(node) => {
            Diagnostic::warning(Code::SurprisingValue, format!("{shown} is too large to be copied to `{node}`"))
                .at(source.span, limits)
                .hint("put it below data/ on the node, and mount it by its absolute path")
        }
        None => Diagnostic::note(Code::SurprisingValue, format!("changes in {shown} are not noticed"))
            .at(source.span, limits)
            .hint("mount the files that are configuration one by one"),
    }
}

/// The content of a file of a mount.
fn content(file: &Seen) -> Text {
    match file.visibility {
        Visibility::Secret => Text::secret(content_text(&file.bytes)),
        Visibility::Public => Text::plain(content_text(&file.bytes)),
    }
}

/// The entries of a container's spec for the files of a folder, each with its `text`.
pub(super) fn contents(below: &str, seen: &[Seen], text: impl Fn(&Seen) -> Text) -> BTreeMap<String, Text> {
    if seen.len() <= MOST_TOLD_APART {
        return seen.iter().map(|file| (file.path.clone(), text(file))).collect();
    }
    // Names and contents one after the other, each with its length before it, so that no two trees look alike.
    let mut whole = Vec::new();
    for file in seen {
        for part in [file.path.as_bytes(), &file.bytes] {
            whole.extend((part.len() as u64).to_be_bytes());
            whole.extend(part);
        }
    }
    // The zero bytes of the lengths make it no text, so what stands in the field is its digest.
    BTreeMap::from([(format!("{below}/"), Text::plain(content_text(&whole)))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_by_number_owns_the_folder_whatever_its_group_is_called() {
        let ids = |text: &str| FirstOwner::Ids(text.to_owned());
        let named = |text: &str| FirstOwner::Named(text.to_owned());
        for (user, owner) in [
            ("1000", ids("1000:0")),
            ("1000:1001", ids("1000:1001")),
            ("1000:users", ids("1000:0")),
            ("postgres", named("postgres")),
            ("postgres:1001", named("postgres")),
            ("root", FirstOwner::Maker),
            ("0:0", ids("0:0")),
        ] {
            assert_eq!(first_owner(user), owner, "{user}");
        }
    }
}

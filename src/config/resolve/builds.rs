//! Build contexts: which of the repository's files an image is built from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::ServiceContext;
use super::build_filter::BuildFilter;
use super::env::ServiceEnv;
use super::files::{Placed, Seen, Walk, contents, missing, too_much};
use super::overlay::{Machine, Overlay};
use crate::compose::reader::{Kind, ReadError, Reader};
use crate::compose::syntax::path::clean;
use crate::config::project::{Purpose, SourcePath};
use crate::config::secrets;
use crate::diagnostic::{Diagnostics, Visibility};
use crate::model::Text;
use crate::model::homelab::{Container, Image};
use crate::model::ignore::Ignore;
use crate::model::spec::{BuildSpec, ImageRef, content_digest, content_text};

/// The sources of the images of a service: the images that are built, and the paths that stand in their folders.
pub(super) struct Builds<'a> {
    /// Images by reference.
    pub(super) images: &'a BTreeMap<String, Image>,
    /// Paths of the machine that containers or builds read.
    pub(super) sources: &'a [SourcePath],
}

impl ServiceContext<'_> {
    /// The files that images are built from go to the node, and the containers learn their content.
    pub(super) fn place_builds(
        &self,
        builds: &Builds<'_>,
        env: &ServiceEnv,
        containers: &mut BTreeMap<String, Container>,
        placed: &mut Placed,
        out: &mut Diagnostics,
    ) {
        let overlay = self.overlay(env);
        for image in builds.images.values() {
            let Some(build) = &image.build else { continue };
            let Some(source) = builds.sources.iter().find(|s| s.purpose == Purpose::Build && s.path == build.context)
            else {
                continue;
            };
            let built_from = self.place_build(source, build, builds, &overlay, placed, out);
            for container in containers.values_mut().filter(|c| same(&c.spec.image, &image.reference)) {
                container.spec.built_from.clone_from(&built_from);
            }
        }
    }

    fn place_build(
        &self,
        source: &SourcePath,
        build: &BuildSpec,
        builds: &Builds<'_>,
        overlay: &Overlay<'_>,
        placed: &mut Placed,
        out: &mut Diagnostics,
    ) -> BTreeMap<String, Text> {
        let nothing = BTreeMap::new();
        let Some(path) = overlay.in_repository(Path::new(&source.path)) else {
            // On this machine the engine is given what is there.
            if let (Machine::Same, Some(refusal)) = (overlay.machine, overlay.refusal(Path::new(&source.path))) {
                let error = ReadError::Refused(refusal);
                out.push(error.diagnostic(Path::new(&source.path), "").at(source.span, "named here"));
            }
            return nothing;
        };
        let (reader, is_shipped) = (self.reader(), self.is_shipped());
        let below = match (path.strip_prefix(&self.service.folder), path.strip_prefix(overlay.root)) {
            (Ok(below), _) => below,
            // On the machine of the repository a build may take what lies beside the service's folder.
            (Err(_), Ok(below)) if !is_shipped => below,
            (Err(_), _) => {
                if is_shipped && reader.kind(&path) != Kind::Missing {
                    out.push(self.outside(source, &path));
                }
                return nothing;
            }
        };
        if let Some(refusal) = reader.refusal(&path) {
            let error = ReadError::Refused(refusal);
            out.push(error.diagnostic(&self.shown(&path), "").at(source.span, "named here"));
            return nothing;
        }
        if reader.kind(&path) == Kind::Missing {
            missing(source, &self.shown(&path), Kind::Missing).into_iter().for_each(|d| out.push(d));
            return nothing;
        }
        let below = below.to_string_lossy().into_owned();
        let dockerfile = path.join(build.dockerfile.as_deref().unwrap_or("Dockerfile"));
        let dockerfile = PathBuf::from(clean(&dockerfile.to_string_lossy()));
        let named = Named { context: &path, dockerfile: build.dockerfile_inline.is_none().then_some(&dockerfile) };
        let Some(ignore) = self.ignored(&named, source, out) else { return nothing };
        let filter = filter(&named, &below, ignore, builds, overlay);
        let mut walk = Walk::within(&filter);
        let mut walked = self.walk(&path, &below, 0, &mut walk);
        let own = |path: &Path| path.strip_prefix(&self.service.folder).map(|p| p.to_string_lossy().into_owned());
        let dockerfile_below = own(&dockerfile).unwrap_or_else(|_| self.shown(&dockerfile).display().to_string());
        if build.dockerfile_inline.is_none() && !dockerfile.starts_with(&path) && dockerfile.starts_with(overlay.root) {
            walked = walked.and_then(|()| self.walk(&dockerfile, &dockerfile_below, 0, &mut walk));
        }
        placed.left_alone.extend(walk.unreadable.iter().map(|below| format!("{}/{below}", self.project_dir)));
        if walked.is_err() {
            placed.left_alone.insert(source.path.clone());
            out.push(too_much(source, &self.shown(&path), is_shipped.then_some(self.service.node.as_str())));
            return nothing;
        }
        let mut seen = walk.seen;
        if is_shipped {
            seen.iter().for_each(|file| self.ship(file, placed));
        }
        // Files that only hl reads stand in the folder too, and a change of those asks for no other image.
        let read_by_hl = self.read_by_hl();
        seen.retain(|file| !read_by_hl.contains(&file.path));
        let text = |file: &Seen| match (file.path == dockerfile_below, file.visibility) {
            (true, Visibility::Public) => Text::plain(content_text(&file.bytes)),
            (true, Visibility::Secret) => Text::secret(content_text(&file.bytes)),
            (false, Visibility::Public) => Text::plain(digest(file)),
            (false, Visibility::Secret) => Text::secret(digest(file)),
        };
        contents(&below, &seen, text)
    }

    /// The patterns of the files that take no part in a build; none if a file that rules it is not read, which is said.
    fn ignored(&self, named: &Named<'_>, source: &SourcePath, out: &mut Diagnostics) -> Option<Ignore> {
        // A Dockerfile's own ignore file comes before that of the context.
        let own = named.dockerfile.map(|dockerfile| {
            let mut own = dockerfile.as_os_str().to_owned();
            own.push(".dockerignore");
            PathBuf::from(own)
        });
        let files = own.into_iter().chain([named.context.join(".dockerignore")]);
        let mut texts = Vec::new();
        let mut all_read = true;
        for file in files.chain(named.dockerfile.cloned()) {
            match self.reader().read(&file) {
                Ok(text) => texts.push((file, text)),
                // A Dockerfile that is not there is the engine's to report; most contexts have no file of patterns.
                Err(ReadError::Missing | ReadError::Folder) => {}
                Err(error) => {
                    let diagnostic = error.diagnostic(&self.shown(&file), "check its permissions");
                    out.push(diagnostic.at(source.span, "built from here"));
                    all_read = false;
                }
            }
        }
        let patterns = texts.into_iter().find(|(file, _)| Some(file) != named.dockerfile).map(|(_, text)| text);
        all_read.then(|| Ignore::parse(&String::from_utf8_lossy(&patterns.unwrap_or_default())))
    }

    /// Files of the service's folder that say how the service is run, relative to it.
    fn read_by_hl(&self) -> BTreeSet<String> {
        let folder = &self.service.folder;
        let compose = self.service.compose_files.iter().filter_map(|path| path.strip_prefix(folder).ok());
        let mut names: BTreeSet<String> = compose.map(|path| path.to_string_lossy().into_owned()).collect();
        names.extend(["service.yaml", "service.yml", "env.example", secrets::FILE].map(str::to_owned));
        names.extend(self.service.health.iter().map(|health| {
            let path = self.sources.repository.root.join(&health.path);
            path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned()
        }));
        names
    }
}

/// A file's digest, and whether it can be executed, which the image has from it too.
fn digest(file: &Seen) -> String {
    let executable = if file.mode.is_some_and(|mode| mode & 0o100 != 0) { ", executable" } else { "" };
    format!("{}{executable}", content_digest(&file.bytes))
}

fn same(one: &ImageRef, other: &ImageRef) -> bool {
    one.normal() == other.normal()
}

/// The paths that a build names.
struct Named<'a> {
    context: &'a Path,
    /// The Dockerfile, where it is a file.
    dockerfile: Option<&'a PathBuf>,
}

fn filter(named: &Named<'_>, below: &str, ignore: Ignore, builds: &Builds<'_>, overlay: &Overlay<'_>) -> BuildFilter {
    let inner = named.dockerfile.and_then(|dockerfile| dockerfile.strip_prefix(named.context).ok());
    let always = inner.map(|inner| inner.to_string_lossy().into_owned());
    let written = builds.sources.iter().filter(|source| source.purpose == Purpose::Write);
    BuildFilter {
        below: below.to_owned(),
        ignore,
        always: always.into_iter().chain([".dockerignore".to_owned()]).collect(),
        written: written.filter_map(|source| overlay.in_repository(Path::new(&source.path))).collect(),
    }
}

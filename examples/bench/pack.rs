//! Compose files as people wrote them, loaded in this process, a whole pack of projects one after the other.

use std::collections::BTreeMap;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::time::Instant;

use hl::compose::reader::{Kind, Memory, ReadError, Reader};
use hl::compose::{self, Options, Origin, Variables};
use hl::config::Disk;
use hl::diagnostic::SourceMap;
use serde::Deserialize;

/// One project of a pack; other keys of its line are of no concern here.
#[derive(Deserialize)]
struct Case {
    id: String,
    repo: String,
    dir: String,
    files: Vec<PathBuf>,
    env_files: Vec<PathBuf>,
    set: BTreeMap<String, String>,
    created: BTreeMap<String, Source>,
    profiles: bool,
    expect: String,
}

/// What a file that is not in the repository is made of.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    Text(String),
    From(PathBuf),
}

/// The disk, with files on it that are not there.
struct WithCreated {
    created: Memory,
}

impl Reader for WithCreated {
    fn read(&self, path: &Path) -> std::result::Result<Vec<u8>, ReadError> {
        match self.created.kind(path) {
            Kind::File => self.created.read(path),
            Kind::Folder | Kind::Missing => Disk.read(path),
        }
    }

    fn kind(&self, path: &Path) -> Kind {
        match self.created.kind(path) {
            Kind::Missing => Disk.kind(path),
            there => there,
        }
    }

    fn names(&self, path: &Path) -> Vec<String> {
        Disk.names(path)
    }

    fn size_and_mode(&self, path: &Path) -> Option<(u64, Option<u32>)> {
        self.created.size_and_mode(path).or_else(|| Disk.size_and_mode(path))
    }

    fn is_link(&self, path: &Path) -> bool {
        Disk.is_link(path)
    }
}

/// Projects that real Compose accepts.
pub struct Pack {
    cases: Vec<(String, Options, WithCreated)>,
}

impl Pack {
    /// The pack in a folder: `cases.jsonl`, and the repositories below `tree/`.
    pub fn open(folder: &Path) -> Result<Pack> {
        let folder = folder.canonicalize()?;
        let lines = std::fs::read_to_string(folder.join("cases.jsonl"))?;
        let cases: Vec<Case> = lines.lines().map(serde_json::from_str).collect::<serde_json::Result<_>>()?;
        let accepted = cases.into_iter().filter(|case| case.expect == "ok");
        Ok(Pack { cases: accepted.map(|case| prepare(case, &folder)).collect::<Result<_>>()? })
    }

    /// How many projects there are.
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// Loads all and gives the seconds that it took; one that does not load is an error.
    pub fn load(&self) -> Result<f64> {
        let begun = Instant::now();
        for (id, options, reader) in &self.cases {
            if compose::load(reader, options, &mut SourceMap::default()).is_err() {
                return Err(Error::other(format!("{id} does not load")));
            }
        }
        Ok(begun.elapsed().as_secs_f64())
    }
}

fn prepare(case: Case, folder: &Path) -> Result<(String, Options, WithCreated)> {
    let root = folder.join("tree").join(&case.repo);
    let created = case.created.into_iter().map(|(path, source)| {
        let bytes = match source {
            Source::Text(text) => text.into_bytes(),
            Source::From(path) => std::fs::read(root.join(path))?,
        };
        Ok((root.join(path), bytes))
    });
    let created = created.collect::<Result<_>>()?;
    let mut variables = Variables::default();
    let value = |text: String| text.replace("@ROOT@", &root.to_string_lossy());
    variables.push(Origin::Public, case.set.into_iter().map(|(name, text)| (name, value(text))));
    let options = Options {
        current_dir: root.join(case.dir),
        files: case.files,
        env_files: case.env_files,
        variables,
        profiles: if case.profiles { vec!["*".to_owned()] } else { Vec::new() },
        home: Some("/corpus-home".to_owned()),
        ..Options::default()
    };
    Ok((case.id, options, WithCreated { created }))
}

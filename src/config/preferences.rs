//! The configuration of the person who runs hl: what no repository may decide.

use std::path::{Path, PathBuf};

use super::section::{self, Context, Located};
use super::yaml_file::document;
use crate::compose::reader::{Files, Kind, Reader};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap};

/// The contents of its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// Files and folders outside of a repository that it may have read.
    pub allow_read: Vec<PathBuf>,
}

/// Reads a file of preferences; none there is none said. `home` stands for `~`.
pub fn preferences(path: &Path, home: Option<&str>, disk: &dyn Reader) -> (Preferences, Diagnostics, SourceMap) {
    let (mut map, mut out) = (SourceMap::default(), Diagnostics::default());
    let mut found = Preferences::default();
    let mut files = Files::new(disk, &mut map, "/");
    if files.kind(path) != Kind::Missing
        && let Some(tree) = document(path, &mut files, &mut out)
    {
        let mut context = Context { map: files.sources(), out: Diagnostics::default() };
        if let Some(section) = section::open(&tree, "", &["allow_read"], &mut context) {
            let paths = section.texts("allow_read", &mut context).unwrap_or_default();
            found.allow_read = paths.into_iter().filter_map(|path| absolute(path, home, &mut context)).collect();
        }
        out.extend(context.out);
    }
    (found, out, map)
}

fn absolute(path: Located<String>, home: Option<&str>, context: &mut Context<'_>) -> Option<PathBuf> {
    if let (Some(below), Some(home)) = (path.value.strip_prefix("~/"), home) {
        return Some(Path::new(home).join(below));
    }
    if path.value.starts_with('/') {
        return Some(PathBuf::from(path.value));
    }
    let words = format!("`{}` is no absolute path", path.value);
    let hint = "write it from `/` on, or from `~/` on";
    context.out.push(Diagnostic::error(Code::InvalidValue, words).at(path.span, "").hint(hint));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::reader::Memory;

    fn read(text: &str) -> (Preferences, Vec<String>) {
        let disk = Memory::from_iter([("/home/ann/.config/hl/config.yaml", text)]);
        let (found, out, _) = preferences(Path::new("/home/ann/.config/hl/config.yaml"), Some("/home/ann"), &disk);
        (found, out.iter().map(|d| d.summary.clone()).collect())
    }

    #[test]
    fn what_may_be_read_is_named_by_its_whole_path() {
        let (found, said) = read("allow_read: [/srv/stacks, ~/shared.env]\n");
        assert_eq!(found.allow_read, [PathBuf::from("/srv/stacks"), PathBuf::from("/home/ann/shared.env")]);
        assert!(said.is_empty(), "{said:?}");
        assert_eq!(read("allow_read: [shared.env]\n").1, ["`shared.env` is no absolute path"]);
        assert_eq!(read("allow_reads: []\n").1, ["unknown key `allow_reads`"]);
        let none = preferences(Path::new("/nowhere"), None, &Memory::default());
        assert_eq!((none.0, none.1.is_empty()), (Preferences::default(), true));
    }
}

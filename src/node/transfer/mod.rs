//! Data of a service from one node to another, through this machine: measured, copied, compared, and only then in place.

mod check;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::shell::Tools;
use super::{Advance, ErrorKind, Facts, Node, NodeError, Progress};
use crate::model::spec::DataPlace;

pub use check::{Coming, check};

/// For what only looks, or renames.
const SHORT: Duration = Duration::from_secs(120);
/// For what reads all of it.
const LONG: Duration = Duration::from_secs(6 * 60 * 60);
/// Bytes that are read at once.
const BLOCK: usize = 256 * 1024;

/// Bytes that a folder takes, and what tells it from every other on its machine; nothing if there is none.
const MEASURE: &str = r#"
set -eu
[ ! -e "$1" ] || echo "$(du -s -B1 -- "$1" | cut -f1) $(stat -c '%d:%i:%W' -- "$1")"
"#;
/// What is in a place: nothing, or what came there from the very folder that a mark beside it tells, or something else.
const LOOK: &str = r#"
mark=$(dirname -- "$1")/.$(basename -- "$1").came
if [ ! -e "$1" ]; then echo free
elif [ "$(cat -- "$mark" 2>/dev/null)" = "$2" ]; then echo came
elif [ -d "$1" ] && [ -z "$(ls -A -- "$1")" ]; then echo free
else echo taken
fi
"#;
/// Sparse files stay sparse, links stay links, owners are numbers, and times have all their digits.
const PACK: &str = r#"exec tar -C "$1" --format=posix --numeric-owner --sparse -cf - ."#;
/// Into a folder beside the place, which is made anew: a copy that was cut off is no beginning.
const UNPACK: &str = r#"
set -eu
rm -rf -- "$1.moving"; mkdir -p -- "$1.moving"
exec tar -C "$1.moving" --numeric-owner --same-owner --same-permissions -xf -
"#;
/// Names, kinds, modes, owners, sizes, times, targets of links, and the content of every file, as one number.
const FINGERPRINT: &str = r#"
set -eu; cd -- "$1"
{
    find . -printf '%P\t%y\t%m\t%U:%G\t%l\t%Ts\0' | LC_ALL=C sort -z
    find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum -z --
} | sha256sum | cut -d' ' -f1
"#;
const MAKE: &str = r#"mkdir -p -- "$1""#;
/// The mark is there before the folder is: whoever finds the folder knows where it came from, whatever was written since.
const PUT: &str = r#"
set -eu
mark=$(dirname -- "$1")/.$(basename -- "$1").came
[ ! -e "$1" ] || rmdir -- "$1"
printf '%s\n' "$2" >"$mark"
mv -T -- "$1.moving" "$1"
sync -f "$1" 2>/dev/null || sync
"#;
const DISCARD: &str = r#"rm -rf -- "$1" "$1.moving" "$(dirname -- "$1")/.$(basename -- "$1").came""#;
const SET_ASIDE: &str = r#"
set -eu
[ -e "$1" ] || exit 0
to="$1.moved-$2"; n=1
while [ -e "$to" ]; do n=$((n + 1)); to="$1.moved-$2.$n"; done
mv -T -- "$1" "$to"
rm -f -- "$(dirname -- "$1")/.$(basename -- "$1").came"
"#;

/// Data where it comes from, as it was found.
struct Source<'a> {
    node: &'a dyn Node,
    /// Its folder.
    folder: String,
    /// Bytes that it takes; `None` where there is none.
    size: Option<u64>,
    /// What tells it from all other data.
    identity: String,
}

/// What is in the place where data is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Nothing.
    Nothing,
    /// This very data, by an apply that was cut off later. It may have been used since.
    Itself,
    /// Other data.
    Other,
}

impl<'a> Source<'a> {
    async fn find(node: &'a dyn Node, place: &DataPlace) -> Result<Self, NodeError> {
        let folder = folder(node, place).await?;
        let said = tools(node)?.tool(&format!("measure {place}"), MEASURE, &[&folder], LONG).await?;
        let (size, birth) = said.trim().split_once(' ').unwrap_or_default();
        let size = if said.trim().is_empty() { None } else { Some(number(node, size)?) };
        let identity = format!("{} {folder} {birth}", node.name());
        Ok(Self { node, folder, size, identity })
    }

    /// What is in `folder` on the other node. Data that is equal is as good as a copy.
    async fn look(&self, to: &dyn Node, folder: &str) -> Result<Found, NodeError> {
        let what = format!("look at {folder}");
        match tools(to)?.tool(&what, LOOK, &[folder, &self.identity], SHORT).await?.trim() {
            "free" => Ok(Found::Nothing),
            "came" => Ok(Found::Itself),
            _ if self.equals(to, folder).await? => Ok(Found::Itself),
            _ => Ok(Found::Other),
        }
    }

    async fn equals(&self, to: &dyn Node, folder: &str) -> Result<bool, NodeError> {
        let (out, into, what) = (tools(self.node)?, tools(to)?, format!("compare {folder}"));
        let (own, other) = ([self.folder.as_str()], [folder]);
        let (there, here) =
            tokio::try_join!(out.tool(&what, FINGERPRINT, &own, LONG), into.tool(&what, FINGERPRINT, &other, LONG))?;
        Ok(there == here)
    }

    fn in_the_way(&self, to: &dyn Node, folder: &str) -> NodeError {
        let text = format!(
            "there is other data already than {} on {}; set it aside or remove it",
            self.folder,
            self.node.name()
        );
        refused(to, &format!("put data in {folder}"), text)
    }
}

/// Copies the data at `source` on one node to `target` on another, where no other data may be; of data that is not there an
/// empty folder is made. Until the copy is proven equal it lies beside its place; a copy that fails leaves nothing in it.
///
/// # Errors
/// The node's own words; [`ErrorKind::Conflict`] where something is in the place, and where the copy is not equal.
pub async fn copy(
    from: &dyn Node,
    source: &DataPlace,
    to: &dyn Node,
    target: &DataPlace,
    progress: Progress<'_>,
) -> Result<(), NodeError> {
    let (out, into) = (tools(from)?, tools(to)?);
    let (source, target) = tokio::try_join!(Source::find(from, source), folder(to, target))?;
    let Some(size) = source.size else {
        return into.tool(&format!("make directory {target}"), MAKE, &[&target], SHORT).await.map(drop);
    };
    match source.look(to, &target).await? {
        Found::Nothing => {}
        Found::Itself => return Ok(()),
        Found::Other => return Err(source.in_the_way(to, &target)),
    }
    let mut outgoing = out.pipe_out(&format!("read {}", source.folder), PACK, &[&source.folder]).await?;
    let mut incoming = into.pipe_in(&format!("write {target}"), UNPACK, &[&target]).await?;
    let mut block = vec![0; BLOCK];
    let mut done = 0;
    let broken = loop {
        match outgoing.reader.read(&mut block).await {
            Ok(0) => break None,
            Ok(length) => {
                if let Err(error) = incoming.writer.write_all(&block[..length]).await {
                    break Some(error);
                }
                done += length as u64;
                progress(Advance { text: "copying".to_owned(), bytes: Some((done, size.max(done))) });
            }
            Err(error) => break Some(error),
        }
    };
    let _ = incoming.writer.shutdown().await;
    drop(incoming.writer);
    drop(outgoing.reader);
    // What a program says of itself tells more than that its pipe broke.
    incoming.end.await?;
    outgoing.end.await?;
    if let Some(error) = broken {
        return Err(refused(to, &format!("copy {}", source.folder), error.to_string()));
    }
    progress(Advance { text: "comparing".to_owned(), bytes: None });
    if !source.equals(to, &format!("{target}.moving")).await? {
        let text = format!("the copy is not equal to {} on {}", source.folder, from.name());
        return Err(refused(to, &format!("compare {target}"), text));
    }
    into.tool(&format!("put {target} in place"), PUT, &[&target, &source.identity], SHORT).await.map(drop)
}

/// Takes a copy away again.
///
/// # Errors
/// The node's own words.
pub async fn discard(node: &dyn Node, path: &str) -> Result<(), NodeError> {
    tools(node)?.tool(&format!("remove {path}"), DISCARD, &[path], LONG).await.map(drop)
}

/// Gives a folder another name, with the day in it. What is not there needs none.
///
/// # Errors
/// The node's own words.
pub async fn set_aside(node: &dyn Node, path: &str, day: &str) -> Result<(), NodeError> {
    tools(node)?.tool(&format!("set {path} aside"), SET_ASIDE, &[path, day], SHORT).await.map(drop)
}

/// The folder that a place is.
async fn folder(node: &dyn Node, place: &DataPlace) -> Result<String, NodeError> {
    match place {
        DataPlace::Folder(path) => Ok(path.clone()),
        DataPlace::Volume(name) => {
            let folder = facts(node)?.volume_folder(name).await?;
            folder.ok_or_else(|| NodeError {
                node: node.name().clone(),
                what: format!("find {place}"),
                kind: ErrorKind::NotFound("there is no such volume".to_owned()),
            })
        }
    }
}

fn tools(node: &dyn Node) -> Result<&dyn Tools, NodeError> {
    node.tools().ok_or_else(|| NodeError {
        node: node.name().clone(),
        what: "copy data".to_owned(),
        kind: ErrorKind::Unsupported("its files cannot be reached".to_owned()),
    })
}

fn facts(node: &dyn Node) -> Result<&dyn Facts, NodeError> {
    node.facts().ok_or_else(|| NodeError {
        node: node.name().clone(),
        what: "copy data".to_owned(),
        kind: ErrorKind::Unsupported("its engine tells nothing of its machine".to_owned()),
    })
}

fn number(node: &dyn Node, text: &str) -> Result<u64, NodeError> {
    text.trim().parse().map_err(|_| refused(node, "measure data", format!("`{}` is no number of bytes", text.trim())))
}

fn refused(node: &dyn Node, what: &str, text: String) -> NodeError {
    NodeError { node: node.name().clone(), what: what.to_owned(), kind: ErrorKind::Conflict(text) }
}

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

/// Bytes that a folder takes; nothing if there is none.
const MEASURE: &str = r#"set -eu; [ ! -e "$1" ] || du -s -B1 -- "$1" | cut -f1"#;
/// What is in a place: nothing, or something, with the mark that is beside it.
const LOOK: &str = r#"
mark=$(dirname -- "$1")/.$(basename -- "$1").came
if [ -e "$1" ] && { [ ! -d "$1" ] || [ -n "$(ls -A -- "$1")" ]; }; then
    echo "taken $(cat -- "$mark" 2>/dev/null || :)"
else echo free
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
/// The mark is what the data was when it came, and is there before the folder is: whoever finds the folder knows that, whatever
/// was written to it since.
const PUT: &str = r#"
set -eu
mark=$(dirname -- "$1")/.$(basename -- "$1").came
[ ! -e "$1" ] || rmdir -- "$1"
printf '%s\n' "$2" >"$mark"
mv -T -- "$1.moving" "$1"
sync -f "$1" 2>/dev/null || sync
"#;
const REMOVE: &str = r#"rm -rf -- "$1" "$1.moving" "$(dirname -- "$1")/.$(basename -- "$1").came""#;
const UNMARK: &str = r#"rm -f -- "$(dirname -- "$1")/.$(basename -- "$1").came""#;
const SET_ASIDE: &str = r#"
set -eu
[ -e "$1" ] || exit 0
rm -f -- "$(dirname -- "$1")/.$(basename -- "$1").came"
! rmdir -- "$1" 2>/dev/null || exit 0
to="$1.moved-$2"; n=1
while [ -e "$to" ]; do n=$((n + 1)); to="$1.moved-$2.$n"; done
mv -T -- "$1" "$to"
"#;

/// Data where it comes from, as it was found.
struct Source<'a> {
    node: &'a dyn Node,
    /// Its folder.
    folder: String,
    /// Bytes that it takes; `None` where there is none.
    size: Option<u64>,
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
        let size = if said.trim().is_empty() { None } else { Some(number(node, &said)?) };
        Ok(Self { node, folder, size })
    }

    /// What is in `folder` on the other node. What came from here counts as this data for as long as this data has not changed:
    /// what was written there since is newer. Data that is equal is as good as a copy.
    async fn look(&self, to: &dyn Node, folder: &str) -> Result<Found, NodeError> {
        let said = tools(to)?.tool(&format!("look at {folder}"), LOOK, &[folder], SHORT).await?;
        let Some(mark) = said.trim().strip_prefix("taken") else { return Ok(Found::Nothing) };
        let own = self.fingerprint().await?;
        match mark.trim() == own || fingerprint(to, folder).await? == own {
            true => Ok(Found::Itself),
            false => Ok(Found::Other),
        }
    }

    async fn fingerprint(&self) -> Result<String, NodeError> {
        fingerprint(self.node, &self.folder).await
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
    let moving = format!("{target}.moving");
    let (there, here) = tokio::try_join!(source.fingerprint(), fingerprint(to, &moving))?;
    if there != here {
        let text = format!("the copy is not equal to {} on {}", source.folder, from.name());
        return Err(refused(to, &format!("compare {target}"), text));
    }
    into.tool(&format!("put {target} in place"), PUT, &[&target, &here], SHORT).await.map(drop)
}

/// Takes a copy away again. What has been written to since stays: a folder under another name, with the day in it, a volume
/// as it is.
///
/// # Errors
/// The node's own words.
pub async fn discard(
    from: &dyn Node,
    source: &DataPlace,
    to: &dyn Node,
    target: &DataPlace,
    day: &str,
) -> Result<(), NodeError> {
    let copy = folder(to, target).await?;
    // What cannot be compared may be all that there is.
    let is_equal = match Source::find(from, source).await {
        Ok(source) if source.size.is_some() => {
            tokio::try_join!(source.fingerprint(), fingerprint(to, &copy)).is_ok_and(|(there, here)| there == here)
        }
        Ok(_) | Err(_) => false,
    };
    match (is_equal, target) {
        (true, DataPlace::Folder(path)) => remove(to, path).await,
        (true, DataPlace::Volume(name)) => to.remove_volume(name).await,
        (false, DataPlace::Folder(path)) => set_aside(to, path, day).await,
        // It is no copy any more, and nobody takes it for one.
        (false, DataPlace::Volume(_)) => {
            tools(to)?.tool(&format!("unmark {target}"), UNMARK, &[&copy], SHORT).await.map(drop)
        }
    }
}

/// Removes a folder with all that is in it.
///
/// # Errors
/// The node's own words.
pub async fn remove(node: &dyn Node, path: &str) -> Result<(), NodeError> {
    tools(node)?.tool(&format!("remove {path}"), REMOVE, &[path], LONG).await.map(drop)
}

/// Gives a folder another name, with the day in it. One that is not there or empty needs none.
///
/// # Errors
/// The node's own words.
pub async fn set_aside(node: &dyn Node, path: &str, day: &str) -> Result<(), NodeError> {
    tools(node)?.tool(&format!("set {path} aside"), SET_ASIDE, &[path, day], SHORT).await.map(drop)
}

/// All that can be told of a folder, as one number.
async fn fingerprint(node: &dyn Node, folder: &str) -> Result<String, NodeError> {
    let said = tools(node)?.tool(&format!("compare {folder}"), FINGERPRINT, &[folder], LONG).await?;
    Ok(said.trim().to_owned())
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

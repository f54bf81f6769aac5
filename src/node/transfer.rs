//! Data of a service from one node to another, through this machine: measured, copied, compared, and only then in place.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::shell::Tools;
use super::{Advance, ErrorKind, Node, NodeError, Progress};

/// For what only looks, or renames.
const SHORT: Duration = Duration::from_secs(120);
/// For what reads all of it.
const LONG: Duration = Duration::from_secs(6 * 60 * 60);
/// Of what is copied this much more must be free: file systems need room for themselves.
const MARGIN: u64 = 64 << 20;
/// Bytes that are read at once.
const BLOCK: usize = 256 * 1024;

/// Bytes that a folder takes, nothing if there is none; and the bytes that are free where another is to be.
const MEASURE: &str = r#"set -eu; [ ! -e "$1" ] || du -s -B1 -- "$1" | cut -f1"#;
const ROOM: &str = r#"
set -eu
above=$(dirname -- "$1")
while [ ! -d "$above" ]; do above=$(dirname -- "$above"); done
df -P -B1 -- "$above" | awk 'NR == 2 { print $4 }'
"#;

/// Sparse files stay sparse, links stay links, owners are numbers, and times have all their digits.
const PACK: &str = r#"exec tar -C "$1" --format=posix --numeric-owner --sparse -cf - ."#;
/// Into a folder beside the place, which is made anew: a copy that was cut off is no beginning.
const UNPACK: &str = r#"
set -eu
[ ! -e "$1" ] || { echo "$1 is there already" >&2; exit 1; }
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
const PUT: &str = r#"set -eu; [ ! -e "$1" ]; mv -T -- "$1.moving" "$1"; sync -f "$1" 2>/dev/null || sync"#;
const DISCARD: &str = r#"set -eu; rm -rf -- "$1" "$1.moving""#;
const SET_ASIDE: &str = r#"
set -eu
[ -e "$1" ] || exit 0
to="$1.moved-$2"; n=1
while [ -e "$to" ]; do n=$((n + 1)); to="$1.moved-$2.$n"; done
mv -T -- "$1" "$to"
"#;

/// Copies the folder `source` of one node to `target` on another, where nothing may be yet; of a folder that is not there an
/// empty one is made. Until the copy is proven equal it
/// lies beside its place; a copy that fails leaves nothing in it.
///
/// # Errors
/// The node's own words; [`ErrorKind::Conflict`] where there is no room, where something is in the place, and where the copy
/// is not equal.
pub async fn copy(
    from: &dyn Node,
    source: &str,
    to: &dyn Node,
    target: &str,
    progress: Progress<'_>,
) -> Result<(), NodeError> {
    let (out, into) = (tools(from)?, tools(to)?);
    let measured = out.tool(&format!("measure {source}"), MEASURE, &[source], LONG).await?;
    if measured.trim().is_empty() {
        return into.tool(&format!("make directory {target}"), MAKE, &[target], SHORT).await.map(drop);
    }
    let size = number(from, &measured)?;
    let room = number(to, &into.tool(&format!("measure {target}"), ROOM, &[target], SHORT).await?)?;
    if room < size.saturating_add(MARGIN) {
        let text = format!("there are {room} bytes free, and {size} are to be copied");
        return Err(refused(to, &format!("make room for {target}"), text));
    }
    let mut outgoing = out.pipe_out(&format!("read {source}"), PACK, &[source]).await?;
    let mut incoming = into.pipe_in(&format!("write {target}"), UNPACK, &[target]).await?;
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
        return Err(refused(to, &format!("copy {source}"), error.to_string()));
    }
    progress(Advance { text: "comparing".to_owned(), bytes: None });
    let (moving, what) = (format!("{target}.moving"), format!("compare {target}"));
    let (source_only, moving_only) = ([source], [moving.as_str()]);
    let (there, here) = tokio::try_join!(
        out.tool(&what, FINGERPRINT, &source_only, LONG),
        into.tool(&what, FINGERPRINT, &moving_only, LONG),
    )?;
    if there != here {
        return Err(refused(to, &what, format!("the copy is not equal to {source} on {}", from.name())));
    }
    into.tool(&format!("put {target} in place"), PUT, &[target], SHORT).await.map(drop)
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

fn tools(node: &dyn Node) -> Result<&dyn Tools, NodeError> {
    node.tools().ok_or_else(|| NodeError {
        node: node.name().clone(),
        what: "copy data".to_owned(),
        kind: ErrorKind::Unsupported("its files cannot be reached".to_owned()),
    })
}

fn number(node: &dyn Node, text: &str) -> Result<u64, NodeError> {
    text.trim().parse().map_err(|_| refused(node, "measure data", format!("`{}` is no number of bytes", text.trim())))
}

fn refused(node: &dyn Node, what: &str, text: String) -> NodeError {
    NodeError { node: node.name().clone(), what: what.to_owned(), kind: ErrorKind::Conflict(text) }
}

//! Data from one node to another, through this machine: copied, compared, and only then put in place.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::error::DataError;
use super::mark;
use super::route::{Route, directory, tools};
use super::source::{Occupant, Source};
use crate::model::spec::{DataPlace, DataSource, DirectorySpec};
use crate::node::{Advance, Node, Progress};

/// Bytes that are read at once.
const BLOCK: usize = 256 * 1024;

/// Copies data to a place where no other data may be; of data that does not exist an empty directory is made. Until the copy
/// is proven equal it lies beside its place; a copy that fails leaves nothing in it. A copy that is there already, of an
/// apply that was cut off, is left as it is.
///
/// # Errors
/// [`DataError`]: other data is in the place, the copy is not equal, or a node fails.
pub async fn copy(
    route: Route<'_>,
    source: &DataSource,
    target: &DataPlace,
    progress: Progress<'_>,
) -> Result<(), DataError> {
    let to = route.to;
    let (source, target) = tokio::try_join!(Source::find(route, source), directory(to, target))?;
    let Some(size) = source.size else {
        return Ok(to.ensure_directory(&DirectorySpec { path: target, ..Default::default() }).await?);
    };
    match source.occupant(to, &target).await? {
        Occupant::Nothing => {}
        Occupant::Itself => return Ok(()),
        Occupant::Other => return Err(source.occupied(to, &target)),
    }
    let staging = mark::staging(&target);
    stream(&source, to, &staging, &|done| {
        progress(Advance { text: "copying".to_owned(), bytes: Some((done, size.max(done))) });
    })
    .await?;
    progress(Advance { text: "comparing".to_owned(), bytes: None });
    let copy = async { Ok(tools(to)?.fingerprint(&staging).await?) };
    let (original, copy) = tokio::try_join!(source.fingerprint(), copy)?;
    if original != copy {
        return Err(source.unequal(to, &target));
    }
    // Other data that has appeared meanwhile ends it here, before a mark would call it a copy. The mark is there before the
    // copy is in place: whoever finds the copy knows what it was.
    tools(to)?.remove_vacant(&target).await?;
    mark::write(to, &target, &copy).await?;
    Ok(tools(to)?.rename(&staging, &target).await?)
}

/// Reads the source and writes it into a directory, and tells after each block how many bytes that were.
async fn stream(
    source: &Source<'_>,
    to: &dyn Node,
    directory: &str,
    written: &(dyn Fn(u64) + Send + Sync),
) -> Result<(), DataError> {
    let mut outgoing = source.read().await?;
    let mut incoming = tools(to)?.write_tree(directory).await?;
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
                written(done);
            }
            Err(error) => break Some(error),
        }
    };
    let _ = incoming.writer.shutdown().await;
    drop(incoming.writer);
    drop(outgoing.reader);
    // The error of a program tells more than a broken pipe.
    incoming.end.await?;
    outgoing.end.await?;
    broken.map_or(Ok(()), |error| Err(source.broken(to, error)))
}

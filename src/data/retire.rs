//! Cleaning up after a move: a copy without a use is removed, other data stays under another name until it is pruned.

use super::error::DataError;
use super::mark;
use super::route::{Route, directory, tools};
use super::source::Source;
use crate::model::spec::{DataPlace, DataSource};
use crate::node::Node;

/// Takes a copy away again. A copy that was written to since stays: a directory under another name, with the day in it, a
/// volume as it is.
///
/// # Errors
/// The failure of a node.
pub async fn discard(route: Route<'_>, source: &DataSource, target: &DataPlace, day: &str) -> Result<(), DataError> {
    let to = route.to;
    let copy = directory(to, target).await?;
    // A copy that cannot be compared may be the only one.
    let is_equal = is_equal(route, source, &copy).await.unwrap_or(false);
    match (is_equal, target) {
        (true, DataPlace::Folder(path)) => remove(to, path).await,
        (true, DataPlace::Volume(name)) => Ok(to.remove_volume(name).await?),
        (false, DataPlace::Folder(path)) => retire(to, path, day).await,
        // Without its mark it does not count as a copy any more.
        (false, DataPlace::Volume(_)) => mark::clear(to, &copy).await,
    }
}

/// Whether a copy is what its source is now.
async fn is_equal(route: Route<'_>, source: &DataSource, copy: &str) -> Result<bool, DataError> {
    let source = Source::find(route, source).await?;
    if source.size.is_none() {
        return Ok(false);
    }
    let copy = async { Ok(tools(route.to)?.fingerprint(copy).await?) };
    let (original, copy) = tokio::try_join!(source.fingerprint(), copy)?;
    Ok(original == copy)
}

/// Removes a directory with everything in it, and the names that a move has put beside it.
///
/// # Errors
/// The failure of the node.
pub async fn remove(node: &dyn Node, path: &str) -> Result<(), DataError> {
    Ok(tools(node)?.remove(&[path, &mark::staging(path), &mark::path(path)]).await?)
}

/// Removes a file.
///
/// # Errors
/// The failure of the node.
pub async fn remove_file(node: &dyn Node, path: &str) -> Result<(), DataError> {
    Ok(tools(node)?.remove_file(path).await?)
}

/// Removes a directory in which nothing is.
///
/// # Errors
/// The failure of the node; something is in it.
pub async fn remove_vacant(node: &dyn Node, path: &str) -> Result<(), DataError> {
    Ok(tools(node)?.remove_vacant(path).await?)
}

/// Gives a directory another name, with the day in it. One that does not exist or is empty needs none.
///
/// # Errors
/// The failure of the node.
pub async fn retire(node: &dyn Node, path: &str, day: &str) -> Result<(), DataError> {
    let tools = tools(node)?;
    if !tools.exist(&[path]).await?.contains(&true) {
        return Ok(());
    }
    mark::clear(node, path).await?;
    if tools.is_vacant(path).await? {
        return Ok(tools.remove_vacant(path).await?);
    }
    let mut number = 1;
    while tools.exist(&[&mark::retired(path, day, number)]).await?.contains(&true) {
        number += 1;
    }
    Ok(tools.rename(path, &mark::retired(path, day, number)).await?)
}

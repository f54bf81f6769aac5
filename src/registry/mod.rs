//! TAGS AND DIGESTS. What registries have of an image that is newer than the one in use.
//!
//! [`ask`] is the entry: a [`Question`] about one image in, an [`Answer`] or a [`RegistryError`] out. One HEAD tells
//! whether a tag points to something else by now; the tag list, a manifest and an image's configuration are read only where
//! that is not enough, and layers never. Each registry is asked a few things at once, and nothing more once it says that it
//! is too much. Credentials are those of the Docker client, and go to no other host than they are for.
//!
//! This room only reads. It does not know which containers use an image, what is proposed to anybody, nor any file but the
//! Docker client's configuration.

mod auth;
mod challenge;
mod client;
mod endpoint;
mod error;
mod http;
mod manifest;
mod question;
mod tag_list;

pub use client::Client;
pub use endpoint::{Repository, RepositoryError};
pub use error::{RegistryError, Trouble};
pub use question::{Answer, LiveContent, Question, ask};

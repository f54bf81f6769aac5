//! The short forms of Compose, one pure parser a form: text in, value or a typed error out.
//!
//! The rules are those of Docker Compose 2.26.1 (compose-go 2.4.8 and the libraries that it is built
//! with). Nothing in here knows trees, places or diagnostics; `compose::canonical` and
//! `compose::decode` put the results into the tree.

pub mod device;
pub mod duration;
pub mod hosts;
pub mod image;
pub mod path;
pub mod port;
pub mod scalar;
pub mod size;
pub mod volume;
pub mod words;

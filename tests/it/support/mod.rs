//! What the integration tests stand on. It does not know what is tested.
//!
//! - [`trial`]: a test, what it needs, and how it is run or reported as ignored.
//! - [`homelab::Homelab`]: a repository in a folder of its own, and `hl` run in it.
//! - [`engine::Engine`]: the private engine, to look at and to disturb from outside.
//! - [`own::OwnEngine`]: an engine for one test alone, which it may kill.
//! - [`fleet::Fleet`]: several real machines, each reached over SSH.
//! - [`authority::Authority`]: who signs certificates.
//! - [`compose`]: real Compose, the oracle.
//! - [`proxy::Proxy`]: records or refuses what a client asks of an engine.
//! - [`random`]: random numbers that a seed repeats.
//! - [`registry::Registry`]: a private image registry.
//! - [`shop::Shop`]: a homelab of three services that runs, to change in one place and to look at as a whole.
//! - [`sshd::Sshd`]: an SSH server of this machine.
//! - [`image`]: the images, made without a registry.
//! - [`pack`]: real projects of other people, where they are.
//! - [`sent`]: recorded requests in a form in which two clients can be compared.
//! - [`stock::Stock`]: the images of a registry that is none.
//! - [`web::Web`]: a web server that answers as a test has it.
//! - [`source`]: Rust source as a list of paths and macros, for the architecture test.

pub mod authority;
pub mod busybox;
pub mod compose;
pub mod door;
pub mod engine;
pub mod fleet;
pub mod homelab;
pub mod http;
pub mod image;
pub mod outcome;
pub mod own;
pub mod pack;
pub mod prefix;
pub mod proxy;
pub mod random;
pub mod registry;
pub mod rehearsal;
pub mod sent;
pub mod shop;
pub mod source;
pub mod sshd;
pub mod stock;
pub mod trial;
pub mod web;

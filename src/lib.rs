//! hl: plan and apply for a homelab that runs on Docker Compose.
//!
//! `config` reads the repository, with `compose` for its Compose files and `envfile` for its env files; `node` asks the
//! machines, `state` knows what was applied last. `diff` lays these three views over one another, `plan` turns what
//! differs into steps, `render` prints them, and after consent `apply` takes the steps, with `data` for
//! copies between nodes, and records what is now true. `registry` knows which images are newer than those in use.
//! `workflow` puts these rooms in order for whoever wants one of their results, and `cli` is the front door.

pub mod atomic_file;
pub mod credentials;
pub mod diagnostic;
pub mod event;
pub mod regular_file;

pub mod model;

pub mod envfile;

pub mod compose;

pub mod config;

pub mod diff;
pub mod plan;

pub mod data;
pub mod node;
pub mod registry;
pub mod state;

pub mod apply;

pub mod workflow;

pub mod render;

pub mod cli;

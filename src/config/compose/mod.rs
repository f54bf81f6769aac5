//! COMPOSE FILES → ONE PROJECT. Reads, merges and normalises Compose files as Docker Compose does.
//!
//! Its measure is `docker-compose config` of 2.26.1 (compose-go 2.4.8): the same files give the same project, and
//! every node of it still knows the line it came from. It does not know the homelab, nodes, or what hl makes of a
//! project.

pub mod canonical;
pub mod consistency;
mod cycle;
pub mod decode;
pub mod defaults;
pub mod normalize;
pub mod paths;
mod place;
pub mod schema;
pub mod syntax;

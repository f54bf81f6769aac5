//! hl: plan and apply for a homelab that runs on Docker Compose.

pub mod diagnostic;
pub mod model;

pub mod config;

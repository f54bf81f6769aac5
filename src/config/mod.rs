//! FILES → HOMELAB. Reads the repository; knows nothing of machines, plans or state.

pub mod compose;
pub mod dotenv;
pub mod files;
pub mod template;
pub mod tree;
pub mod yaml;

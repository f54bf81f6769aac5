//! What a resource is to be: typed, complete, and the source of both the engine call and the
//! normal form. The declared view is made of specs by `config`, the live one by `node`; both go
//! through [`ContainerSpec::fields`] and its siblings, so that there is one normal form.

mod container;
mod data;
mod fields;
mod hashed;
mod image;
mod place;

pub use container::{
    AnonymousVolumes, Attachment, BlkioConfig, ContainerRef, ContainerSpec, CopiedFile, Device, DeviceRequest,
    Healthcheck, Logging, Mount, MountKind, NetworkMode, Port, RestartPolicy, Ulimit,
};
pub use data::{DataPlace, DataSource};
pub use fields::names_a_gone_container;
pub use hashed::HashedConfig;
pub use image::{BuildSpec, ImageConfig, ImageRef, PullPolicy};
pub use place::{
    DirectorySpec, FileContent, FileSpec, IpamPool, NetworkSpec, Variable, VolumeSpec, content_digest, content_text,
};

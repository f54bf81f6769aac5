//! The specification of a resource: typed, complete, and the source of both the engine call and the
//! normal form. `config` makes the specs of the declared view, `node` those of the live view; both go
//! through [`ContainerSpec::fields`] and its siblings, so that there is one normal form.

mod container;
mod data;
mod fields;
mod filling;
mod hashed;
mod image;
mod image_ref;
mod shared_data;
mod sharing;
mod storage_spec;
mod subnet;

pub use super::content::{content_digest, content_text};
pub use super::typed::{ContainerRef, Device, DeviceRequest, Mount, MountKind};
pub use container::{
    AnonymousVolumes, Attachment, BlkioConfig, ContainerSpec, CopiedFile, Healthcheck, IpcMode, Logging, NetworkMode,
    PidMode, Port, RestartPolicy, Ulimit,
};
pub use data::{DataPlace, DataSource};
pub use hashed::HashedConfig;
pub use image::{BuildSpec, ImageConfig, PullPolicy};
pub use image_ref::ImageRef;
pub use sharing::SharedPart;
pub use storage_spec::{DirectorySpec, FileContent, FileSpec, FirstOwner, IpamPool, NetworkSpec, Variable, VolumeSpec};
pub use subnet::Subnet;

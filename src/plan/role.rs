//! The roles of the names in an operation.

/// The role of a name in an operation. The order of the variants is the display order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A directory, by path.
    Directory,
    /// A file, a folder or a script, by path.
    Path,
    /// An image, by reference.
    Image,
    /// A container, by id or name.
    Container,
    /// A network, by name, or by id where it is gone.
    Network,
    /// A volume, by name.
    Volume,
    /// Another node.
    Node,
    /// A name that it gets.
    Name,
    /// Where a copy is put: a path, or the name of a volume.
    Target,
    /// An id of the engine beside the name.
    Id,
}

impl Role {
    /// All of them, in order.
    pub const ALL: [Role; 10] = [
        Role::Directory,
        Role::Path,
        Role::Image,
        Role::Container,
        Role::Network,
        Role::Volume,
        Role::Node,
        Role::Name,
        Role::Target,
        Role::Id,
    ];

    /// Its key in a journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Directory => "directory",
            Role::Path => "path",
            Role::Image => "image",
            Role::Container => "container",
            Role::Network => "network",
            Role::Volume => "volume",
            Role::Node => "node",
            Role::Name => "name",
            Role::Target => "target",
            Role::Id => "id",
        }
    }
}

//! The results of asking registries for newer images, as reports contain them.

use super::version::{Level, Newer};
use super::{NodeName, ServiceName};

/// All that was found out about the images of a homelab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateReport {
    /// One entry a container whose image was asked for, up to date or not.
    pub images: Vec<ImageInUse>,
    /// The images that could not be asked for.
    pub unasked: Vec<Unasked>,
    /// The containers of whose images no registry is asked.
    pub skipped: Vec<Skipped>,
    /// The services of which it is not known what they run.
    pub unknown: Vec<UnknownService>,
}

/// A service of which it is not known what it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownService {
    /// Its node.
    pub node: NodeName,
    /// Its name.
    pub service: ServiceName,
    /// Why, in words.
    pub why: String,
}

/// A container, and what there is newer for its image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageInUse {
    /// The container.
    pub container: ContainerOf,
    /// The name of the image as people write it, without tag and digest.
    pub name: String,
    /// The tag in use; none for an image that is pinned to a digest alone.
    pub tag: Option<String>,
    /// Everything newer; nothing if it is up to date.
    pub news: Vec<News>,
    /// Where its releases are described.
    pub releases: Option<String>,
    /// Why something is not proposed.
    pub remarks: Vec<Remark>,
}

/// A container of a service on a node; all its instances are meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerOf {
    /// The node.
    pub node: NodeName,
    /// The service.
    pub service: ServiceName,
    /// The container.
    pub container: String,
}

/// Something newer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A newer tag of the same kind.
    Tag {
        /// The tag.
        to: String,
        /// How much it changes.
        level: Level,
        /// The digest that it points to.
        digest: String,
        /// Newer tags that change less, the newest of each level.
        smaller: Vec<Newer>,
    },
    /// Newer content of the tag in use.
    Content {
        /// The digest that the tag points to now.
        digest: String,
        /// The version that the image in use says it is.
        from: Option<String>,
        /// The version that the newer one says it is.
        to: Option<String>,
    },
}

/// Why something is not proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// A newer tag has no image for the machine.
    LacksPlatform {
        /// The tag.
        tag: String,
        /// The platform of the machine.
        platform: String,
    },
    /// A newer tag changes more than `update.allow` has it.
    NotAllowed {
        /// The tag.
        tag: String,
        /// How much it changes.
        level: Level,
    },
    /// The image is not on the node, so that only tags are compared.
    NotOnNode,
    /// The image on the node was not pulled from a registry, so that its content cannot be compared.
    NotPulled,
    /// The image is pinned to a digest without a tag, so that nothing is known to be newer.
    WithoutTag,
    /// The registry has more tags than are looked at.
    TooManyTags,
}

/// An image that could not be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unasked {
    /// The image as people write it.
    pub image: String,
    /// The containers that use it.
    pub containers: Vec<ContainerOf>,
    /// Why, in one line.
    pub why: String,
    /// The way out; may be empty.
    pub hint: String,
}

/// A container of whose image no registry is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The container.
    pub container: ContainerOf,
    /// The image as people write it.
    pub image: String,
    /// Why.
    pub why: SkipReason,
}

/// Why no registry is asked for an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// It is built from files of the repository.
    Built,
    /// Its `pull_policy` is `never`.
    NeverPulled,
    /// It is named by its id.
    Id,
}

/// The edits that put newer images into the files of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EditReport {
    /// The edits that were made.
    pub written: Vec<Edited>,
    /// The containers whose images were not edited.
    pub left: Vec<NotEdited>,
}

/// An edit of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The file, relative to where the user stands.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The text that stood there.
    pub from: String,
    /// The text that stands there now.
    pub to: String,
    /// The containers that it is for.
    pub containers: Vec<ContainerOf>,
}

/// A newer image that was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotEdited {
    /// The container.
    pub container: ContainerOf,
    /// The image as it would be.
    pub image: String,
    /// Why it was not.
    pub why: NoEdit,
}

/// Why an image reference is not edited.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoEdit {
    /// The value is in an env file on the node.
    OnNode {
        /// The variable.
        variable: String,
        /// The file there.
        path: String,
    },
    /// The value was given on the command line.
    Given {
        /// The variable.
        variable: String,
    },
    /// The value of the variable is made of others, or is where no edit is made.
    Composed {
        /// The variable.
        variable: String,
    },
    /// The place where it is written defines something else as well.
    Shared {
        /// Where.
        place: String,
        /// The service or the container that would change, too.
        with: String,
    },
    /// The text is written in a way that is not edited, such as over several lines.
    Unusual {
        /// Where.
        place: String,
    },
    /// Two containers want different tags in one place.
    Disagreement {
        /// Where.
        place: String,
    },
    /// The file could not be written.
    Failed {
        /// The file.
        file: String,
        /// Why.
        why: String,
    },
}

//! Why a registry could not be asked.

use std::time::Duration;

/// A registry that did not answer a question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{registry} {trouble}")]
pub struct RegistryError {
    /// The registry as people know it.
    pub registry: String,
    /// The trouble with it.
    pub trouble: Trouble,
}

/// The trouble with a registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// There is no connection.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("did not answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// It wants to know who asks, and there are no credentials for it.
    #[error("wants to know who asks, and there are no credentials for it")]
    NoCredentials,
    /// It does not take the credentials that there are.
    #[error("does not take the credentials that there are for it")]
    WrongCredentials,
    /// It keeps the image from whoever asks.
    #[error("does not let the image be read")]
    Denied,
    /// It does not have the image.
    #[error("does not have it")]
    Missing,
    /// It is asked too much.
    #[error("is asked too often{}", wait(*.0))]
    RateLimited(Option<Duration>),
    /// It has a problem of its own.
    #[error("answered with status {0}")]
    Status(u16),
    /// Its answer makes no sense.
    #[error("gave an answer that cannot be used: {0}")]
    Malformed(&'static str),
    /// Its answer is too long.
    #[error("gave an answer that is too long: {0}")]
    TooLong(&'static str),
    /// It sends whoever asks elsewhere, in a way that is not followed.
    #[error("sends on to {0}, which is not followed")]
    Redirected(String),
}

/// How long it wants to be left alone.
fn wait(time: Option<Duration>) -> String {
    match time.map(|time| time.as_secs()) {
        None => String::new(),
        Some(seconds) if seconds < 120 => format!(", and is to be left alone for {seconds} s"),
        Some(seconds) => format!(", and is to be left alone for {} min", seconds.div_ceil(60)),
    }
}

impl RegistryError {
    /// The recommended action; empty if there is none.
    pub fn hint(&self) -> String {
        let login = format!("`docker login {}`, as the user who runs hl", self.registry);
        match &self.trouble {
            Trouble::NoCredentials => format!("check the name of the image, or sign in: {login}"),
            Trouble::WrongCredentials => format!("sign in anew: {login}"),
            Trouble::Denied => format!("check the name of the image, or sign in as somebody who may read it: {login}"),
            Trouble::Missing => "check name and tag of the image; the tag may have been removed".to_owned(),
            Trouble::RateLimited(_) => format!("run hl again later; whoever is signed in may ask more: {login}"),
            Trouble::Unreachable(_) | Trouble::Timeout(_) => "check the network, and run hl again".to_owned(),
            Trouble::Status(_) => "run hl again later".to_owned(),
            Trouble::Malformed(_) | Trouble::TooLong(_) | Trouble::Redirected(_) => {
                "check that it is a registry, and what stands between it and this machine".to_owned()
            }
        }
    }

    /// Whether nothing else that the registry is asked would end better.
    pub(super) fn concerns_all(&self) -> bool {
        matches!(self.trouble, Trouble::Unreachable(_) | Trouble::Timeout(_) | Trouble::RateLimited(_))
    }
}

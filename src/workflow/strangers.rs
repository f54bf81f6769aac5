//! Values that must not be said to whoever wrote a repository that the one who runs hl does not trust.

use secrecy::SecretString;

use crate::apply::Redactor;
use crate::diagnostic::{Diagnostics, SourceMap, Visibility};
use crate::envfile;

/// The values in the texts that may hold secrets.
pub(super) fn values(map: &SourceMap) -> Vec<SecretString> {
    let secret = map.files().filter(|file| file.visibility == Visibility::Secret);
    secret.flat_map(|file| envfile::values(&file.text).into_values()).map(SecretString::from).collect()
}

/// The diagnostics without these values.
pub(super) fn redacted(found: &Diagnostics, secrets: &[SecretString]) -> Diagnostics {
    let redactor = Redactor::hiding(secrets);
    let mut clean = Diagnostics::default();
    found.iter().for_each(|diagnostic| clean.push(diagnostic.map_texts(|text| redactor.clean(text))));
    clean
}

//! What must not be said to whoever wrote a repository that the one who runs hl does not trust.

use secrecy::SecretString;

use crate::apply::Redactor;
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap, Visibility};
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
    for diagnostic in found.iter() {
        let mut labels = diagnostic.labels.clone();
        labels.iter_mut().for_each(|label| label.text = redactor.clean(&label.text));
        clean.push(Diagnostic {
            summary: redactor.clean(&diagnostic.summary),
            detail: redactor.clean(&diagnostic.detail),
            hint: redactor.clean(&diagnostic.hint),
            labels,
            ..*diagnostic
        });
    }
    clean
}

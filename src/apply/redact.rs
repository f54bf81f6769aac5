//! Keeps secrets out of what is said about a failure: a node's own words, a log, a script's output.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};

use crate::model::spec::{FileContent, Variable};
use crate::model::view::FailedCheck;
use crate::model::{Text, Value};
use crate::plan::{Operation, Plan};

const MASK: &str = "(secret)";

/// The fewest characters of a secret that is masked inside a word. A shorter one is masked where it
/// stands alone: masking every `1` would leave nothing to read, and nothing to hide.
const INSIDE_WORDS: usize = 4;

/// The secrets that must not be said.
#[derive(Clone, Default)]
pub struct Redactor {
    /// By length, longest first, so that no secret is cut in two by another that is a part of it.
    secrets: BTreeSet<(Reverse<usize>, String)>,
}

impl Redactor {
    /// These secrets.
    pub fn hiding(secrets: &[SecretString]) -> Self {
        let mut redactor = Self::default();
        secrets.iter().for_each(|secret| redactor.add(secret.expose_secret()));
        redactor
    }

    /// All secrets in the clear that a plan carries, and some more. What is live counts as secret because nobody knows where
    /// it comes from; where the plan has the same text in public, masking it would only make messages hard to read.
    pub(super) fn of(plan: &Plan, more: &[SecretString]) -> Self {
        let mut redactor = Self::hiding(more);
        let operations = plan.steps.iter().flat_map(|step| std::iter::once(&step.operation).chain(&step.undo));
        let values: Vec<Value> = operations.flat_map(|operation| operation.describe().values()).collect();
        let fields = plan.changes.iter().flat_map(|change| &change.fields);
        let views = fields.flat_map(|field| [&field.declared, &field.recorded]).flatten();
        let public: BTreeSet<&str> = values.iter().chain(views).flat_map(Value::public_texts).collect();
        let secrets = values.iter().flat_map(Value::secrets).map(ExposeSecret::expose_secret);
        secrets.filter(|secret| !public.contains(secret)).for_each(|secret| redactor.add(secret));
        redactor
    }

    /// Adds what an apply has made for an env file, and what it has made of that. Other variables of
    /// the file are in the plan where they are secrets.
    pub(super) fn add_generated(&mut self, operation: &Operation, values: &BTreeMap<String, String>) {
        let Operation::WriteFile(spec) = operation else { return };
        let FileContent::Variables(variables) = &spec.content else { return };
        for (name, variable) in variables {
            if matches!(variable, Variable::Generated { .. } | Variable::Is(Text::Pending(_)))
                && let Some(value) = values.get(name)
            {
                self.add(value);
            }
        }
    }

    /// Adds a secret; each line of a longer text is one too, since logs come in lines.
    pub(super) fn add(&mut self, secret: &str) {
        for part in std::iter::once(secret).chain(secret.lines().filter(|line| line.len() >= INSIDE_WORDS)) {
            let part = part.trim();
            if !part.is_empty() {
                self.secrets.insert((Reverse(part.len()), part.to_owned()));
            }
        }
    }

    /// The output of a health check without secrets. A secret of several lines is looked for in all of them.
    pub fn clean_check(&self, check: FailedCheck) -> FailedCheck {
        let text = self.clean(&check.output.join("\n"));
        FailedCheck { output: text.lines().map(str::to_owned).collect(), ..check }
    }

    /// The text without secrets.
    pub fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for (_, secret) in &self.secrets {
            if secret.chars().count() >= INSIDE_WORDS {
                clean = clean.replace(secret, MASK);
            } else if clean.contains(secret) {
                clean = mask_words(&clean, secret);
            }
        }
        clean
    }
}

/// Masks a short secret where no letter or digit stands beside it.
fn mask_words(text: &str, secret: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(secret) {
        let (before, after) = (&rest[..at], &rest[at + secret.len()..]);
        let left = before.chars().next_back().or_else(|| out.chars().next_back());
        let alone = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
        out.push_str(before);
        out.push_str(if alone(left) && alone(after.chars().next()) { MASK } else { secret });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_short_ones_only_where_they_stand_alone() {
        let mut redactor = Redactor::default();
        for secret in ["hunter2", "hunter2-long", "ab", "", "-----KEY\nMIIabc\n"] {
            redactor.add(secret);
        }
        assert_eq!(redactor.clean("a hunter2-long, xhunter2x"), "a (secret), x(secret)x");
        assert_eq!(redactor.clean("ab: cab abc (ab)"), "(secret): cab abc ((secret))");
        assert_eq!(redactor.clean("line MIIabc"), "line (secret)");
        assert_eq!(redactor.clean("abab"), "abab");
    }
}

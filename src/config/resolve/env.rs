//! The variables of a service: what its `.env` holds, what hl will add to it, and what only the node knows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::ServiceContext;
use super::placeholders::Placeholder;
use crate::compose::Plain;
use crate::compose::reader::{MOST_TEXT, ReadError};
use crate::config::folders::EnvFile;
use crate::config::{ignored, secrets};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap, Span, Visibility};
use crate::envfile::template::Chained;
use crate::envfile::{self, Assignments, Outside, Sealed};
use crate::model::spec::Variable;
use crate::model::{Pending, Text, Trust};

/// The variables of a service below those of the command line and above `vars`.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceEnv {
    /// The text of its `.env` as Compose is to see it: the one beside the compose file, the one on the node, and what
    /// hl will add. None if there is neither a file nor anything to add.
    pub text: Option<String>,
    /// The values in that text.
    pub values: BTreeMap<String, String>,
    /// The variables that hl sees to in the node's file.
    pub declared: BTreeMap<String, Variable>,
    /// The variables whose values the repository does not have in the clear.
    pub private: BTreeSet<String>,
    /// Whether hl has something to add to the node's file.
    pub grows: bool,
    /// Where values are written that decide which files are read.
    pub places: BTreeMap<String, Span>,
    /// The variables that have a placeholder, because only the node has their value.
    pub placeholders: BTreeSet<String>,
}

/// The variables of a service's `.env`. `asked` are those without which its compose files cannot be read.
pub(super) fn service_env(
    context: &ServiceContext<'_>,
    placeholder: Placeholder,
    asked: &BTreeSet<String>,
    map: &mut SourceMap,
    out: &mut Diagnostics,
) -> ServiceEnv {
    let mut env = ServiceEnv::default();
    let mut texts = Vec::new();
    let (before, environment) = (context.above_env_files(), context.environment());
    let mut beside = BTreeMap::new();
    let mut beside_paths = BTreeSet::new();
    for file in context.env_files() {
        let path = context.in_folder(&file.path);
        match context.reader().read(&path) {
            Ok(bytes) if bytes.len() as u64 > MOST_TEXT => {
                let error = ReadError::TooLarge { most: MOST_TEXT };
                out.push(error.diagnostic(&context.shown(&path), ""));
            }
            Ok(bytes) => {
                let text = EnvText::new(&bytes, &context.shown(&path));
                let after = Chained { first: &beside, second: &environment };
                let found = text.values(Outside { before: &before, after: &after }, &mut env, map, out);
                let is_tracked = |tracked: &BTreeSet<PathBuf>| tracked.contains(&context.reader().real(&path));
                if !context.sources.tracked.as_deref().is_some_and(is_tracked) {
                    env.private.extend(found.keys().cloned());
                }
                beside.extend(found);
                texts.push(text.text);
            }
            Err(ReadError::Missing | ReadError::Folder) => {
                context.missing_env_file(&file, &path).into_iter().for_each(|missing| out.push(missing));
            }
            Err(error) => {
                let diagnostic = error.diagnostic(&context.shown(&path), "check the file's permissions");
                out.push(file.named.map_or(diagnostic.clone(), |span| diagnostic.at(span, "named here")));
            }
        }
        beside_paths.insert(path);
    }
    let mut node = BTreeMap::new();
    for (path, bytes) in context.node_envs() {
        if bytes.len() as u64 > MOST_TEXT {
            let error = ReadError::TooLarge { most: MOST_TEXT };
            out.push(error.diagnostic(Path::new(&context.on_node(&path)), ""));
            continue;
        }
        let file = EnvText::new(bytes, Path::new(&context.on_node(&path)));
        let after = Chained { first: &beside, second: &environment };
        let found = file.values(Outside { before: &before, after: &after }, &mut env, map, out);
        if path == context.node_env_path() {
            node = found
        } else {
            if !beside_paths.contains(Path::new(&path)) {
                env.private.extend(found.keys().cloned());
            }
            beside.extend(found)
        }
        texts.push(file.text);
    }
    let mut renewed = BTreeSet::new();
    for (name, secret) in context.service.secrets.iter().flatten().filter(|(_, secret)| !secret.value.is_empty()) {
        if node.get(name).is_some_and(|value| !value.is_empty() && *value != secret.value) {
            if context.is_unchanged(name) {
                renewed.insert(name.clone());
                continue;
            }
            let words = format!("`{name}` on `{}` is not what {} says", context.service.node, secrets::FILE);
            let (path, service) = (context.node_env_path(), &context.service.name);
            let hint = format!(
                "to have that of {file}, take its line out of {path} there; to keep the other, `hl secret set {service} {name}`",
                file = secrets::FILE
            );
            let diagnostic = Diagnostic::note(Code::SecretDiffers, words).at(secret.name_span, "");
            out.push(diagnostic.detail("The value on the node is used: somebody may have set it there.").hint(hint));
        }
    }
    let mut added = Vec::new();
    for (name, mut variable) in templates(context, out) {
        if let (Variable::Secret(text), true) = (&variable, renewed.contains(&name)) {
            added.push((name.clone(), text.expose().unwrap_or_default().to_owned()));
            variable = Variable::Renewed(text.clone());
        }
        let has_value = |values: &BTreeMap<String, String>| values.get(&name).is_some_and(|v| !v.is_empty());
        if has_value(&beside) && !node.contains_key(&name) {
            continue;
        }
        match &variable {
            Variable::Generated { .. } if !has_value(&node) => added.push((name.clone(), Pending::gap(&name))),
            Variable::Is(text) if !node.contains_key(&name) => {
                added.push((name.clone(), text.expose().unwrap_or_default().to_owned()));
            }
            Variable::Secret(text) if !has_value(&node) => {
                added.push((name.clone(), text.expose().unwrap_or_default().to_owned()));
            }
            Variable::Is(_) | Variable::Secret(_) | Variable::Renewed(_) | Variable::Generated { .. } => {}
        }
        env.declared.insert(name, variable);
    }
    env.grows = !added.is_empty();
    if context.facts.is_none() {
        let known = |name: &str| {
            let set = |value: Option<&String>| value.is_some_and(|v| !v.is_empty());
            let added = added.iter().find(|(n, v)| n == name && !Pending::is_in(v)).map(|(_, v)| v);
            set(beside.get(name)) || set(added) || set(context.args.get(name)) || set(environment.get(name))
        };
        env.placeholders = only_on_the_node(context).chain(asked.iter().cloned()).filter(|name| !known(name)).collect();
        added.retain(|(name, _)| !env.placeholders.contains(name));
        added.extend(env.placeholders.iter().map(|name| (name.clone(), placeholder.text(name))));
        // The node may well have the file, whatever is in it.
        texts.push(String::new());
    }
    env.private.extend(node.keys().chain(context.service.secrets.iter().flatten().map(|(name, _)| name)).cloned());
    env.values = beside.into_iter().chain(node).chain(added.iter().cloned()).collect();
    if !added.is_empty() {
        texts.push(added.iter().map(|(name, value)| envfile::assignment(name, value)).collect());
    }
    env.text = (!texts.is_empty()).then(|| texts.join("\n"));
    env
}

impl ServiceContext<'_> {
    /// The mistake about an env file that is named and not in the repository. It may be on the node alone; and where git
    /// ignores it, others than its owner do not have it.
    fn missing_env_file(&self, file: &EnvFile, path: &Path) -> Option<Diagnostic> {
        let named = file.named?;
        let on_node = self.project_path(&file.path);
        let is_excused = match self.facts {
            Some(facts) => {
                facts.files.contains_key(on_node.as_str()) || self.sources.repository.trust == Trust::Untrusted
            }
            None => {
                let disk = self.sources.repository.disk.as_ref();
                self.service.declaration.project_dir.is_some() || ignored::is_ignored(path, disk) == Some(true)
            }
        };
        let words = format!("the env file {} is not there", self.shown(path).display());
        let hint =
            format!("create it, or check the path: it is relative to {}", self.shown(&self.service.folder).display());
        (!is_excused).then(|| Diagnostic::error(Code::MissingFile, words).at(named, "named here").hint(hint))
    }
}

/// The variables that hl puts into the `.env` of the node: those of secrets.env before those of env.example, and those
/// that it makes up.
fn templates(context: &ServiceContext<'_>, out: &mut Diagnostics) -> BTreeMap<String, Variable> {
    let mut found: BTreeMap<String, Variable> = example(context, out)
        .iter()
        .map(|(name, assignment)| (name.clone(), Variable::Is(Text::plain(&assignment.value))))
        .collect();
    let secrets = context.service.secrets.iter().flatten().filter(|(_, assignment)| !assignment.value.is_empty());
    found.extend(secrets.map(|(name, a)| (name.clone(), Variable::Secret(Text::secret(&a.value)))));
    for (name, length) in context.service.declaration.env.iter().flat_map(|rules| &rules.generate) {
        let has_value =
            |v: &Variable| matches!(v, Variable::Is(text) | Variable::Secret(text) if text.expose() != Some(""));
        if !found.get(name).is_some_and(has_value) {
            found.insert(name.clone(), Variable::Generated { length: length.value });
        }
    }
    found
}

/// The variables of `env.example`, with what it takes from `vars` in its place.
fn example(context: &ServiceContext<'_>, out: &mut Diagnostics) -> Assignments {
    let Some(file) = context.service.env_example_file else { return Assignments::new() };
    let (before, environment) = (context.above_env_files(), context.environment());
    let mut said = Diagnostics::default();
    let outside = Outside { before: &before, after: &environment };
    let found = envfile::parse(&context.sources.map.get(file).text, file, outside, &mut said);
    // Lines of it that cannot be read have been reported.
    said.iter().filter(|d| d.code == Code::VariableUnset).for_each(|d| out.push(d.clone()));
    found
}

/// The variables of which the repository says that there are such, and not what is in them.
fn only_on_the_node(context: &ServiceContext<'_>) -> impl Iterator<Item = String> {
    let rules = context.service.declaration.env.iter();
    let listed = rules.clone().flat_map(|r| r.required.iter().chain(&r.plain)).map(|name| name.value.clone());
    let generated = rules.flat_map(|r| r.generate.keys().cloned());
    let examples = context.service.env_example.iter().flatten().map(|(name, _)| name.clone());
    listed.chain(generated).chain(examples)
}

/// The names and values by which a variable of the `.env` is public after all.
///
/// To name a variable makes it public only where the repository itself has its value: what a node or an encrypted file has is
/// not the repository's to show.
pub(super) fn plain(context: &ServiceContext<'_>, env: &ServiceEnv) -> Plain {
    // A stranger could list the names of what they want to see, or guess values and see which are shown.
    if context.sources.repository.trust == Trust::Untrusted {
        return Plain::default();
    }
    let examples = example(context, &mut Diagnostics::default());
    let rules = context.service.declaration.env.iter();
    Plain {
        names: rules.flat_map(|r| &r.plain).map(|n| n.value.clone()).filter(|n| !env.private.contains(n)).collect(),
        examples: examples.into_iter().map(|(name, a)| (name, a.value)).collect(),
    }
}

/// Says which required variables have no value. Apply makes those up that it can, so these have one.
pub(super) fn required(context: &ServiceContext<'_>, env: &ServiceEnv, out: &mut Diagnostics) -> Vec<String> {
    let mut empty = Vec::new();
    for name in context.service.declaration.env.iter().flat_map(|rules| &rules.required) {
        let sources = [context.args, &env.values, &context.environment()];
        let value = sources.into_iter().find_map(|values| values.get(&name.value));
        if value.is_some_and(|v| !v.is_empty()) {
            continue;
        }
        let (service, node) = (&context.service.name, &context.service.node);
        let words = format!("`{}` has no value on `{node}`, so `{service}` is not planned", name.value);
        let hint = format!("set it in {} on `{node}`, or list it in `env.generate`", context.node_env_path());
        out.push(Diagnostic::warning(Code::RequiredVariableEmpty, words).at(name.span, "required here").hint(hint));
        empty.push(name.value.clone());
    }
    empty
}

/// An env file of a service, and how it is called.
struct EnvText {
    text: String,
    shown: PathBuf,
}

impl EnvText {
    /// The text without the mark that some editors put before it, which would stand in the middle of what it is put into.
    fn new(bytes: &[u8], shown: &Path) -> Self {
        let text = String::from_utf8_lossy(bytes);
        Self { text: text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned(), shown: shown.to_owned() }
    }

    /// Its values. Where the names that choose files have theirs is noted in `env`.
    fn values(
        &self,
        outside: Outside<'_>,
        env: &mut ServiceEnv,
        map: &mut SourceMap,
        out: &mut Diagnostics,
    ) -> BTreeMap<String, String> {
        let file = map.add(&self.shown, self.text.as_str(), Visibility::Secret);
        if let Some((sealed, at)) = Sealed::of(self.text.as_bytes()) {
            let shown = self.shown.display().to_string();
            let diagnostic = Diagnostic::error(Code::StillEncrypted, format!("{shown} is encrypted by {sealed}"));
            let (command, secrets) = (sealed.command(&shown), secrets::FILE);
            let hint = match sealed {
                Sealed::Sops | Sealed::Age => {
                    format!("keep it as {secrets}, which hl decrypts, or decrypt it: `{command}`")
                }
                Sealed::AnsibleVault | Sealed::GitCrypt => {
                    format!("decrypt it (`{command}`), or keep what is secret in {secrets}, which hl decrypts")
                }
            };
            let detail = "The values would be used as they are.";
            out.push(diagnostic.at(Span::new(file, at, at), "").detail(detail).hint(hint));
            return BTreeMap::new();
        }
        let found: Assignments = envfile::parse(&self.text, file, outside, out);
        env.places.extend(
            found.iter().filter(|(name, _)| name.starts_with("COMPOSE_")).map(|(name, a)| (name.clone(), a.value_span)),
        );
        found.into_iter().map(|(name, assignment)| (name, assignment.value)).collect()
    }
}

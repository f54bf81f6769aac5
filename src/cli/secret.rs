//! `hl secret`: variables that stand in the repository encrypted.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};

use super::caller::Context;
use super::command_error::{Answer, CommandError, similar_name};
use super::env_var::variable;
use super::exit::Exit;
use super::terminal::Terminal;
use crate::atomic_file;
use crate::config::secrets::{Cipher, Closed, Decrypt, FILE};
use crate::config::{self, ServiceSource};
use crate::diagnostic::did_you_mean;
use crate::envfile;
use crate::model::ServiceName;
use crate::render::printable::visible;

/// Keep passwords in the repository, encrypted: services/<service>/secrets.env.
///
/// What a service's .env on its node lacks is taken from there. It is encrypted with age: for the public keys in
/// inventory/recipients.txt, one a line, or for your own key if there is no such file.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the names of a service's variables, without their values.
    List(OfService),
    /// Set a variable. Its value is asked for, or read from standard input.
    Set(Set),
    /// Change a service's variables in your editor.
    Edit(OfService),
}

#[derive(Debug, Args)]
struct OfService {
    /// The service.
    #[arg(value_name = "SERVICE")]
    service: ServiceName,
}

#[derive(Debug, Args)]
struct Set {
    /// The service.
    #[arg(value_name = "SERVICE")]
    service: ServiceName,
    /// The variable.
    #[arg(value_name = "NAME", value_parser = variable_name)]
    name: String,
}

fn variable_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match text.chars().all(fits) && text.starts_with(|c: char| !c.is_ascii_digit()) {
        true => Ok(text.to_owned()),
        false => Err("a name has letters, digits and underscores, and does not begin with a digit".to_owned()),
    }
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    match &arguments.verb {
        Verb::List(of) => list(&SecretsFile::find(&of.service, context)?, terminal),
        Verb::Set(set) => {
            let file = SecretsFile::find(&set.service, context)?;
            let value = value(&set.name)?;
            self::set(&file, &set.name, &value)?;
            terminal.talk(&format!("{} has {} now. Commit it.", file.shown, set.name));
            Ok(Exit::Done)
        }
        Verb::Edit(of) => edit(&SecretsFile::find(&of.service, context)?, terminal),
    }
}

/// The file of one service.
struct SecretsFile {
    path: PathBuf,
    /// Its path from the root of the repository.
    shown: String,
    /// The file with the public keys, if there is one.
    recipients: Option<PathBuf>,
    context: Context,
}

impl SecretsFile {
    fn find(service: &ServiceName, context: &Context) -> Result<SecretsFile, CommandError> {
        // Whatever is wrong with the files of services, their places are known; nothing is decrypted to find them.
        let (sources, _) = config::load(context.repository().untrusted());
        let of_it = |source: &&ServiceSource| source.name.whole() == *service;
        let known = sources.services.values().find(of_it).map(|source| source.secrets_file.clone());
        // A service of which nothing but its folder is there yet is where services are unless somebody says otherwise.
        let folder = context.root.join("services").join(service.as_str());
        let Some(path) = known.or_else(|| folder.is_dir().then(|| folder.join(FILE))) else {
            let failure = CommandError::usage(format!("there is no service `{service}`"));
            let folders = sources.repository.reader.names(&context.root.join("services"));
            let names = sources.services.keys().map(ServiceName::as_str).chain(folders.iter().map(String::as_str));
            return Err(match did_you_mean(service.as_str(), names) {
                Some(near) => failure.hint(similar_name(near)),
                None => failure.hint("run hl in the root of the repository, or say where it is with `-C DIR`"),
            });
        };
        let recipients = context.root.join("inventory/recipients.txt");
        Ok(SecretsFile {
            shown: path.strip_prefix(&context.root).unwrap_or(&path).display().to_string(),
            path,
            recipients: recipients.is_file().then_some(recipients),
            context: context.clone(),
        })
    }

    /// Its text in the clear; none if there is no such file yet.
    fn open(&self) -> Result<SecretString, CommandError> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(SecretString::from(String::new())),
            Err(error) => return Err(CommandError::because(&format!("{} cannot be read", self.shown), error)),
        };
        let opened = match Cipher::of(&bytes) {
            Some(cipher) => self.context.keys().decrypt(cipher, &bytes),
            // A plaintext file is accepted; it is encrypted on the next write.
            None => String::from_utf8(bytes).map(SecretString::from).map_err(|_| Closed {
                why: "it is neither encrypted nor text".to_owned(),
                hint: "remove it and begin anew".to_owned(),
            }),
        };
        opened.map_err(|c| CommandError::failed(format!("{} stays closed: {}", self.shown, c.why)).hint(c.hint))
    }

    /// Whether it is there and encrypted.
    fn is_closed(&self) -> bool {
        std::fs::read(&self.path).is_ok_and(|bytes| Cipher::of(&bytes).is_some())
    }

    /// Replaces it as a whole.
    fn write(&self, text: &SecretString) -> Result<(), CommandError> {
        if std::fs::read(&self.path).is_ok_and(|bytes| Cipher::of(&bytes) == Some(Cipher::Sops)) {
            let failure =
                CommandError::failed(format!("{} is encrypted with SOPS, which keeps its own keys", self.shown));
            return Err(failure.hint(format!("run `sops edit {}`", self.shown)));
        }
        let sealed = self.context.keys().encrypt(text, self.recipients.as_deref());
        let sealed = sealed.map_err(|closed| {
            CommandError::failed(format!("it cannot be encrypted: {}", closed.why)).hint(closed.hint)
        })?;
        // It is as public as the repository.
        atomic_file::replace(&self.path, &sealed, 0o644)
            .map_err(|error| CommandError::because(&format!("{} cannot be written", self.shown), error))
    }
}

fn list(file: &SecretsFile, terminal: &Terminal) -> Answer {
    let text = file.open()?;
    let names: String = envfile::values(text.expose_secret()).into_keys().map(|name| name + "\n").collect();
    if names.is_empty() {
        terminal.talk(&format!("There is nothing in {}. `hl secret set` begins it.", file.shown));
    }
    terminal.data(&names)?;
    Ok(Exit::Done)
}

/// The value, which nobody sees.
fn value(name: &str) -> Result<SecretString, CommandError> {
    let failed = |error: std::io::Error| CommandError::because("the value cannot be read", error);
    let mut text = String::new();
    if std::io::stdin().is_terminal() {
        let terminal = console::Term::stderr();
        terminal.write_str(&format!("{}: ", visible(name))).map_err(failed)?;
        text = terminal.read_secure_line().map_err(failed)?;
    } else {
        std::io::stdin().lock().read_to_string(&mut text).map_err(failed)?;
        // The trailing newlines, such as the one `echo` adds, are not part of the value.
        let end = text.trim_end_matches('\n').trim_end_matches('\r').len();
        text.truncate(end);
    }
    if text.is_empty() {
        return Err(
            CommandError::usage("there is no value").hint("type it, or pipe it in: `pass show db | hl secret set …`")
        );
    }
    Ok(SecretString::from(text))
}

fn set(file: &SecretsFile, name: &str, value: &SecretString) -> Result<(), CommandError> {
    let old = file.open()?;
    let new = envfile::set(old.expose_secret(), name, value.expose_secret()).map_err(|error| {
        CommandError::because(&format!("{} cannot be changed", file.shown), error).hint("use `hl secret edit`")
    })?;
    file.write(&SecretString::from(new))
}

/// The clear text is in memory alone while the editor has it.
fn edit(file: &SecretsFile, terminal: &Terminal) -> Answer {
    let text = file.open()?;
    let shm = Path::new("/dev/shm");
    if !shm.is_dir() {
        let failure = CommandError::failed("there is no /dev/shm, and the clear text is not to reach a disk");
        return Err(failure.hint("use `hl secret set`"));
    }
    let failed = |error: std::io::Error| CommandError::because("the editor cannot be given the text", error);
    let only_ours = std::fs::Permissions::from_mode(0o700);
    // Only its owner can enter the folder, whatever the editor leaves beside the file.
    let folder =
        tempfile::Builder::new().prefix("hl-secret-").permissions(only_ours).tempdir_in(shm).map_err(failed)?;
    let path = folder.path().join(FILE);
    let old = match text.expose_secret() {
        "" => "# One variable a line: NAME=value\n",
        text => text,
    };
    std::fs::write(&path, old).map_err(failed)?;
    let editor = variable("VISUAL").or_else(|| variable("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    // As git has it: what is named may have arguments of its own.
    let status = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(&path).status();
    let status = status.map_err(failed)?;
    if !status.success() {
        return Err(CommandError::failed(format!("`{editor}` did not end well; nothing was changed")));
    }
    let new = std::fs::read_to_string(&path).map_err(failed)?;
    if new == old && file.is_closed() {
        terminal.talk("Nothing was changed.");
        return Ok(Exit::Done);
    }
    let broken = envfile::complaints(&new);
    if !broken.is_empty() {
        let failure = CommandError::failed(format!("nothing was changed: {}", broken.join("\n")));
        return Err(failure.hint("each line is to be NAME=value"));
    }
    file.write(&SecretString::from(new.clone()))?;
    let changed = changed(&envfile::values(old), &envfile::values(&new));
    terminal.talk(&format!("{} is changed: {changed}. Commit it.", file.shown));
    Ok(Exit::Done)
}

/// The changes of an edit, without any value.
fn changed(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> String {
    let lacks = |map: &BTreeMap<String, String>, name: &String| !map.contains_key(name);
    let added = new.keys().filter(|name| lacks(old, name)).map(|name| format!("+{name}"));
    let removed = old.keys().filter(|name| lacks(new, name)).map(|name| format!("-{name}"));
    let other = new.iter().filter(|(name, value)| old.get(*name).is_some_and(|old| old != *value));
    let all: Vec<String> = added.chain(removed).chain(other.map(|(name, _)| format!("~{name}"))).collect();
    if all.is_empty() { "no variable".to_owned() } else { all.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_told_without_values() {
        let map = |text: &str| envfile::values(text);
        assert_eq!(changed(&map("A=1\nB=2\nC=3\n"), &map("B=2\nC=4\nD=5\n")), "+D -A ~C");
        assert_eq!(changed(&map("A=1\n"), &map("# x\nA=1\n")), "no variable");
    }
}

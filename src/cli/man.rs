//! `hl man`: the manual pages, made from the same commands that are parsed.

use std::io;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;
use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::command_error::{Answer, CommandError};
use super::exit::Exit;
use super::terminal::Terminal;
use crate::atomic_file;
use crate::render::printable::Printable;

/// Write hl's manual pages into a folder, or print the first of them.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folder for the pages, hl.1 and one for each command; it is made if it is not there.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Variables of the environment, and what hl takes from them.
const ENVIRONMENT: [(&str, &str); 19] = [
    ("HL_AGE_KEY_FILE", "File with the private keys of age that open secrets.env."),
    ("SOPS_AGE_KEY_FILE", "The same, where HL_AGE_KEY_FILE is not set."),
    ("DOCKER_HOST", "The socket of the engine of this machine, as unix:///path; other forms are ignored."),
    (
        "DOCKER_CERT_PATH",
        "Folder with the certificates for engines at tcp:// addresses; that of DOCKER_CONFIG by default.",
    ),
    ("DOCKER_CONFIG", "Folder of Docker's config.json, with the credentials for registries; ~/.docker by default."),
    ("XDG_CONFIG_HOME", "Folder of hl/config.yaml and hl/age.txt; ~/.config by default."),
    ("XDG_DATA_HOME", "Folder of hl/keys; ~/.local/share by default."),
    ("XDG_RUNTIME_DIR", "Folder for the sockets of SSH connections; /tmp by default."),
    ("HOME", "Your home folder."),
    ("SHELL", "Your shell: doctor says how its completions are installed."),
    (
        "PATH",
        "Where ssh, git, age, sops and the editor are. Scripts that run on this machine get it, too, with HOME, USER, \
         LOGNAME, LANG, TMPDIR and TZ, and nothing else of yours.",
    ),
    ("PWD", "The name of the current folder, symbolic links and all, as containers get it in their labels."),
    ("USER", "Your name for locks and the history."),
    ("LOGNAME", "The same, where USER is not set."),
    ("HOSTNAME", "The name of this machine for locks and the history, where the system does not tell it."),
    ("VISUAL", "The editor of hl secret edit."),
    ("EDITOR", "The same, where VISUAL is not set; vi if neither is."),
    ("NO_COLOR", "No colour, unless --color says so."),
    ("TERM", "With dumb, no colour and no line that moves."),
];

/// Files that hl reads or writes; paths without a beginning are those of the repository.
const FILES: [(&str, &str); 9] = [
    ("inventory/topology.yaml", "The nodes of the homelab and the services that run on them."),
    ("inventory/recipients.txt", "Public keys of age that secrets are encrypted for."),
    ("services/SERVICE/", "A Compose file with all that belongs to it."),
    ("services/SERVICE/service.yaml", "What Compose cannot say: dependencies, health, passwords, data."),
    ("services/SERVICE/secrets.env", "Passwords, encrypted with age or SOPS."),
    ("state/", "What was applied last, and the history. It belongs in git, and holds no value of a secret."),
    ("~/.config/hl/config.yaml", "Your preferences: what repositories may have read beside themselves."),
    ("~/.config/hl/age.txt", "Your private keys of age."),
    ("~/.local/share/hl/keys/", "Keys of the digests of secrets, one for each homelab."),
];

/// Runs the command.
pub(super) fn run(arguments: &Arguments, command: Command, terminal: &Terminal) -> Answer {
    let pages = pages(command).map_err(|error| CommandError::because("the pages cannot be made", error))?;
    match &arguments.folder {
        Some(folder) => write(folder, &pages)?,
        None => {
            let first = pages.first().map_or("", |page| &page.text);
            terminal.print(&Printable::document(first))?;
        }
    }
    Ok(Exit::Done)
}

fn write(folder: &Path, pages: &[Page]) -> Result<(), CommandError> {
    let failed = |path: &Path, error| CommandError::because(&format!("cannot write {}", path.display()), error);
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for page in pages {
        let path = folder.join(&page.file);
        atomic_file::replace(&path, page.text.as_bytes(), 0o644).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

/// A page of the manual.
struct Page {
    /// Such as `hl-plan.1`.
    file: String,
    text: String,
}

/// The page of the command itself, and those of all below it.
fn pages(command: Command) -> io::Result<Vec<Page>> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add(&command, &[], &mut pages)?;
    Ok(pages)
}

/// Adds the page of a command and of those below it. `above` are the names of the pages that lead to it.
fn add(command: &Command, above: &[String], pages: &mut Vec<Page>) -> io::Result<()> {
    let name = page_name(command);
    let below: Vec<&Command> = command.get_subcommands().filter(|one| !one.is_hide_set()).collect();
    let man = Man::new(for_page(command)).title(name.to_uppercase()).manual("hl manual");
    // An empty argument must be there in quotation marks, or the version takes the place of the date. The page has none:
    // the version says how old it is.
    let man = man.source(concat!("hl ", env!("CARGO_PKG_VERSION"))).date("\"\"");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if !below.is_empty() {
        man.render_subcommands_section(&mut text)?;
    }
    let mut rest = Roff::new();
    exit_status(&mut rest, above);
    if above.is_empty() {
        list(&mut rest, "ENVIRONMENT", ENVIRONMENT);
        list(&mut rest, "FILES", FILES);
    }
    let near = above.iter().cloned().chain(below.iter().map(|one| page_name(one)));
    let other: &[&str] = if above.is_empty() { &["age", "docker", "git", "ssh"] } else { &[] };
    see_also(&mut rest, &near.chain(other.iter().map(|name| (*name).to_owned())).collect::<Vec<_>>());
    rest.to_writer(&mut text)?;
    pages.push(Page { file: man.get_filename(), text: String::from_utf8_lossy(&text).into_owned() });
    let above: Vec<String> = above.iter().cloned().chain([name]).collect();
    below.into_iter().try_for_each(|one| add(one, &above, pages))
}

/// The command in the form that makes a good page: one sentence behind its name, the synopsis as `--help` has it, and the
/// values of an option as text, because a list of them is more line breaks than words.
fn for_page(command: &Command) -> Command {
    let usage = command.clone().render_usage().to_string();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let long = command.get_long_about().map_or_else(|| about.clone(), ToString::to_string);
    let sentence = about.split_once(". ").map_or(about.clone(), |(first, _)| first.to_owned());
    let command = command.clone().subcommand_help_heading("COMMANDS").about(sentence).long_about(long);
    let command = command.override_usage(usage.trim_start_matches("Usage: ").to_owned());
    command.mut_args(|argument| {
        let values: Vec<String> = argument.get_possible_values().iter().map(value).collect();
        if values.is_empty() || !argument.get_action().takes_values() {
            return argument;
        }
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        argument.help(format!("{help}: {}", values.join("; "))).hide_possible_values(true)
    })
}

/// A value of an option, with what it means as a part of a sentence.
fn value(value: &PossibleValue) -> String {
    let Some(help) = value.get_help().map(ToString::to_string) else { return value.get_name().to_owned() };
    let mut rest = help.chars();
    let first = rest.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    format!("{} ({first}{})", value.get_name(), rest.as_str())
}

/// The name of a command's page without its section, such as `hl-plan`.
fn page_name(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

/// The exit codes, on the first page; other pages lead there.
fn exit_status(page: &mut Roff, above: &[String]) {
    if let Some(first) = above.first() {
        page.control("SH", ["EXIT STATUS"]);
        page.text([roman("The codes are those of "), bold(first), roman("(1).")]);
        return;
    }
    let codes: Vec<(String, &str)> = Exit::ALL.iter().map(|exit| (exit.code().to_string(), exit.meaning())).collect();
    list(page, "EXIT STATUS", codes.iter().map(|(code, meaning)| (code.as_str(), *meaning)));
}

/// A section of words and what each means.
fn list<'a>(page: &mut Roff, heading: &str, entries: impl IntoIterator<Item = (&'a str, &'a str)>) {
    page.control("SH", [heading]);
    for (word, meaning) in entries {
        page.control("TP", []);
        page.text([bold(word)]);
        page.text([roman(meaning)]);
    }
}

/// Other pages, all of them of commands.
fn see_also(page: &mut Roff, names: &[String]) {
    page.control("SH", ["SEE ALSO"]);
    for (place, name) in names.iter().enumerate() {
        let end = if place + 1 == names.len() { "" } else { "," };
        page.text([bold(name), roman(format!("(1){end}"))]);
    }
}

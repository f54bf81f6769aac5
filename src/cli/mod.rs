//! THE FRONT DOOR. Arguments in, text and exit code out; one file a command.
//!
//! The only place that prints, exits or reads the environment. stdout is data, stderr is talk. What a command does is a function
//! of `workflow`, what it says is a text of `render`; here are its arguments, consent, signals, and in `command_error` what
//! becomes of an error: its exit code and its hints. Entry: [`run`].

mod caller;
mod command_error;
mod env_var;
mod exit;
mod output_format;
mod panic_hook;
mod terminal;

mod age_keys;
mod git_base;
mod selection;

mod apply;
mod completions;
mod config;
mod delete;
mod doctor;
mod drift;
mod exec;
mod init;
mod interruptions;
mod logs;
mod man;
mod new;
mod plan;
mod progress;
mod raw_terminal;
mod schema;
mod secret;
mod state;
mod status;
mod time_argument;
mod unlock;
mod updates;
mod validate;
mod verify;
mod waiting;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::LazyLock;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::config::{Disk, preferences};
use crate::render::Detail;
use crate::workflow::DiagnosticListener;
use caller::Context;
use command_error::{Answer, CommandError};
use exit::Exit;
use terminal::{Colour, Terminal};

/// Plan and apply for a homelab that runs on Docker Compose.
#[derive(Debug, Parser)]
#[command(name = "hl", version = version(), max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Common {
    /// Folder of the repository; the current folder by default.
    #[arg(short = 'C', value_name = "DIR", global = true)]
    directory: Option<PathBuf>,
    /// When to use colour.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, global = true)]
    color: Colour,
    /// A file or folder outside of the repository that it may have read; may be given several times.
    #[arg(long, value_name = "PATH", global = true)]
    allow_read: Vec<PathBuf>,
    /// Show everything, without shortening.
    #[arg(short, long, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Arguments),
    Plan(plan::Arguments),
    Apply(apply::Arguments),
    Drift(drift::Arguments),
    Verify(verify::Arguments),
    Status(status::Arguments),
    Update(updates::Arguments),
    Logs(logs::Arguments),
    Exec(exec::Arguments),
    Delete(delete::Arguments),
    Validate(validate::Arguments),
    Doctor(doctor::Arguments),
    Config(config::Arguments),
    New(new::Arguments),
    State(state::Arguments),
    Secret(secret::Arguments),
    Unlock(unlock::Arguments),
    Schema(schema::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// Runs hl with the arguments of a command line, the program's own name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            if error.use_stderr() {
                Terminal::new(Colour::Auto, Detail::Compact).refuse(&error);
                return Exit::Usage.into();
            }
            // A pipe that was closed is no reason to fail on top.
            let _ = error.print();
            return Exit::Done.into();
        }
    };
    panic_hook::report_panics();
    let detail = if arguments.common.verbose { Detail::Full } else { Detail::Compact };
    let terminal = Terminal::new(arguments.common.color, detail);
    command(&arguments, &terminal).unwrap_or_else(|failure| failure.report(&terminal)).into()
}

/// The version, and the commit where the build was told it.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| match option_env!("HL_COMMIT") {
        Some(commit) => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
        None => env!("CARGO_PKG_VERSION").to_owned(),
    });
    &VERSION
}

fn command(arguments: &Arguments, terminal: &Terminal) -> Answer {
    let context = || context(&arguments.common, terminal);
    match &arguments.command {
        Command::Init(arguments) => wait(init::run(arguments, &context()?, terminal)),
        Command::Plan(arguments) => wait(plan::run(arguments, &context()?, terminal)),
        Command::Apply(arguments) => wait(apply::run(arguments, &context()?, terminal)),
        Command::Drift(arguments) => wait(drift::run(arguments, &context()?, terminal)),
        Command::Verify(arguments) => wait(verify::run(arguments, &context()?, terminal)),
        Command::Status(arguments) => wait(status::run(arguments, &context()?, terminal)),
        Command::Update(arguments) => wait(updates::run(arguments, &context()?, terminal)),
        Command::Logs(arguments) => wait_on_one_thread(logs::run(arguments, &context()?, terminal)),
        Command::Exec(arguments) => wait(exec::run(arguments, &context()?, terminal)),
        Command::Delete(arguments) => wait(delete::run(arguments, &context()?, terminal)),
        Command::Validate(_) => validate::run(&context()?, terminal),
        Command::Doctor(arguments) => wait(doctor::run(arguments, &context()?, terminal)),
        Command::Config(arguments) => config::run(arguments, &context()?, terminal),
        Command::New(arguments) => new::run(arguments, &context()?, terminal),
        Command::State(arguments) => state::run(arguments, &context()?, terminal),
        Command::Secret(arguments) => secret::run(arguments, &context()?, terminal),
        Command::Unlock(arguments) => wait(unlock::run(arguments, &context()?, terminal)),
        Command::Schema(arguments) => schema::run(arguments, terminal),
        Command::Completions(arguments) => completions::run(arguments, &mut Arguments::command(), terminal),
        Command::Man(arguments) => man::run(arguments, Arguments::command(), terminal),
    }
}

/// Where the user stands, with what their own file of preferences allows.
fn context(common: &Common, terminal: &Terminal) -> Result<Context, CommandError> {
    let mut context = Context::find(common.directory.as_deref(), &common.allow_read)?;
    if let Some(file) = context.preferences_file() {
        let (said, found, map) = preferences(&file, context.home.as_deref(), &Disk);
        terminal.diagnostics(&found, &map);
        if found.has_errors() {
            return Err(CommandError::shown(Exit::Failed));
        }
        context.allow_read.extend(said.allow_read);
    }
    Ok(context)
}

/// Runs what speaks to nodes. Only that pays for a runtime.
fn wait(command: impl Future<Output = Answer>) -> Answer {
    wait_on(tokio::runtime::Builder::new_multi_thread(), command)
}

/// The same for what hands a great many small pieces from task to task: to wake another thread for each costs more than all
/// else.
fn wait_on_one_thread(command: impl Future<Output = Answer>) -> Answer {
    wait_on(tokio::runtime::Builder::new_current_thread(), command)
}

fn wait_on(mut runtime: tokio::runtime::Builder, command: impl Future<Output = Answer>) -> Answer {
    let runtime = runtime.enable_all().build();
    let runtime = runtime.map_err(|error| CommandError::because("cannot start threads", error))?;
    let answer = runtime.block_on(command);
    // A thread that waits for a file or a device may do so for ever, and nobody needs its answer any more.
    runtime.shutdown_timeout(Duration::from_secs(1));
    answer
}

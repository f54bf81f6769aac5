//! Tests that know what they need.
//!
//! The runner is libtest-mimic, because a test of the standard harness cannot say at run time that it was not run: it
//! would be counted as passed. Here it is listed as ignored, and its name and what is missing are printed at the end.

use std::path::Path;
use std::process::ExitCode;
use std::sync::OnceLock;

use libtest_mimic::{Arguments, Failed, Trial as Mimic};

use super::{compose, engine, registry};

/// A test: its name with its module, what it needs, and its function. Made by [`trial!`].
pub struct Trial {
    pub name: &'static str,
    pub needs: &'static [Need],
    pub body: fn(),
}

/// What a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The private engine of `scripts/engine.sh`, with this process in its network.
    Engine,
    /// Real Compose v2.
    Compose,
    /// The program of a private image registry.
    Registry,
    /// The right to make namespaces and to change owners.
    Root,
    /// The programs of age.
    Age,
    /// The program that gives another the wrong time.
    Clock,
    /// The program that reads manual pages and says what is wrong with them.
    Mandoc,
}

/// `trial!(name)` or `trial!(name, needs Engine, Compose)`: lists the function `name` as a test.
macro_rules! trial {
    ($name:ident $(, needs $($need:ident),+)?) => {
        $crate::support::trial::Trial {
            // Without the binary's own name, as the standard harness prints it.
            name: concat!(module_path!(), "::", stringify!($name)),
            needs: &[$($($crate::support::trial::Need::$need),+)?],
            body: $name,
        }
    };
}
pub(crate) use trial;

/// Runs the trials as the command line asks, in the manner of the standard harness.
pub fn run(modules: &[&'static [Trial]]) -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = modules.iter().flat_map(|trials| trials.iter());
    let (mut mimics, mut skipped) = (Vec::new(), Vec::new());
    for trial in trials {
        let name = trial.name.split_once("::").map_or(trial.name, |(_, rest)| rest);
        let missing: Vec<&str> = trial.needs.iter().filter_map(|need| lack(*need)).collect();
        let body = trial.body;
        mimics.push(if missing.is_empty() {
            Mimic::test(name, move || {
                body();
                Ok(())
            })
        } else {
            let missing = missing.join("; ");
            skipped.push(format!("{name}: {missing}"));
            Mimic::test(name, move || Err(Failed::from(missing))).with_ignored_flag(!all_required())
        });
    }
    let listing = arguments.list;
    let conclusion = libtest_mimic::run(&arguments, mimics);
    if !listing && !all_required() && conclusion.num_ignored > 0 {
        eprintln!("not run, because this machine lacks what they need ({}):", skipped.len());
        skipped.iter().for_each(|line| eprintln!("    {line}"));
    }
    conclusion.exit_code()
}

/// Where nothing may be left out, a test that cannot run fails.
fn all_required() -> bool {
    std::env::var("HL_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1")
}

/// What is missing for a need, or nothing. Asked of the machine once.
fn lack(need: Need) -> Option<&'static str> {
    static ENGINE: OnceLock<Option<String>> = OnceLock::new();
    static COMPOSE: OnceLock<Option<String>> = OnceLock::new();
    static REGISTRY: OnceLock<Option<String>> = OnceLock::new();
    match need {
        Need::Engine => ENGINE.get_or_init(|| engine::reach().err()).as_deref(),
        Need::Compose => COMPOSE.get_or_init(|| compose::find().err()).as_deref(),
        Need::Registry => REGISTRY.get_or_init(|| registry::find().err()).as_deref(),
        Need::Root => (!is_root()).then_some("not root"),
        Need::Age => (!answers("age")).then_some("no age"),
        Need::Clock => (!answers("faketime")).then_some("no faketime"),
        // It has no option that only says its version.
        Need::Mandoc => (!Path::new("/usr/bin/mandoc").exists()).then_some("no mandoc"),
    }
}

fn answers(program: &str) -> bool {
    std::process::Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    Path::new("/proc/self").metadata().is_ok_and(|metadata| metadata.uid() == 0)
}

//! Scripts on this machine.
//!
//! The text goes in by standard input and the variables by the environment, so neither shows up in a
//! process list. The script is a process group of its own; when it ends, by itself or by its
//! time-out, whatever it left running in that group is killed.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::Receiver;
use tokio::process::Command;

use crate::node::{Script, ScriptEnd, ScriptOutcome};

/// Bytes of output that are kept: the last ones.
const KEPT: usize = 64 * 1024;
/// Between the polite signal and the other one.
const GRACE: Duration = Duration::from_secs(2);
/// For the rest of the output once the script is gone.
const DRAIN: Duration = Duration::from_millis(500);

/// Runs a script. Fails only if it could not be started.
pub async fn run(script: &Script, environment: &BTreeMap<String, String>) -> io::Result<ScriptOutcome> {
    let (program, arguments) = interpreter(&script.text);
    let (reader, writer) = io::pipe()?;
    let mut command = Command::new(program);
    command.args(arguments).arg("-s").current_dir(&script.directory);
    command.env_clear().envs(environment).envs(&script.environment);
    command.stdin(Stdio::piped()).stdout(writer.try_clone()?).stderr(writer).process_group(0);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => io::Error::other(format!("no `{program}` there, or no folder {}", script.directory)),
        _ => error,
    })?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    // The command holds the writing ends of the pipe; without them it ends with the script.
    drop(command);
    let output = Arc::new(Mutex::new(Tail::default()));
    let reading = tokio::spawn(read(Receiver::from_owned_fd(reader.into())?, Arc::clone(&output)));
    let mut input = child.stdin.take().expect("standard input is a pipe");
    // In braces, the shell reads all of the script before it begins, and no program in it can take
    // the rest of the text for its own input.
    // Braces around nothing but comments would be a mistake.
    let text = format!("{{ :\n{}\n}} </dev/null\n", script.text);
    let feed = async move {
        // A script that ends early closes its input; how it ended tells the rest.
        let _ = input.write_all(text.as_bytes()).await;
    };
    let work = async { tokio::join!(feed, child.wait()).1 };
    let end = match tokio::time::timeout(script.timeout, work).await {
        Ok(status) => end_of(status?),
        Err(_) => {
            group.signal(Signal::TERM);
            if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
                group.signal(Signal::KILL);
                child.wait().await?;
            }
            ScriptEnd::TimedOut
        }
    };
    drop(group);
    // A process that left the group may hold the pipe open for as long as it likes.
    let stop = reading.abort_handle();
    if tokio::time::timeout(DRAIN, reading).await.is_err() {
        stop.abort();
    }
    let output = output.lock().expect("no holder of this lock panics").lines();
    Ok(ScriptOutcome { end, output })
}

/// The shell that a script asks for in its first line, and the options that it gives it there; `sh`
/// without such a line, and for programs that are no shells.
pub fn interpreter(text: &str) -> (&str, Vec<&str>) {
    let first = text.lines().next().unwrap_or_default();
    let mut words = first.strip_prefix("#!").unwrap_or_default().split_whitespace();
    let mut program = words.next().unwrap_or("sh");
    if program.ends_with("/env") {
        program = words.find(|word| !word.starts_with('-')).unwrap_or("sh");
    }
    let name = program.rsplit('/').next().unwrap_or_default();
    match name {
        "sh" | "bash" | "dash" | "ash" | "ksh" | "zsh" => (program, words.collect()),
        _ => ("sh", Vec::new()),
    }
}

fn end_of(status: ExitStatus) -> ScriptEnd {
    match (status.code(), status.signal()) {
        (Some(code), _) => ScriptEnd::Exited(code),
        (None, signal) => ScriptEnd::Killed(signal.unwrap_or_default()),
    }
}

/// The process group of a script. What is left of it is killed when this is dropped, which is also
/// what happens when nobody waits for the script any longer.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // A group without processes is gone, which is what was wanted.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// The end of an output that may be long.
#[derive(Default)]
struct Tail {
    bytes: VecDeque<u8>,
    cut: bool,
}

impl Tail {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let surplus = self.bytes.len().saturating_sub(KEPT);
        self.cut |= surplus > 0;
        self.bytes.drain(..surplus);
    }

    /// The whole lines that were kept.
    fn lines(&mut self) -> Vec<String> {
        let text = String::from_utf8_lossy(self.bytes.make_contiguous()).into_owned();
        text.lines().skip(usize::from(self.cut)).map(|line| line.trim_end().to_owned()).collect()
    }
}

async fn read(mut pipe: Receiver, output: Arc<Mutex<Tail>>) {
    let mut buffer = [0; 8192];
    while let Ok(n @ 1..) = pipe.read(&mut buffer).await {
        output.lock().expect("no holder of this lock panics").add(&buffer[..n]);
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn script(text: &str) -> Script {
        let environment = BTreeMap::from([("WHO".to_owned(), "the homelab".to_owned())]);
        Script { text: text.to_owned(), directory: "/".to_owned(), environment, timeout: Duration::from_secs(10) }
    }

    fn path() -> BTreeMap<String, String> {
        BTreeMap::from([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())])
    }

    async fn outcome(script: &Script) -> ScriptOutcome {
        run(script, &path()).await.unwrap()
    }

    #[tokio::test]
    async fn output_and_exit_code_come_back() {
        let got = outcome(&script("echo \"to $WHO\"; echo oops >&2; pwd; exit 3")).await;
        assert_eq!(got.end, ScriptEnd::Exited(3));
        assert_eq!(got.output, ["to the homelab", "oops", "/"]);
    }

    #[tokio::test]
    async fn programs_in_a_script_cannot_eat_the_rest_of_it() {
        let got = outcome(&script("cat >/dev/null\necho still here # a comment at the end")).await;
        assert_eq!((got.end, got.output), (ScriptEnd::Exited(0), vec!["still here".to_owned()]));
    }

    #[tokio::test]
    async fn only_what_is_handed_in_is_in_the_environment() {
        let got = outcome(&script("env | cut -d= -f1 | sort | tr '\\n' ' '")).await;
        let names: Vec<_> = got.output[0].split(' ').filter(|n| !matches!(*n, "" | "PWD" | "OLDPWD" | "_")).collect();
        assert_eq!(names, ["PATH", "SHLVL", "WHO"].into_iter().filter(|n| names.contains(n)).collect::<Vec<_>>());
        assert!(names.contains(&"WHO") && names.contains(&"PATH"));
    }

    /// Whether a process runs that has this text among its arguments.
    fn runs(mark: &str) -> bool {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let arguments = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
        arguments.into_iter().any(|arguments| String::from_utf8_lossy(&arguments).contains(mark))
    }

    /// A killed process is gone as soon as the kernel comes to it, which on a busy machine is not at once.
    async fn until_ended(mark: &str) {
        while runs(mark) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn the_time_out_ends_everything_that_the_script_started() {
        let mark = format!("hl-time-out-{}", std::process::id());
        let text = format!("trap '' TERM; (trap '' TERM; sh -c 'sleep 86400; :' {mark}) & sleep 86400");
        let got = outcome(&Script { timeout: Duration::from_secs(1), ..script(&text) }).await;
        assert_eq!(got.end, ScriptEnd::TimedOut);
        until_ended(&mark).await;
    }

    #[tokio::test]
    async fn what_a_script_leaves_in_the_background_is_ended_too() {
        let mark = format!("hl-background-{}", std::process::id());
        let got = outcome(&script(&format!("(sh -c 'sleep 86400; :' {mark}) & echo done"))).await;
        assert_eq!((got.end, got.output), (ScriptEnd::Exited(0), vec!["done".to_owned()]));
        until_ended(&mark).await;
    }

    #[tokio::test]
    async fn of_a_long_output_the_end_is_kept() {
        let got = outcome(&script("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")).await;
        assert_eq!(got.output.last().map(String::as_str), Some("line 19999"));
        assert!(got.output.iter().map(String::len).sum::<usize>() <= KEPT);
        assert!(got.output[0].starts_with("line "));
    }

    #[test]
    fn the_first_line_chooses_the_shell() {
        assert_eq!(interpreter("echo"), ("sh", vec![]));
        assert_eq!(interpreter("#!/usr/bin/env bash\nx"), ("bash", vec![]));
        assert_eq!(interpreter("#!/usr/bin/env -S bash -e"), ("bash", vec!["-e"]));
        assert_eq!(interpreter("#!/bin/sh -eu\n"), ("/bin/sh", vec!["-eu"]));
        assert_eq!(interpreter("#!/usr/bin/python3\n"), ("sh", vec![]));
    }
}

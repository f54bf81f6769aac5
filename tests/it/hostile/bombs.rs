//! A few lines that ask for more than a machine has: each ends soon, in little memory, with a diagnostic that names the
//! place and a way out.

use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(files_that_include_one_another),
    trial!(services_that_extend_one_another),
    trial!(variables_that_repeat_variables),
    trial!(containers_and_ports_by_number),
    trial!(texts_of_two_mebibytes),
    trial!(many_of_everything),
    trial!(many_folders),
];

const COMPOSE: &str = "services/a/docker-compose.yml";
const SERVICE: &str = "services:\n  w: {image: \"x:1\"}\n";
/// In a build without optimisation everything takes several times as long.
const LIMIT: Duration = if cfg!(debug_assertions) { Duration::from_secs(10) } else { Duration::from_secs(2) };
const MOST_MEMORY: u64 = 256 << 20;
/// Bytes of output: what a person may still scroll through.
const MOST_OUTPUT: usize = 400_000;

fn homelab(files: &[(String, String)]) -> Homelab {
    let lab = Homelab::without_engine();
    lab.write("inventory/topology.yaml", "version: 1\nname: home\nnodes:\n  box: {address: simulated}\n");
    for (path, text) in files {
        lab.write(path, text);
    }
    lab
}

/// The words of `hl validate` about files, held to the limits of time, memory and output.
fn validate(what: &str, files: &[(String, String)]) -> (i32, String) {
    let lab = homelab(files);
    let output = lab.repository().join("said");
    let said = File::create(&output).expect("a file can be made");
    let mut command = Command::new("sh");
    // The kernel counts the most memory of the shell's child, as it replaces the shell.
    let script =
        format!("ulimit -t {}; ulimit -v {}; exec \"$0\" validate", LIMIT.as_secs() + 1, MOST_MEMORY / 1024 * 8);
    command.arg0("sh").arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_hl"));
    command.current_dir(lab.repository()).stdin(Stdio::null());
    command.stdout(said.try_clone().expect("a second handle")).stderr(said);
    let begun = Instant::now();
    let mut child = command.spawn().expect("hl starts");
    let pid = child.id();
    let mut most = 0;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child is ours") {
            break status;
        }
        most = most.max(peak(pid));
        std::thread::sleep(Duration::from_millis(5));
    };
    let took = begun.elapsed();
    let said = std::fs::read(&output).expect("there is output");
    let text = String::from_utf8_lossy(&said).into_owned();
    let head: String = text.chars().take(2000).collect();
    assert_eq!(status.signal(), None, "{what}: {head}");
    assert!(took < LIMIT * 2, "{what} took {took:?}: {head}");
    assert!(most < MOST_MEMORY, "{what} took {} MiB: {head}", most >> 20);
    assert!(said.len() < MOST_OUTPUT, "{what} said {} bytes: {head}", said.len());
    (status.code().expect("it was not killed"), text)
}

/// The most memory that a process has had so far, in bytes.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}

/// A file set is refused, with these words, a place and a way out.
fn refused(what: &str, files: &[(String, String)], words: &str) {
    let (code, said) = validate(what, files);
    let head: String = said.chars().take(3000).collect();
    assert_eq!(code, 1, "{what}: {head}");
    assert!(said.contains(words), "{what} does not say `{words}`: {head}");
    assert!(said.contains("--> "), "{what} names no place: {head}");
    assert!(said.contains("help: "), "{what} names no way out: {head}");
}

fn accepted(what: &str, files: &[(String, String)]) {
    let (code, said) = validate(what, files);
    assert_eq!(code, 0, "{what}: {}", said.chars().take(3000).collect::<String>());
}

fn file(path: impl Into<String>, text: impl Into<String>) -> (String, String) {
    (path.into(), text.into())
}

fn compose(text: impl Into<String>) -> Vec<(String, String)> {
    vec![file(COMPOSE, text)]
}

/// A text made of many lines.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

fn services(count: usize, of: impl Fn(usize) -> String) -> String {
    "services:\n".to_owned() + &lines(count, |i| format!("  s{i}: {{image: \"x:1\"{}}}\n", of(i)))
}

fn files_that_include_one_another() {
    let chain = |count: usize, include: fn(usize) -> String| {
        let mut files = compose(format!("include: [c0.yml]\n{SERVICE}"));
        for i in 0..count {
            let include = if i + 1 < count { include(i + 1) } else { String::new() };
            files.push(file(format!("services/a/c{i}.yml"), format!("{include}services: {{s{i}: {{image: x}}}}\n")));
        }
        files
    };
    let once: fn(usize) -> String = |next| format!("include: [c{next}.yml]\n");
    let twice: fn(usize) -> String = |next| format!("include: [c{next}.yml, c{next}.yml]\n");
    refused("a chain of 3000", &chain(3000, once), "more than 64 files include one another");
    refused("24 twice each", &chain(24, twice), "is read from more than 1000 files");
    accepted("a chain of 60", &chain(60, once));
}

fn services_that_extend_one_another() {
    let chain = |count: usize| {
        let links = lines(count, |i| format!("  s{i}: {{extends: s{}}}\n", i + 1));
        compose(format!("services:\n{links}  s{count}: {{image: \"x:1\"}}\n"))
    };
    refused("a chain of 3000", &chain(3000), "more than 64 services extend one another");
    accepted("a chain of 60", &chain(60));
    let keys = (0..5000).map(|i| format!("K{i}: v")).collect::<Vec<_>>().join(", ");
    let heavy = lines(1000, |i| format!("  s{i}: {{extends: base}}\n"));
    let text = format!("services:\n  base: {{image: \"x:1\", environment: {{{keys}}}}}\n{heavy}");
    refused("1000 of a heavy one", &compose(text), "the project expands to more than 400000 values");
}

fn variables_that_repeat_variables() {
    let grows =
        "A0=xxxxxxxxxx\n".to_owned() + &lines(30, |i| format!("A{}={}\n", i + 1, format!("${{A{i}}}").repeat(4)));
    refused(".env", &[file(COMPOSE, SERVICE), file("services/a/.env", &grows)], "the value is too long");
    refused("env.example", &[file(COMPOSE, SERVICE), file("services/a/env.example", &grows)], "the value is too long");
    let named = "services:\n  w: {image: \"x:1\", env_file: [./e.env]}\n";
    refused("env_file", &[file(COMPOSE, named), file("services/a/e.env", &grows)], "the value is too long");
    let many = lines(10_000, |i| format!("      V{i}: \"${{A}}${{A}}\"\n"));
    let many = format!("services:\n  w:\n    image: \"x:1\"\n    environment:\n{many}");
    let long = |bytes: usize| file("services/a/.env", format!("A={}\n", "x".repeat(bytes)));
    refused("10,000 places", &[file(COMPOSE, &many), long(10_000)], "the project expands to more than");
    refused("10,000 long places", &[file(COMPOSE, &many), long(900_000)], "is too long");
    for (what, value, words) in [
        ("nested", "${a:-".repeat(200_000) + &"}".repeat(200_000), "stand in one another"),
        ("never closed", "${".repeat(900_000), "cannot be read"),
    ] {
        let text = format!("services:\n  w: {{image: \"x:1\", command: \"{value}\"}}\n");
        refused(what, &compose(text), words);
    }
    let side_by_side = format!("services:\n  w: {{image: \"x:1\", command: \"{}\"}}\n", "${a:-x}".repeat(200_000));
    accepted("side by side", &compose(side_by_side));
    let shared = services(200, |_| ", env_file: [./e.env]".to_owned());
    let env = lines(100_000, |i| format!("V{i}=v{i}\n"));
    refused("an env file of many", &[file(COMPOSE, shared), file("services/a/e.env", env)], "expands to more than");
}

fn containers_and_ports_by_number() {
    let scale = |count: &str| compose(format!("services:\n  w: {{image: \"x:1\", scale: {count}}}\n"));
    for count in ["101", "10000", "99999999999999", "1000000000000000000000000000000"] {
        refused(count, &scale(count), "asks for more than 100 containers");
    }
    refused("-1", &scale("-1"), "cannot have less than no container");
    refused("a variable", &scale("\"${N:-99999999999999}\""), "asks for more than 100 containers");
    let replicas = "services:\n  w: {image: \"x:1\", deploy: {replicas: 1000000}}\n";
    refused("replicas", &compose(replicas), "asks for more than 100 containers");
    accepted("100", &scale("100"));
    refused("many", &compose(services(200, |_| ", scale: 100".to_owned())), "more than 1000 of them");
    let all = services(20, |_| ", ports: [\"1-65535:1-65535\"]".to_owned());
    refused("all ports", &compose(all), "publishes more than 20000 ports");
    refused("exposed", &compose(services(200, |_| ", expose: [\"1-65535\"]".to_owned())), "exposed ports");
    accepted(
        "10,000 ports for calls",
        &compose(services(1, |_| ", ports: [\"10000-20000:10000-20000/udp\"]".to_owned())),
    );
}

fn texts_of_two_mebibytes() {
    let size = (2 << 20) - 300;
    let x = "x".repeat(2_000_000);
    for (what, text, words) in [
        ("brackets", "[".repeat(size), "nests more than 200 levels"),
        ("braces", format!("{SERVICE}x-a: {}", "{a: ".repeat(500_000)), "nests more than 200 levels"),
        ("dashes", "- ".repeat(1_000_000), "nests more than 200 levels"),
        ("itself", format!("a: &a [*a{}]", ",*a".repeat(600_000)), "contains itself"),
        ("entries", format!("{{{}", "a,".repeat(1_000_000)), "appears twice"),
        (
            "a long alias",
            format!("{SERVICE}x-a: &a \"{}\"\nx-b: [{}]\n", &x[..1_000_000], "*a,".repeat(100_000)),
            "aliases stand for more",
        ),
        ("a long line", format!("services: {{w: {{image: \"x:1\", restart: {x}}}}}\n"), "`restart` cannot be"),
        ("a long key", format!("services: {{w: {{image: \"x:1\", ? {x} : 1}}}}\n"), "unknown key `xxx"),
        ("an open quote", format!("{SERVICE}x-a: \"{x}\n"), "not valid YAML"),
        ("behind a long text", format!("services: {{w: {{image: \"x:1\", x-a: {x}, foo: 1}}}}\n"), "unknown key `foo`"),
        ("wrong ports", format!("services: {{w: {{image: x, ports: [{}]}}}}\n", "x,".repeat(200_000)), "ports"),
    ] {
        refused(what, &compose(text), words);
    }
    let env = [file(COMPOSE, SERVICE), file("services/a/.env", lines(100_000, |i| format!("V{i}=v{i}\n")))];
    accepted("many lines", &env);
    let required = [file(COMPOSE, SERVICE), file("services/a/.env", format!("V=${{A:?{}}}\n", &x[..1_000_000]))];
    refused("a long message", &required, "bytes more");
}

fn many_of_everything() {
    let many = 2000;
    accepted("services", &compose(services(many, |_| String::new())));
    let volumes = lines(many, |i| format!("  v{i}:\n"));
    let mounted = services(many, |i| format!(", volumes: [\"v{i}:/d\", \"./b{i}:/e\"]"));
    accepted("volumes", &compose(format!("{mounted}volumes:\n{volumes}")));
    let joined = services(many, |i| format!(", networks: [v{i}]"));
    accepted("networks", &compose(format!("{joined}networks:\n{volumes}")));
    accepted("ports", &compose(services(many, |i| format!(", ports: [\"{}:80\"]", 10_000 + i))));
    accepted(
        "needs",
        &compose(services(many, |i| match i {
            0 => String::new(),
            _ => format!(", depends_on: [s{}]", i - 1),
        })),
    );
    let lacking = services(many, |i| format!(", depends_on: [zz{i}]"));
    refused("needs of nothing", &compose(lacking), "depends on the undefined service");
    refused("names", &compose(services(many, |_| ", container_name: cc".to_owned())), "two containers called `cc`");
    refused("one port", &compose(services(many, |_| ", ports: [\"80:80\"]".to_owned())), "publishes port 80/tcp");
    let alone = |key: &str, item: fn(usize) -> String| {
        compose(format!("services:\n  w:\n    image: \"x:1\"\n    {key}:\n{}", lines(20_000, item)))
    };
    accepted("variables", &alone("environment", |i| format!("      - V{i}=v\n")));
    accepted("labels", &alone("labels", |i| format!("      - V{i}=v\n")));
    accepted("binds", &alone("volumes", |i| format!("      - ./v{i}:/d{i}\n")));
    refused("too many services", &compose(services(60_000, |_| String::new())), "more than 5000 services");
}

fn many_folders() {
    let mut files = Vec::new();
    for i in 0..2000 {
        files.push(file(format!("services/f{i}/docker-compose.yml"), SERVICE));
        if i > 0 {
            files.push(file(format!("services/f{i}/service.yaml"), format!("depends_on: [f{}]\n", i - 1)));
        }
    }
    accepted("2000 folders", &files);
}

//! How long `hl` takes, beside the least that it could take and beside Compose; `scripts/bench.sh` runs it.
//!
//! Every figure is of a whole process. All commands of a table run in turn, round after round, and ratios are those of
//! one round: the machine's own ups and downs fall on all of them alike.

mod clock;
mod homelab;
mod http;
mod pack;
mod raw;
mod ssh;

use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clock::{median, ratio, run};
use homelab::Shape;
use pack::Pack;
use raw::Beside;

/// A hundred containers in the two shapes that homelabs have.
const SHAPES: [Shape; 2] = [Shape { projects: 50, services: 2 }, Shape { projects: 10, services: 10 }];
/// The quick commands of a round are run this often for each of the slow one.
const QUICK_RUNS: usize = 5;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match command(&args.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn command(args: &[&str]) -> Result<ExitCode> {
    match args {
        ["plan", rounds, rest @ ..] => Bench::new(rest)?.plans(count(rounds)?)?,
        ["apply", rounds, rest @ ..] => Bench::new(rest)?.applies(count(rounds)?)?,
        ["config", rounds, rest @ ..] => Bench::new(rest)?.configs(count(rounds)?)?,
        ["load", rounds, folder] => load(&Pack::open(Path::new(folder))?, count(rounds)?)?,
        ["ssh", rounds, hl, folder, config, sockets @ ..] => {
            let sockets = sockets.iter().map(PathBuf::from).collect();
            let remote =
                ssh::Remote { hl: Path::new(hl), folder: Path::new(folder), config: Path::new(config), sockets };
            remote.plans(count(rounds)?)?
        }
        ["read-ssh", folder, config, sockets @ ..] => {
            let sockets: Vec<PathBuf> = sockets.iter().map(PathBuf::from).collect();
            println!("{}", ssh::read(Path::new(folder), Path::new(config), &sockets)?)
        }
        ["read", socket] => println!("{}", raw::read(Path::new(socket))?),
        ["up-bare", socket, projects, services] => {
            raw::up(Path::new(socket), shape(projects, services)?, Beside::Nothing)?
        }
        ["up", socket, projects, services] => raw::up(Path::new(socket), shape(projects, services)?, Beside::Own)?,
        ["down", socket] => raw::down(Path::new(socket))?,
        _ => {
            eprintln!("usage: bench plan|apply|config ROUNDS HL COMPOSE SOCKET FOLDER");
            eprintln!("       bench ssh ROUNDS HL FOLDER CONFIG SOCKET...");
            eprintln!("       bench load ROUNDS PACK");
            eprintln!("       bench read|down SOCKET");
            eprintln!("       bench up|up-bare SOCKET PROJECTS SERVICES");
            return Ok(ExitCode::from(64));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn count(text: &str) -> Result<usize> {
    text.parse().map_err(|_| Error::other(format!("`{text}` is no number")))
}

fn shape(projects: &str, services: &str) -> Result<Shape> {
    Ok(Shape { projects: count(projects)?, services: count(services)? })
}

/// How long it takes to load a pack of Compose files.
fn load(pack: &Pack, rounds: usize) -> Result<()> {
    let seconds = (0..rounds).map(|_| pack.load()).collect::<Result<Vec<f64>>>()?;
    let (all, projects) = (median(&seconds), pack.len());
    println!("{projects} projects loaded in one process: {all:.3} s (median of {rounds})");
    Ok(())
}

/// What is measured, and where.
struct Bench {
    hl: PathBuf,
    compose: PathBuf,
    socket: PathBuf,
    folder: PathBuf,
}

impl Bench {
    fn new(args: &[&str]) -> Result<Bench> {
        let [hl, compose, socket, folder] = args else { return Err(Error::other("four paths are needed")) };
        let [hl, compose, socket, folder] = [hl, compose, socket, folder].map(PathBuf::from);
        Ok(Bench { hl, compose, socket, folder })
    }

    /// What it takes to see that there is nothing to do.
    fn plans(&self, rounds: usize) -> Result<()> {
        println!("nothing to do (median seconds; ratios are medians of one round's)");
        println!(
            "{:<18}{:>9}{:>9}{:>9}{:>11}{:>11}{:>9}",
            "", "raw read", "hl plan", "loop", "plan/raw", "loop/plan", "version"
        );
        for shape in SHAPES {
            let (repository, folders) = self.repository(shape)?;
            raw::down(&self.socket)?;
            self.compose_loop(&folders)?;
            run(&mut self.hl(&repository, &["apply", "--yes"]))?;
            // What is measured must be what is said: all is there, and both agree that there is nothing to do.
            let seen = raw::read(&self.socket)?;
            if seen != shape.projects * shape.services {
                return Err(Error::other(format!("{seen} containers run, not those of {shape}")));
            }
            let mut figures = [const { Vec::new() }; 6];
            for _ in 0..rounds {
                let [mut raw, mut plan, mut version] = [const { Vec::new() }; 3];
                for _ in 0..QUICK_RUNS {
                    raw.push(run(&mut self.raw(&["read"], &[]))?);
                    plan.push(run(&mut self.hl(&repository, &["plan", "--detailed-exitcode"]))?);
                    version.push(run(Command::new(&self.hl).arg("--version"))?);
                }
                let all = self.compose_loop(&folders)?;
                let loop_by_plan = all / median(&plan);
                let values = [median(&raw), median(&plan), all, ratio(&plan, &raw), loop_by_plan, median(&version)];
                figures.iter_mut().zip(values).for_each(|(all, value)| all.push(value));
            }
            let [raw, plan, all, by_raw, by_plan, version] = figures.map(|values| median(&values));
            let shape = shape.to_string();
            println!("{shape:<18}{raw:>9.4}{plan:>9.4}{all:>9.3}{by_raw:>10.2}x{by_plan:>10.1}x{version:>9.4}");
            raw::down(&self.socket)?;
        }
        Ok(())
    }

    /// What it takes to show one Compose file as it is loaded.
    fn configs(&self, rounds: usize) -> Result<()> {
        let (_, folders) = self.repository(Shape { projects: 1, services: 10 })?;
        let [mut hl, mut compose] = [const { Vec::new() }; 2];
        let file = ["-f", "docker-compose.yml"];
        for _ in 0..rounds * QUICK_RUNS {
            for (program, arguments, figures) in [
                (&self.hl, [&["config"][..], &file].concat(), &mut hl),
                (&self.compose, [&file[..], &["config"]].concat(), &mut compose),
            ] {
                figures.push(run(Command::new(program).current_dir(&folders[0]).args(arguments))?);
            }
        }
        let (by_hl, hl, compose) = (ratio(&compose, &hl), median(&hl), median(&compose));
        println!(
            "one file of ten services shown: hl config {hl:.4} s, docker-compose config {compose:.4} s, {by_hl:.1}x"
        );
        Ok(())
    }

    /// What it takes to make everything from nothing.
    fn applies(&self, rounds: usize) -> Result<()> {
        println!("all from nothing (median seconds; ratios are medians of one round's)");
        let head = ["raw bare", "raw", "hl apply", "loop", "apply/raw", "loop/apply"];
        println!("{:<18}{:>9}{:>9}{:>9}{:>9}{:>11}{:>11}", "", head[0], head[1], head[2], head[3], head[4], head[5]);
        for shape in SHAPES {
            let sizes = [shape.projects.to_string(), shape.services.to_string()];
            let [mut bare, mut raw, mut apply, mut all] = [const { Vec::new() }; 4];
            for _ in 0..rounds {
                raw::down(&self.socket)?;
                bare.push(run(&mut self.raw(&["up-bare"], &sizes))?);
                raw::down(&self.socket)?;
                raw.push(run(&mut self.raw(&["up"], &sizes))?);
                raw::down(&self.socket)?;
                let (repository, _) = self.repository(shape)?;
                apply.push(run(&mut self.hl(&repository, &["apply", "--yes"]))?);
                run(&mut self.hl(&repository, &["plan", "--detailed-exitcode"]))?;
                raw::down(&self.socket)?;
                let (_, folders) = self.repository(shape)?;
                all.push(self.compose_loop(&folders)?);
            }
            raw::down(&self.socket)?;
            let (by_raw, by_apply) = (ratio(&apply, &raw), ratio(&all, &apply));
            let [bare, raw, apply, all] = [bare, raw, apply, all].map(|values| median(&values));
            let shape = shape.to_string();
            println!("{shape:<18}{bare:>9.2}{raw:>9.2}{apply:>9.2}{all:>9.2}{by_raw:>10.2}x{by_apply:>10.2}x");
        }
        Ok(())
    }

    /// A new repository, of which nothing is known and nothing recorded.
    fn repository(&self, shape: Shape) -> Result<(PathBuf, Vec<PathBuf>)> {
        let repository = self.folder.join("homelab");
        if repository.exists() {
            std::fs::remove_dir_all(&repository)?;
        }
        let folders = homelab::write(&repository, &self.socket, shape)?;
        Ok((repository, folders))
    }

    /// The raw client, as a process of its own like the others.
    fn raw(&self, verb: &[&str], sizes: &[String]) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        command.args(verb).arg(&self.socket).args(sizes);
        command
    }

    fn hl(&self, repository: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(&self.hl);
        command.arg("-C").arg(repository).args(args).current_dir(repository);
        command.env("PWD", repository).env("XDG_DATA_HOME", self.folder.join("keys"));
        command
    }

    /// What people do without hl.
    fn compose_loop(&self, folders: &[PathBuf]) -> Result<f64> {
        let mut seconds = 0.0;
        for folder in folders {
            let mut command = Command::new(&self.compose);
            command.args(["up", "-d"]).current_dir(folder).env("PWD", folder);
            command.env("DOCKER_HOST", format!("unix://{}", self.socket.display()));
            seconds += run(&mut command)?;
        }
        Ok(seconds)
    }
}

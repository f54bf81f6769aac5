//! Nodes over SSH: three of a hundred containers each, beside the least that any program must do: one connection a node
//! through which the engine's socket is forwarded, and the same reads over it.

use std::io::{Error, Result};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::clock::{median, ratio, run};
use crate::{homelab, raw};

/// What is measured.
pub struct Remote<'a> {
    pub hl: &'a Path,
    pub folder: &'a Path,
    /// The client's configuration, with a host `nN.test` for each node.
    pub config: &'a Path,
    /// The engines' sockets, as the nodes have them.
    pub sockets: Vec<PathBuf>,
}

/// Projects of two containers on each node.
const PROJECTS: usize = 50;
/// Each command is run this often in a round.
const RUNS: usize = 5;

impl Remote<'_> {
    /// Prints the table.
    pub fn plans(&self, rounds: usize) -> Result<()> {
        let repository = self.repository()?;
        run(&mut self.hl(&repository, &["apply", "--yes"]))?;
        let plan = || run(&mut self.hl(&repository, &["plan", "--detailed-exitcode"]));
        plan()?;
        let (mut reads, mut plans) = (Vec::new(), Vec::new());
        for _ in 0..rounds * RUNS {
            reads.push(run(&mut self.raw())?);
            plans.push(plan()?);
        }
        for socket in &self.sockets {
            raw::down(socket)?;
        }
        println!("nothing to do over ssh (median seconds; the ratio is the median of one run's)");
        println!("{:<28}{:>9}{:>9}{:>11}", "", "raw read", "hl plan", "plan/raw");
        let (read, planned, by) = (median(&reads), median(&plans), ratio(&plans, &reads));
        println!(
            "{:<28}{read:>9.3}{planned:>9.3}{by:>10.2}x",
            format!("{} nodes of 100 containers", self.sockets.len())
        );
        Ok(())
    }

    fn repository(&self) -> Result<PathBuf> {
        let repository = self.folder.join("fleet");
        std::fs::create_dir_all(repository.join("inventory"))?;
        let mut topology = String::from("version: 1\nname: bench\nnodes:\n");
        for node in 0..self.sockets.len() {
            let root = self.folder.join(format!("root{node}"));
            topology.push_str(&format!("  n{node}: {{ address: \"ssh://n{node}.test\", root: {} }}\n", root.display()));
        }
        std::fs::write(repository.join("inventory/topology.yaml"), topology)?;
        for (node, project) in (0..self.sockets.len()).flat_map(|n| (0..PROJECTS).map(move |p| (n, n * PROJECTS + p))) {
            let folder = repository.join("services").join(homelab::name(project));
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join("docker-compose.yml"), homelab::compose(project, 2))?;
            std::fs::write(folder.join("service.yaml"), format!("owner_node: n{node}\n"))?;
        }
        Ok(repository)
    }

    fn hl(&self, repository: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(self.hl);
        command.arg("-C").arg(repository).args(args).current_dir(repository);
        command.env("PWD", repository).env("XDG_DATA_HOME", self.folder.join("keys"));
        command
    }

    fn raw(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        command.arg("read-ssh").arg(self.folder).arg(self.config).args(&self.sockets);
        command
    }
}

/// Reads all nodes at once, each through a connection of its own.
pub fn read(folder: &Path, config: &Path, sockets: &[PathBuf]) -> Result<usize> {
    std::thread::scope(|scope| {
        let nodes: Vec<_> = sockets
            .iter()
            .enumerate()
            .map(|(node, remote)| {
                scope.spawn(move || {
                    let local = folder.join(format!("raw{node}.sock"));
                    let mut connection = forward(&format!("n{node}.test"), config, &local, remote)?;
                    let read = raw::read(&local);
                    connection.kill()?;
                    connection.wait()?;
                    std::fs::remove_file(&local)?;
                    read
                })
            })
            .collect();
        nodes.into_iter().map(|node| node.join().expect("a thread that reads does not panic")).sum()
    })
}

fn forward(host: &str, config: &Path, local: &Path, remote: &Path) -> Result<Child> {
    let mut command = Command::new("/usr/bin/ssh");
    command.arg("-F").arg(config).args(["-nNT", "-L"]).arg(format!("{}:{}", local.display(), remote.display()));
    let child = command.arg(host).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let until = Instant::now() + Duration::from_secs(10);
    // The socket is there a moment before anybody listens on it.
    while UnixStream::connect(local).is_err() {
        if Instant::now() > until {
            return Err(Error::other(format!("no connection to {host}")));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(child)
}

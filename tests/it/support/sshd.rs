//! An SSH server of this machine, so that the private engine's machine can be reached as another one is.
//!
//! It listens on the loopback of the engine's network, with keys of its own. `ssh` takes the user's home from the
//! system's list of users, so a program `ssh` in the test's own `bin` points the real one to the test's configuration.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::homelab::Homelab;

/// The name by which the node is reached.
pub const HOST: &str = "box.test";

/// A running server; it ends when it is dropped.
pub struct Sshd {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Sshd {
    /// Starts a server for a homelab, which says of itself that its engine is at `docker_host`, with further lines of
    /// `sshd_config`.
    pub fn start(lab: &Homelab, docker_host: &str, more: &str) -> Sshd {
        let folder = lab.scratch("sshd");
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let at = |name: &str| folder.join(name).display().to_string();
        for key in ["host", "user"] {
            make_key(&folder.join(key));
        }
        std::fs::copy(at("user.pub"), at("authorized_keys")).expect("a key can be copied");
        let port = free_port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\n\
             UsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nSetEnv DOCKER_HOST={docker_host}\n{more}\n",
            at("host"),
            at("authorized_keys")
        );
        std::fs::write(at("sshd_config"), config).expect("it can be written");
        // Its folder for the separation of privileges is one that a machine without a running server may lack. What the
        // user's shell does when it starts is of no concern here.
        let start = "mount -t tmpfs tmpfs /root && mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && \
                     exec /usr/sbin/sshd -D -e -f \"$1\"";
        let log = std::fs::File::create(at("log")).expect("a log can be begun");
        let child = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", start, "sshd", &at("sshd_config")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("unshare runs");
        let sshd = Sshd { child, folder, port };
        sshd.write_client(lab);
        sshd.know_host();
        sshd.await_answer();
        sshd
    }

    /// The server's process, in whose namespace of mounts its sessions run.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the processes of all connections; the server goes on listening.
    pub fn drop_connections(&self) {
        let path = format!("/proc/{0}/task/{0}/children", self.child.id());
        let children = std::fs::read_to_string(path).expect("the server runs");
        for pid in children.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)) {
            kill_process(pid, Signal::KILL).ok();
        }
    }

    /// The client's configuration, and the program that uses it.
    fn write_client(&self, lab: &Homelab) {
        let at = |name: &str| self.folder.join(name).display().to_string();
        let config = format!(
            "Host {HOST}\n  HostName 127.0.0.1\n  Port {}\n  User root\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
             UserKnownHostsFile {}\n",
            self.port,
            at("user"),
            at("known_hosts")
        );
        std::fs::write(at("ssh_config"), config).expect("it can be written");
        lab.program("ssh", &format!("exec /usr/bin/ssh -F '{}' \"$@\"\n", at("ssh_config")));
    }

    /// Lets the client know the server's key.
    pub fn know_host(&self) {
        let key = std::fs::read_to_string(self.folder.join("host.pub")).expect("there is a key");
        let line = format!("[127.0.0.1]:{} {key}", self.port);
        std::fs::write(self.folder.join("known_hosts"), line).expect("it can be written");
    }

    /// Makes the client forget the server's key.
    pub fn forget_host(&self) {
        std::fs::write(self.folder.join("known_hosts"), "").expect("it can be written");
    }

    fn await_answer(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "sshd does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

/// Makes a pair of keys.
pub fn make_key(path: &Path) {
    let arguments = ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"];
    let output = Command::new("ssh-keygen").args(arguments).arg(path).output().expect("ssh-keygen runs");
    assert!(output.status.success(), "ssh-keygen: {}", String::from_utf8_lossy(&output.stderr));
}

//! Several real machines on this one: each node has an engine, an SSH server, an address and file systems of its own.
//!
//! A node is an engine of `scripts/engine.sh`, whose namespaces get a link to the test's network, a `/run` and an `/opt`
//! of their own, and an SSH server. When its process 1 ends, all of it ends, the link too; its folders stay, so that it
//! comes back with what it had.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::authority::Authority;
use super::busybox;
use super::engine::Engine;
use super::homelab::Homelab;
use super::sshd::make_key;

/// The nodes of one test; they end when this is dropped.
pub struct Fleet {
    machines: BTreeMap<String, Machine>,
}

/// What is different about a node.
#[derive(Clone, Copy, Default)]
pub struct Build {
    /// Further lines of `sshd_config`.
    pub sshd: &'static str,
    /// Who logs in.
    pub user: User,
    /// Where its engine listens.
    pub listens: Listens,
    /// The programs that whoever logs in finds.
    pub userland: Userland,
}

/// The programs of a node.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Userland {
    /// The programs of this machine.
    #[default]
    Whole,
    /// Busybox and nothing else, as on a NAS or a router.
    Busybox,
}

/// Where the engine of a node listens.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Listens {
    /// At its socket alone.
    #[default]
    Socket,
    /// At a port too, to those who have a certificate of its authority.
    Tls,
}

/// Who logs in on a node.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum User {
    /// The one who may do everything.
    #[default]
    Root,
    /// One who may use the engine and has no other right.
    Docker,
    /// One who may become root without being asked.
    Sudo,
}

/// One node.
pub struct Machine {
    name: String,
    folder: PathBuf,
    subnet: Subnet,
    user: User,
    userland: Userland,
}

/// Four addresses that no other test has: the node's is the second that can be used, this side's the first.
struct Subnet {
    number: usize,
    _held: UnixListener,
}

impl Fleet {
    /// Starts nodes, which `ssh` reaches by their names with `.test` behind.
    pub fn start(lab: &Homelab, nodes: &[(&str, Build)]) -> Fleet {
        let fleet = Fleet {
            machines: nodes.iter().map(|(name, build)| ((*name).to_owned(), Machine::new(lab, name, *build))).collect(),
        };
        // Most of a start is waiting.
        std::thread::scope(|scope| {
            for machine in fleet.machines.values() {
                scope.spawn(|| machine.start());
            }
        });
        fleet.write_client(lab);
        fleet
    }

    pub fn node(&self, name: &str) -> &Machine {
        &self.machines[name]
    }

    /// `nodes:` of a topology, one line a node.
    pub fn topology(&self) -> String {
        let node = |name: &String| format!("  {name}: {{ address: \"ssh://{name}.test\", connect_timeout: 5s }}\n");
        format!("nodes:\n{}", self.machines.keys().map(node).collect::<String>())
    }

    /// Another name, with `.test` behind, by which a node is reached.
    pub fn alias(&self, lab: &Homelab, name: &str, of: &str) {
        let machine = &self.machines[of];
        let entry = machine.client(name, &lab.scratch("ssh").join("known_hosts"));
        let mut file = File::options().append(true).open(lab.scratch("ssh").join("config")).expect("there is one");
        file.write_all(entry.as_bytes()).expect("it can be written");
    }

    /// The client's configuration, and the program that uses it: `ssh` takes the user's home from the system's list.
    fn write_client(&self, lab: &Homelab) {
        let folder = lab.scratch("ssh");
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let mut config = String::new();
        let mut known = String::new();
        for machine in self.machines.values() {
            config.push_str(&machine.client(&machine.name, &folder.join("known_hosts")));
            known.push_str(&machine.known_host());
        }
        let file = folder.join("config");
        std::fs::write(&file, config).expect("it can be written");
        std::fs::write(folder.join("known_hosts"), known).expect("it can be written");
        self.when_forwarded(lab, "true");
    }

    /// Has a command run as soon as an engine's socket is forwarded: a connection is made, and little was read yet.
    pub fn when_forwarded(&self, lab: &Homelab, command: &str) {
        self.write_ssh(lab, "", &when("*-fNT*", command));
    }

    /// Writes down when each connection is begun and when `ssh` has made it or given it up, until `when_forwarded` is
    /// called again. Read it with [`attempts`].
    pub fn log_connections(&self, lab: &Homelab) -> PathBuf {
        let log = lab.scratch("connections");
        let line = |event: &str| {
            format!("for word; do case $word in *.test*) echo \"{event} $word\" >>'{}' ;; esac; done", log.display())
        };
        // The one call that connects is told to be the master of those that come later.
        self.write_ssh(lab, &when("*' -M '*", &line("begin")), &when("*' -M '*", &line("end")));
        log
    }

    /// The program `ssh` of a homelab, with commands before and after the real one.
    fn write_ssh(&self, lab: &Homelab, before: &str, after: &str) {
        let config = lab.scratch("ssh").join("config");
        let text = format!("{before}\n/usr/bin/ssh -F '{}' \"$@\"; code=$?\n{after}\nexit $code\n", config.display());
        lab.program("ssh", &text);
    }
}

impl Machine {
    fn new(lab: &Homelab, name: &str, build: Build) -> Machine {
        let folder = lab.scratch(name);
        for inner in ["", "opt", "opt/homelab"] {
            std::fs::create_dir_all(folder.join(inner)).expect("a folder can be made");
        }
        let machine = Machine {
            name: name.to_owned(),
            folder,
            subnet: Subnet::take(),
            user: build.user,
            userland: build.userland,
        };
        for key in ["host", "user"] {
            make_key(&machine.folder.join(key));
        }
        std::fs::copy(machine.folder.join("user.pub"), machine.folder.join("authorized_keys")).expect("a key is there");
        let config = format!(
            "Port 22\nListenAddress {}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
             PermitRootLogin yes\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n{}\n{}\n",
            machine.subnet.address(2),
            machine.at("host"),
            machine.at("authorized_keys"),
            build.sshd,
            if build.userland == Userland::Busybox { busybox::SSHD } else { "" }
        );
        std::fs::write(machine.folder.join("sshd_config"), config).expect("it can be written");
        if build.listens == Listens::Tls {
            machine.listen_behind_tls();
        }
        machine
    }

    /// Has its engine listen at a port too, with a certificate of an authority of its own.
    fn listen_behind_tls(&self) {
        let folder = self.folder.join("tls");
        let authority = Authority::new(&folder);
        let server = authority.sign("server", &format!("subjectAltName=IP:{}", self.address()));
        std::fs::create_dir_all(self.engine_folder()).expect("a folder can be made");
        let arguments = format!(
            "-H\ntcp://0.0.0.0:2376\n--tlsverify\n--tlscacert\n{}\n--tlscert\n{}\n--tlskey\n{}\n",
            folder.join("ca.pem").display(),
            server.join("cert.pem").display(),
            server.join("key.pem").display()
        );
        std::fs::write(self.engine_folder().join("arguments"), arguments).expect("it can be written");
    }

    /// The folder with the certificate and the key of one whom its engine knows.
    pub fn client_certificate(&self, name: &str) -> PathBuf {
        Authority::at(&self.folder.join("tls")).sign(name, "extendedKeyUsage=clientAuth")
    }

    /// Its address in the test's network.
    pub fn address(&self) -> String {
        self.subnet.address(2)
    }

    fn at(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// The line by which a client knows it.
    fn known_host(&self) -> String {
        let key = std::fs::read_to_string(self.folder.join("host.pub")).expect("there is a key");
        format!("{} {key}", self.subnet.address(2))
    }

    /// The client's configuration for it under a name.
    fn client(&self, name: &str, known_hosts: &Path) -> String {
        format!(
            "Host {name}.test\n  HostName {}\n  User {}\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
             UserKnownHostsFile {}\n",
            self.subnet.address(2),
            if self.user == User::Root { "root" } else { "pilot" },
            self.at("user"),
            known_hosts.display()
        )
    }

    /// Gives its SSH server another key, as an installation anew does; the fingerprints of the old and of the new one.
    pub fn renew_host_key(&self) -> (String, String) {
        let fingerprint = || {
            let said = run("ssh-keygen", &["-lf", &self.at("host.pub")]);
            said.split_whitespace().nth(1).expect("a fingerprint").to_owned()
        };
        let old = fingerprint();
        self.signal("sshd", "KILL");
        for file in ["host", "host.pub"] {
            std::fs::remove_file(self.at(file)).expect("there is a key");
        }
        make_key(&self.folder.join("host"));
        self.start_sshd();
        (old, fingerprint())
    }

    /// Its `/opt/homelab`.
    pub fn root(&self) -> PathBuf {
        self.folder.join("opt/homelab")
    }

    /// Its engine, as if one sat before it.
    pub fn engine(&self) -> Engine {
        Engine::at(self.engine_folder().join("docker.sock"))
    }

    /// Where its engine keeps what it has.
    pub fn engine_folder(&self) -> PathBuf {
        self.folder.join("e")
    }

    /// Its link, as this side calls it.
    fn link(&self) -> String {
        format!("hlt{}", self.subnet.number)
    }

    /// Starts it with what it had.
    pub fn start(&self) {
        self.script("start");
        let pid = self.init();
        let (link, here, there) = (self.link(), self.subnet.address(1), self.subnet.address(2));
        // A private /opt, a home in which no shell finds anything to do, and the usual path of the engine's socket. The link of a node that ended may not be gone yet.
        self.outside(&format!(
            "ip link del {link} 2>/dev/null || true\n\
             ip link add {link} type veth peer name eth0 netns {pid}\n\
             ip addr add {here}/30 dev {link}\nip link set {link} up\n"
        ));
        self.inside(&format!(
            "ip addr add {there}/30 dev eth0\nip link set eth0 up\nmount --bind {opt} /opt\n\
             mount -t tmpfs tmpfs /root\n{accounts}\
             ln -s {socket} /run/docker.sock\nmkdir -m 755 /run/sshd\n",
            opt = self.at("opt"),
            socket = self.at("e/docker.sock"),
            accounts = self.accounts(),
        ));
        if self.userland == Userland::Busybox {
            self.inside(busybox::PREPARE);
        }
        self.start_sshd();
        let _ = self.engine();
    }

    /// Gives it an account of its own for whoever logs in: the system's lists are another's.
    fn accounts(&self) -> String {
        if self.user == User::Root {
            return String::new();
        }
        let may = if self.user == User::Sudo { "pilot ALL=(ALL) NOPASSWD: ALL" } else { "" };
        format!(
            "cd {folder}\ncp /etc/passwd passwd\necho 'pilot:*:4242:4242::/home/pilot:/bin/sh' >>passwd\n\
             cp /etc/group group\necho 'pilot:x:4242:' >>group\nmount --bind passwd /etc/passwd\n\
             mount --bind group /etc/group\nmount -t tmpfs tmpfs /home\ninstall -d -o pilot /home/pilot\n\
             echo 'root ALL=(ALL) ALL\n{may}' >sudoers\nchmod 440 sudoers\n\
             [ ! -e /etc/sudoers ] || mount --bind sudoers /etc/sudoers\nchgrp pilot e/docker.sock\n",
            folder = self.folder.display()
        )
    }

    /// Starts its SSH server.
    pub fn start_sshd(&self) {
        let (config, log) = (self.at("sshd_config"), self.at("sshd.log"));
        self.inside(&format!("setsid /usr/sbin/sshd -D -E {log} -f {config} </dev/null >/dev/null 2>&1 &\n"));
        let until = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect((self.subnet.address(2).as_str(), 22)).is_err() {
            let log = || std::fs::read_to_string(self.at("sshd.log")).unwrap_or_default();
            assert!(Instant::now() < until, "sshd of {} does not answer: {}", self.name, log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends all of it at once, as a power cut does.
    pub fn power_off(&self) {
        self.script("kill");
    }

    /// Cuts its link: nothing that is sent to it arrives, and nothing comes back, not even a refusal.
    pub fn cut(&self) {
        self.outside(&self.cutting());
    }

    /// The command that does that.
    pub fn cutting(&self) -> String {
        let ways = ["INPUT -i", "OUTPUT -o"].map(|way| {
            let rule = |verb: &str| format!("{} {verb} {way} eth0 -j DROP", self.iptables());
            format!("{{ {} 2>/dev/null || {}; }}", rule("-C"), rule("-I"))
        });
        ways.join(" && ")
    }

    /// Mends its link. Two connections that cut it at once may each have put in the rule, so it is taken out until none
    /// is left.
    pub fn mend(&self) {
        for way in ["INPUT -i", "OUTPUT -o"] {
            let taken_out = format!("{} -D {way} eth0 -j DROP", self.iptables());
            self.outside(&format!("{taken_out} && while {taken_out} 2>/dev/null; do :; done\n"));
        }
    }

    fn iptables(&self) -> String {
        format!("nsenter --target {} --net -- iptables -w", self.init())
    }

    /// Sends a signal, as `STOP`, to its processes of that name.
    pub fn signal(&self, program: &str, signal: &str) {
        let pids = self.processes(program);
        assert!(!pids.is_empty(), "no {program} runs on {}", self.name);
        for pid in pids {
            self.outside(&format!("kill -{signal} {pid}\n"));
        }
    }

    /// The outer ids of its processes of that name.
    pub fn processes(&self, program: &str) -> Vec<u32> {
        let space = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let own = space(self.init());
        let all = std::fs::read_dir("/proc").expect("there is /proc").flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
        let name = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        pids.filter(|pid| name(pid).trim() == program && space(*pid) == own).collect()
    }

    /// Starts its engine again, where only that was killed.
    pub fn start_engine(&self) {
        self.script("start");
    }

    /// Runs a script on it, as one who sits before it would.
    #[track_caller]
    pub fn inside(&self, script: &str) -> String {
        let pid = self.init().to_string();
        run("nsenter", &["--target", &pid, "--net", "--mount", "--pid", "--", "sh", "-ec", script])
    }

    /// The command that runs a script on it.
    pub fn inside_later(&self, script: &str) -> String {
        format!("nsenter --target {} --net --mount --pid -- sh -c {}", self.init(), quoted(script))
    }

    #[track_caller]
    fn outside(&self, script: &str) -> String {
        run("sh", &["-ec", script])
    }

    /// The outer id of its process 1.
    fn init(&self) -> u32 {
        let text = std::fs::read_to_string(self.engine_folder().join("init")).expect("it runs");
        text.split_whitespace().next().and_then(|pid| pid.parse().ok()).expect("a process id")
    }

    #[track_caller]
    fn script(&self, verb: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/engine.sh");
        run(&script.display().to_string(), &[verb, &self.engine_folder().display().to_string()]);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // A second panic while a failing test unwinds would hide the first.
        let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.script("stop")));
        assert!(stopped.is_ok() || std::thread::panicking(), "{} could not be stopped", self.name);
    }
}

impl Subnet {
    /// The first that no test in this network holds, by a name that goes with its holder.
    fn take() -> Subnet {
        let held = (1..16_384).find_map(|number| {
            let name = SocketAddr::from_abstract_name(format!("hl-test-subnet-{number}")).expect("a name");
            UnixListener::bind_addr(&name).ok().map(|held| Subnet { number, _held: held })
        });
        held.expect("a subnet is free")
    }

    fn address(&self, host: usize) -> String {
        let first = self.number * 4;
        format!("10.203.{}.{}", first / 256, first % 256 + host)
    }
}

/// A command of a shell that runs where its arguments match a pattern.
fn when(arguments: &str, command: &str) -> String {
    format!("case \" $* \" in {arguments}) {command} ;; esac")
}

/// Whether a connection was begun or ended, and the host's name, in the order of a log of connections.
pub fn attempts(log: &Path) -> Vec<(bool, String)> {
    let text = std::fs::read_to_string(log).expect("connections were made");
    let attempt = |line: &str| {
        let (event, host) = line.split_once(' ').expect("an event and a host");
        let host = host.rsplit('@').next().unwrap_or(host).trim_start_matches("ssh://");
        (event == "begin", host.split('.').next().unwrap_or(host).to_owned())
    };
    text.lines().map(attempt).collect()
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[track_caller]
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().expect("it runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {}: {stdout}{stderr}", arguments.join(" "));
    stdout.into_owned()
}

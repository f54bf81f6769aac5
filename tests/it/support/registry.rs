//! A private image registry on a loopback port: the program of Debian's package `docker-registry`.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::engine::Engine;

/// User and password that a registry with a lock asks for: `me` and `pw`.
const USERS: &str = "me:$2b$04$EOWRUn2NNWhjraE/qbjtwu2wMTxSfp3lwLZWn97r28ZXi5O47DwoG\n";

/// Whether it lets anybody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access<'a> {
    Open,
    /// A user and a password open it.
    Locked,
    /// A token opens it, which the server at this address gives; they trust the certificate in this file.
    Token {
        realm: &'a str,
        certificate: &'a Path,
    },
}

/// A running registry; it ends when it is dropped, and its images stay in its folder.
pub struct Registry {
    child: Child,
    host: String,
    /// Where it writes down what it is asked.
    log: PathBuf,
}

/// Finds the program that `HL_TEST_REGISTRY` names, or that is installed; else says what is missing.
pub fn find() -> Result<PathBuf, String> {
    let named = std::env::var_os("HL_TEST_REGISTRY").map(PathBuf::from);
    let path = named.unwrap_or_else(|| PathBuf::from("/usr/bin/docker-registry"));
    if path.is_file() { Ok(path) } else { Err("docker-registry is not installed".to_owned()) }
}

impl Registry {
    /// Starts one that keeps its images in `folder`, and waits until it answers.
    pub fn start(folder: &Path, access: Access<'_>) -> Registry {
        std::fs::create_dir_all(folder).expect("a folder can be made");
        let users = folder.join("users");
        std::fs::write(&users, USERS).expect("a file can be written");
        let auth = match access {
            Access::Open => String::new(),
            Access::Locked => format!("auth: {{ htpasswd: {{ realm: test, path: {} }} }}\n", users.display()),
            Access::Token { realm, certificate } => format!(
                "auth: {{ token: {{ realm: \"{realm}\", service: test, issuer: tests, rootcertbundle: {} }} }}\n",
                certificate.display()
            ),
        };
        Registry::serve(folder, "127.0.0.1", "", &auth)
    }

    /// Starts one that anybody may ask, at another address, behind TLS with a certificate of an authority.
    pub fn start_encrypted(folder: &Path, address: &str, certificates: &Path) -> Registry {
        let [certificate, key] = ["cert.pem", "key.pem"].map(|name| certificates.join(name).display().to_string());
        Registry::serve(folder, address, &format!(", tls: {{ certificate: {certificate}, key: {key} }}"), "")
    }

    fn serve(folder: &Path, address: &str, http: &str, more: &str) -> Registry {
        let port = TcpListener::bind((address, 0)).and_then(|l| l.local_addr()).expect("a port is free").port();
        let host = format!("{address}:{port}");
        let config = folder.join("config.yml");
        let storage = folder.join("images");
        let text = format!(
            "version: 0.1\nlog: {{ level: error }}\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\n\
             http: {{ addr: \"{host}\"{http} }}\n{more}",
            storage.display()
        );
        std::fs::write(&config, text).expect("a file can be written");
        let mut command = Command::new(find().expect("a test that asks for a registry lists Need::Registry"));
        let log = folder.join("access.log");
        let out = File::create(&log).expect("a file can be made");
        command.arg("serve").arg(&config).stdout(out).stderr(Stdio::null());
        let registry = Registry { child: command.spawn().expect("the registry starts"), host, log };
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(&registry.host).is_err() {
            assert!(Instant::now() < deadline, "the registry does not answer at {}", registry.host);
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    /// Puts an image of an engine into the registry, by a name and a tag, and takes that name away from the engine. Its
    /// digest, without the algorithm.
    pub fn publish(&self, engine: &Engine, image: &str, name: &str, tag: &str) -> String {
        let repository = format!("{}/{name}", self.host);
        engine.post(&format!("/images/{image}/tag?repo={repository}&tag={tag}"), &Value::Null);
        let said = engine.raw("POST", &format!("/images/{repository}/push?tag={tag}"), &json!({}));
        let said = String::from_utf8_lossy(&said.body).into_owned();
        let digest = said.split("digest: sha256:").nth(1).and_then(|rest| rest.get(..64)).map(str::to_owned);
        engine.delete(&format!("/images/{repository}:{tag}"));
        digest.unwrap_or_else(|| panic!("it is not pushed: {said}"))
    }

    /// The requests since it was started: `GET /v2/…`, in order.
    pub fn asked(&self) -> Vec<String> {
        let log = std::fs::read_to_string(&self.log).expect("it has a log");
        let request = |line: &str| Some(line.split('"').nth(1)?.strip_suffix(" HTTP/1.1")?.to_owned());
        log.lines().filter_map(request).collect()
    }

    /// `address:port`: the first part of the names of its images.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself; a failing test says more than this would.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

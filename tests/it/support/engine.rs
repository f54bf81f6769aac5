//! The private engine, to look at and to disturb from outside.
//!
//! It speaks to the engine in plain HTTP and through no code of hl's, so that a test of hl does not believe hl. It
//! refuses the machine's own engine: only a socket in the folder of `scripts/engine.sh` will do.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{http, image, prefix};

/// A running private engine.
#[derive(Clone)]
pub struct Engine {
    socket: PathBuf,
}

/// Finds the engine that `HL_TEST_ENGINE` names and asks whether it answers; else says what is missing.
pub fn reach() -> Result<PathBuf, String> {
    let address = std::env::var("HL_TEST_ENGINE").map_err(|_| "HL_TEST_ENGINE is not set".to_owned())?;
    let socket = address.strip_prefix("unix://").ok_or("HL_TEST_ENGINE is not unix:///path")?;
    let socket = PathBuf::from(socket);
    if !socket.with_file_name("keeper").exists() {
        return Err(format!("{} does not belong to scripts/engine.sh", socket.display()));
    }
    match http::request(&socket, "GET", "/_ping", "text/plain", b"") {
        Ok(answer) if answer.status == 200 => in_network(&socket),
        Ok(answer) => Err(format!("the engine answers {}", answer.status)),
        Err(error) => Err(format!("no engine at {}: {error}", socket.display())),
    }
}

/// Checks that this process is in the engine's network, without which no published port is within reach.
fn in_network(socket: &Path) -> Result<PathBuf, String> {
    let netns = std::env::var("HL_TEST_NETNS").map_err(|_| "HL_TEST_NETNS is not set".to_owned())?;
    let identity = |path: &str| std::fs::read_link(path).ok();
    match identity("/proc/self/ns/net").is_some_and(|own| identity(&netns) == Some(own)) {
        true => Ok(socket.to_owned()),
        false => Err("outside of the engine's network: run it by scripts/engine.sh exec".to_owned()),
    }
}

impl Engine {
    /// The engine of this test run, with the test images loaded and the leftovers of killed runs removed.
    pub fn connect() -> Engine {
        let engine = Engine { socket: reach().expect("a test that asks for the engine lists Need::Engine") };
        engine.load_images();
        engine.sweep(prefix::is_leftover);
        engine
    }

    /// Another engine of `scripts/engine.sh`, with the test images loaded.
    pub fn at(socket: PathBuf) -> Engine {
        let engine = Engine { socket };
        engine.load_images();
        engine
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its address, as `DOCKER_HOST` and a topology have it.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// The JSON of a GET; null where the engine says 404.
    pub fn get(&self, path: &str) -> Value {
        self.call("GET", path, &Value::Null)
    }

    /// The JSON of a POST.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", path, body)
    }

    /// What the engine says to a DELETE; what is not there is no error.
    pub fn delete(&self, path: &str) -> Value {
        self.call("DELETE", path, &Value::Null)
    }

    /// `docker inspect` of a container; null if there is none of that name.
    pub fn inspect(&self, container: &str) -> Value {
        self.get(&format!("/containers/{container}/json"))
    }

    /// The names of all containers, running or not, that start with `prefix`, in order.
    pub fn containers(&self, prefix: &str) -> Vec<String> {
        let found = self.get("/containers/json?all=1");
        let mut names: Vec<String> = list(&found).iter().map(container_name).collect();
        names.retain(|name| name.starts_with(prefix));
        names.sort();
        names
    }

    /// Runs a command in a container and gives its exit code and its output.
    pub fn exec(&self, container: &str, command: &[&str]) -> (i64, String) {
        let create = json!({"AttachStdout": true, "AttachStderr": true, "Tty": true, "Cmd": command});
        let id = self.post(&format!("/containers/{container}/exec"), &create)["Id"].clone();
        let id = id.as_str().expect("an exec has an id");
        let start = json!({"Detach": false, "Tty": true});
        let answer = self.raw("POST", &format!("/exec/{id}/start"), &start);
        let code = self.get(&format!("/exec/{id}/json"))["ExitCode"].as_i64().expect("an exec that ended has a code");
        (code, String::from_utf8_lossy(&answer.body).replace("\r\n", "\n"))
    }

    /// Waits until `holds` is true of a container, and panics with its last state if that takes too long.
    pub fn wait_for(&self, container: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let found = self.inspect(container);
            if holds(&found) {
                return found;
            }
            assert!(Instant::now() < deadline, "{container} is not {what} after 30 s: {}", found["State"]);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Removes every container, network, volume and image tag whose name, or whose Compose project, `is_mine`.
    ///
    /// Another test process may be removing the same leftovers, so a refusal is no failure here; [`Engine::owned`]
    /// tells what is still there.
    pub fn sweep(&self, is_mine: impl Fn(&str) -> bool) {
        for path in self.owned(is_mine) {
            self.raw("DELETE", &path, &Value::Null);
        }
    }

    /// What [`Engine::sweep`] would remove, as the paths of the DELETEs, in an order that works.
    pub fn owned(&self, is_mine: impl Fn(&str) -> bool) -> Vec<String> {
        let mine = |name: &str, labels: &Value| {
            is_mine(name) || labels["com.docker.compose.project"].as_str().is_some_and(&is_mine)
        };
        let mut paths = Vec::new();
        for container in list(&self.get("/containers/json?all=1")) {
            if mine(&container_name(container), &container["Labels"]) {
                paths.push(format!("/containers/{}?force=1&v=1", text(&container["Id"])));
            }
        }
        for network in list(&self.get("/networks")) {
            if mine(text(&network["Name"]), &network["Labels"]) {
                paths.push(format!("/networks/{}", text(&network["Id"])));
            }
        }
        for volume in list(&self.get("/volumes")["Volumes"]) {
            if mine(text(&volume["Name"]), &volume["Labels"]) {
                paths.push(format!("/volumes/{}?force=1", text(&volume["Name"])));
            }
        }
        for image in list(&self.get("/images/json")) {
            for tag in list(&image["RepoTags"]).iter().map(text).filter(|tag| is_mine(tag)) {
                paths.push(format!("/images/{tag}?force=1"));
            }
        }
        paths
    }

    fn load_images(&self) {
        let images = image::catalog();
        let present = |image: &image::Image| !self.get(&format!("/images/{}/json", image.name)).is_null();
        if !images.iter().all(present) {
            self.load(&images);
        }
    }

    /// Loads images, which take their names from those that have them.
    pub fn load(&self, images: &[image::Image]) {
        let archive = image::read_busybox().and_then(|busybox| image::archive(&busybox, images));
        let archive = archive.expect("the test images can be made");
        let answer = http::request(&self.socket, "POST", "/images/load?quiet=1", "application/x-tar", &archive);
        assert_eq!(answer.expect("the engine reads the images").status, 200);
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.raw(method, path, body);
        match answer.status {
            200..=399 | 404 if answer.body.is_empty() => Value::Null,
            200..=399 => serde_json::from_slice(&answer.body).expect("the engine answers in JSON"),
            404 if method != "POST" => Value::Null,
            status => panic!("{method} {path}: {status} {}", String::from_utf8_lossy(&answer.body)),
        }
    }

    /// The answer to a request, whatever it is.
    pub fn raw(&self, method: &str, path: &str, body: &Value) -> http::Answer {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        http::request(&self.socket, method, path, "application/json", &bytes)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn container_name(listed: &Value) -> String {
    text(&listed["Names"][0]).trim_start_matches('/').to_owned()
}

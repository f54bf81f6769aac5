//! Test images without a registry: a `docker load` archive made from the machine's static busybox.
//!
//! All images share one small root file system and differ in their config, which is what plans are about. The same
//! busybox gives the same bytes and therefore the same image ids. This file knows no engine; `examples/mkimage.rs`
//! includes it for use from scripts.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

/// An image to make: a reference, the machines that it is said to be for, and the `config` object of the OCI image
/// configuration.
pub struct Image {
    pub name: String,
    pub architecture: String,
    pub config: Value,
}

/// The programs of busybox that get a link in `/bin`.
const LINKS: &[&str] = &[
    "awk", "cat", "chmod", "chown", "cp", "cut", "date", "dd", "df", "echo", "env", "expr", "false", "find", "grep",
    "head", "hostname", "httpd", "id", "kill", "ln", "ls", "mkdir", "mv", "nc", "nslookup", "ping", "printf", "ps",
    "pwd", "rm", "rmdir", "sed", "seq", "sh", "sleep", "sort", "stat", "tail", "tee", "test", "timeout", "touch", "tr",
    "true", "uname", "wc", "wget", "which", "whoami",
];

/// Waits and leaves at once when told to. A bare `sleep` as process 1 would ignore SIGTERM and cost each stop the
/// whole grace period.
const PAUSE: &str = "#!/bin/sh\ntrap 'exit 0' TERM INT QUIT\nwhile :; do sleep 3600 & wait $!; done\n";

/// Serves /www on port 80 (or $PORT) and leaves at once when told to.
const SERVE: &str = "#!/bin/sh\nhttpd -p \"${PORT:-80}\" -h /www\nexec pause\n";

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/:/bin/sh\n";
const GROUP: &str = "root:x:0:\napp:x:1000:\n";

/// 2024-01-01, so that the archive does not depend on when it is made.
const MTIME: u64 = 1_704_067_200;
const CREATED: &str = "2024-01-01T00:00:00Z";

/// The images that every test may count on.
///
/// - `hl-test/plain:1`, `:2`: nothing but a command; they ignore SIGTERM, as many real images do.
/// - `hl-test/rich:1`: every config field that a container inherits from its image.
/// - `hl-test/app:1`, `:2`: wait, and stop at once.
/// - `hl-test/stay:1`: likewise, whatever the command is.
/// - `hl-test/web:1`, `:2`: a web server on port 80 with a health check.
pub fn catalog() -> Vec<Image> {
    let image =
        |name: &str, config: Value| Image { name: name.to_owned(), architecture: architecture().to_owned(), config };
    let app = || json!({"Cmd": ["pause"], "Env": ["PATH=/bin"]});
    let web = |version: &str| {
        json!({
            "Cmd": ["serve"],
            "Env": ["PATH=/bin", format!("WEB_VERSION={version}")],
            "ExposedPorts": {"80/tcp": {}},
            "WorkingDir": "/www",
            "Healthcheck": {
                "Test": ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"],
                "Interval": 1_000_000_000, "Timeout": 2_000_000_000, "Retries": 3,
            },
        })
    };
    vec![
        image("hl-test/plain:1", json!({"Cmd": ["sleep", "86400"], "Env": ["PATH=/bin"]})),
        image("hl-test/plain:2", json!({"Cmd": ["sleep", "86401"], "Env": ["PATH=/bin"]})),
        image(
            "hl-test/rich:1",
            json!({
                "Cmd": ["sleep", "86400"],
                "Entrypoint": ["/bin/env"],
                "Env": ["PATH=/bin", "IMGVAR=fromimage", "IMGVAR2=two"],
                "Labels": {"img.label": "yes", "shared": "img"},
                "ExposedPorts": {"8080/tcp": {}, "53/udp": {}},
                "Volumes": {"/data": {}},
                "WorkingDir": "/tmp",
                "User": "1000:1000",
                "StopSignal": "SIGINT",
                "Healthcheck": {
                    "Test": ["CMD", "true"], "Interval": 30_000_000_000_u64, "Timeout": 3_000_000_000_u64, "Retries": 2,
                },
            }),
        ),
        image("hl-test/app:1", app()),
        image("hl-test/app:2", json!({"Cmd": ["pause"], "Env": ["PATH=/bin"], "Labels": {"version": "2"}})),
        image("hl-test/stay:1", json!({"Entrypoint": ["/bin/pause"], "Env": ["PATH=/bin"]})),
        image("hl-test/web:1", web("1")),
        image("hl-test/web:2", web("2")),
    ]
}

/// Makes the archive that `docker load` reads, with all `images` over one layer.
pub fn archive(busybox: &[u8], images: &[Image]) -> Result<Vec<u8>> {
    let layer = layer(busybox)?;
    let layer_id = hex(&layer);
    let mut tar = Builder::new(Vec::new());
    let layer_path = format!("{layer_id}/layer.tar");
    add_folder(&mut tar, &format!("{layer_id}/"), 0o755)?;
    add_file(&mut tar, &layer_path, &layer, 0o644)?;
    let mut manifest = Vec::new();
    for image in images {
        let config = json!({
            "architecture": image.architecture,
            "os": "linux",
            "created": CREATED,
            "config": image.config,
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer_id}")]},
            "history": [{"created": CREATED, "created_by": "mkimage"}],
        });
        let config = serde_json::to_vec(&config)?;
        let path = format!("{}.json", hex(&config));
        add_file(&mut tar, &path, &config, 0o644)?;
        manifest.push(json!({"Config": path, "RepoTags": [image.name], "Layers": [layer_path]}));
    }
    add_file(&mut tar, "manifest.json", &serde_json::to_vec(&manifest)?, 0o644)?;
    tar.into_inner()
}

/// Reads the machine's busybox, and refuses one that needs shared libraries, since the images have none.
pub fn read_busybox() -> Result<Vec<u8>> {
    for path in ["/bin/busybox", "/usr/bin/busybox"] {
        if Path::new(path).exists() {
            let bytes = std::fs::read(path)?;
            if wants_loader(&bytes) {
                return Err(Error::other(format!("{path} is not static: install busybox-static")));
            }
            return Ok(bytes);
        }
    }
    Err(Error::new(ErrorKind::NotFound, "no busybox: install busybox-static"))
}

/// Whether an ELF file has a program header of type `PT_INTERP`, which names the dynamic loader. The offsets are those
/// of the 64-bit, little-endian form, which all machines that run these tests have.
fn wants_loader(elf: &[u8]) -> bool {
    const PT_INTERP: u16 = 3;
    let half = |at: usize| u16::from_le_bytes([elf[at], elf[at + 1]]);
    let (table, size, count) = (usize::from(half(32)), usize::from(half(54)), usize::from(half(56)));
    (0..count).any(|i| half(table + i * size) == PT_INTERP)
}

fn layer(busybox: &[u8]) -> Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    for folder in ["bin/", "data/", "etc/", "root/", "www/"] {
        add_folder(&mut tar, folder, 0o755)?;
    }
    add_folder(&mut tar, "tmp/", 0o1777)?;
    add_file(&mut tar, "bin/busybox", busybox, 0o755)?;
    for link in LINKS {
        let mut header = header(EntryType::Symlink, 0o777, 0);
        tar.append_link(&mut header, format!("bin/{link}"), "busybox")?;
    }
    add_file(&mut tar, "bin/pause", PAUSE.as_bytes(), 0o755)?;
    add_file(&mut tar, "bin/serve", SERVE.as_bytes(), 0o755)?;
    add_file(&mut tar, "etc/group", GROUP.as_bytes(), 0o644)?;
    add_file(&mut tar, "etc/passwd", PASSWD.as_bytes(), 0o644)?;
    add_file(&mut tar, "www/index.html", b"it works\n", 0o644)?;
    tar.into_inner()
}

fn add_file(tar: &mut Builder<Vec<u8>>, path: &str, content: &[u8], mode: u32) -> Result<()> {
    let mut header = header(EntryType::Regular, mode, content.len() as u64);
    tar.append_data(&mut header, path, content)
}

fn add_folder(tar: &mut Builder<Vec<u8>>, path: &str, mode: u32) -> Result<()> {
    let mut header = header(EntryType::Directory, mode, 0);
    tar.append_data(&mut header, path, std::io::empty())
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(MTIME);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// The machine's architecture in the words of OCI, which are Go's.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

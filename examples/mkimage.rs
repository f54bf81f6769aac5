//! Makes the test images: `mkimage FILE` writes the archive for `docker load`, `mkimage --load SOCKET` loads it into
//! an engine, `mkimage --list` prints the names.

#[path = "../tests/it/support/http.rs"]
mod http;
#[path = "../tests/it/support/image.rs"]
mod image;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--list"] => {
            image::catalog().iter().for_each(|image| println!("{}", image.name));
            Ok(())
        }
        ["--load", socket] => load(socket.trim_start_matches("unix://")),
        [file] if !file.starts_with('-') => archive().and_then(|bytes| std::fs::write(file, bytes)),
        _ => {
            eprintln!("usage: mkimage FILE | --load SOCKET | --list");
            return ExitCode::from(64);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mkimage: {error}");
            ExitCode::FAILURE
        }
    }
}

fn archive() -> std::io::Result<Vec<u8>> {
    image::archive(&image::read_busybox()?, &image::catalog())
}

fn load(socket: &str) -> std::io::Result<()> {
    let answer = http::request(Path::new(socket), "POST", "/images/load?quiet=1", "application/x-tar", &archive()?)?;
    print!("{}", String::from_utf8_lossy(&answer.body));
    match answer.status {
        200 => Ok(()),
        status => Err(std::io::Error::other(format!("the engine answered {status} to the load"))),
    }
}

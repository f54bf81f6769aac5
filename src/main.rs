use std::process::ExitCode;

fn main() -> ExitCode {
    hl::cli::run(std::env::args_os())
}

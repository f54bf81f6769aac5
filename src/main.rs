use std::process::ExitCode;

/// A plan is a great many small pieces of text, made on several threads at once. The C library's allocator asks the kernel
/// for their room a page at a time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hl::cli::run(std::env::args_os())
}

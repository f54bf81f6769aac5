//! The message printed on a panic: it is a bug in hl, and what to report.

use std::panic::{PanicHookInfo, set_hook};

use super::exit::Exit;
use super::raw_terminal;

/// From now on a panic tells the user that it is a bug, and what to report, and ends the process.
pub(super) fn report_panics() {
    set_hook(Box::new(|panic| {
        raw_terminal::restore();
        eprint!("{}", text(panic));
        std::process::exit(i32::from(Exit::Failed.code()));
    }));
}

fn text(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    // A text that was put together at run time may hold a value, and a value may be a secret.
    let words = panic.payload().downcast_ref::<&'static str>().map(|words| format!(": {words}")).unwrap_or_default();
    format!(
        "\nThis is a bug in hl.\n  hl {} stopped at {place}{words}\n\
         Please report these lines, and the command that you ran. What was recorded until now is safe;\n\
         `hl plan` starts from what is really there.\n",
        env!("CARGO_PKG_VERSION")
    )
}

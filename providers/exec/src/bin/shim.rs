//! The shim of the tests: `keywheel-exec-shim PARENT PROGRAM ARGS…`.

use keywheel_provider_exec::shim;
use std::process::ExitCode;

fn main() -> ExitCode {
    let error = shim::run(std::env::args_os().skip(1));
    // Nobody but the parent reads this, and it reads it from this stream.
    let line = format!("cannot start the program: {error}\n");
    match std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()) {
        Ok(()) | Err(_) => ExitCode::from(126),
    }
}

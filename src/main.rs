//! The `keywheel` program: parse the arguments, run the command, turn its result into an exit code.

use clap::Parser as _;
use keywheel::cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match cli.is_shim() {
        true => tokio::runtime::Builder::new_current_thread().build(),
        false => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build(),
    };
    match runtime {
        Ok(runtime) => ExitCode::from(runtime.block_on(cli.run()).code()),
        Err(error) => {
            anstream::eprintln!("keywheel: the runtime did not start: {error}");
            ExitCode::FAILURE
        }
    }
}

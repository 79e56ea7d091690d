//! `keywheel exec-shim`: starts a plugin with nothing inherited. Only keywheel itself calls it.

use super::exit::Exit;
use keywheel_provider_exec::shim;
use std::ffi::OsString;

/// Starts a plugin with nothing inherited.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Parent, program, arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

pub(super) fn run(args: Args) -> Exit {
    let error = shim::run(args.words);
    anstream::eprintln!("keywheel exec-shim: {error}");
    Exit::Failed
}

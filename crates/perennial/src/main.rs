//! The program: commands, configuration, wiring.

mod args;
mod chart;
mod commands;
mod config;
mod exit;
mod logging;
mod open;
mod output;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::exit::Exit;

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&anyhow::Error::new(error).context("cannot start")).into(),
    };
    match runtime.block_on(commands::run(args)) {
        Ok(exit) => exit.into(),
        Err(error) if exit::is_broken_pipe(&error) => Exit::Done.into(),
        Err(error) => exit::report(&error).into(),
    }
}

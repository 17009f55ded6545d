//! One file per command.

mod demo;
mod doctor;
mod import;
mod init;
mod invoice;
mod key;
mod migrate;
mod renew;
mod seller;
mod serve;

use anyhow::Result;
use clap::CommandFactory;

use crate::args::{Args, Command};
use crate::exit::Exit;

/// Runs the command that was asked for.
pub async fn run(args: Args) -> Result<Exit> {
    match &args.command {
        Command::Init(init) => init::run(&args, init).await,
        Command::Serve(serve) => serve::run(&args, serve).await,
        Command::Demo(demo) => demo::run(demo).await,
        Command::Import { from } => import::run(&args, from).await,
        Command::Renew(renew) => renew::run(&args, renew).await,
        Command::Invoice { command } => invoice::run(&args, command).await,
        Command::Seller { command } => seller::run(&args, command).await,
        Command::Key { command } => key::run(&args, command).await,
        Command::Doctor(format) => doctor::run(&args, format.format).await,
        Command::Migrate => migrate::run(&args).await,
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Args::command(), "perennial", &mut std::io::stdout());
            Ok(Exit::Done)
        }
    }
}

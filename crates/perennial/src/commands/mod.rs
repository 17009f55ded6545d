//! One file per command.

mod addon;
mod campaign;
mod clock;
mod contact;
mod coupon;
mod credit;
mod customer;
mod demo;
mod doctor;
mod draft;
mod exchange_rate;
mod explain;
mod export;
mod import;
mod init;
mod invoice;
mod key;
mod lead_time;
mod mail;
mod migrate;
mod openapi;
mod outbox;
mod payment;
mod payment_link;
mod preview;
mod price;
mod product;
mod renew;
mod report;
mod run;
mod seller;
mod series;
mod serve;
mod service;
mod simulate;
mod tax_rate;
mod vat;
mod webhook;

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
        Command::Run(run) => run::run(&args, run).await,
        Command::Preview(preview) => preview::run(&args, preview).await,
        Command::Explain { service, day, format } => explain::run(&args, service, *day, format.format).await,
        Command::Simulate { until, format } => simulate::run(&args, *until, *format).await,
        Command::Service { command } => service::run(&args, command).await,
        Command::Addon { command } => addon::run(&args, command).await,
        Command::Product { command } => product::run(&args, command).await,
        Command::Export { what } => export::run(&args, what).await,
        Command::Draft { command } => draft::run(&args, command).await,
        Command::Series { command } => series::run(&args, command).await,
        Command::Payment { command } => payment::run(&args, command).await,
        Command::Credit { command } => credit::run(&args, command).await,
        Command::Report { command } => report::run(&args, command).await,
        Command::TaxRate { command } => tax_rate::run(&args, command).await,
        Command::Vat { command } => vat::run(&args, command).await,
        Command::Price { command } => price::run(&args, command).await,
        Command::Coupon { command } => coupon::run(&args, command).await,
        Command::Campaign { command } => campaign::run(&args, command).await,
        Command::ExchangeRate { command } => exchange_rate::run(&args, command).await,
        Command::Customer { command } => customer::run(&args, command).await,
        Command::LeadTime { command } => lead_time::run(&args, command).await,
        Command::Clock { command } => clock::run(&args, command).await,
        Command::Invoice { command } => invoice::run(&args, command).await,
        Command::Outbox { command } => outbox::run(&args, command).await,
        Command::Mail { command } => mail::run(&args, command).await,
        Command::Seller { command } => seller::run(&args, command).await,
        Command::Key { command } => key::run(&args, command).await,
        Command::Webhook { command } => webhook::run(&args, command).await,
        Command::Doctor(format) => doctor::run(&args, format.format).await,
        Command::Migrate => migrate::run(&args).await,
        Command::Openapi { folder } => openapi::run(folder.as_deref()),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Args::command(), "perennial", &mut std::io::stdout());
            Ok(Exit::Done)
        }
    }
}

//! `perennial customer set`.

use anyhow::{Context, Result};
use perennial_app::Actor;
use perennial_billing::CustomerId;
use perennial_store::customers;

use crate::args::{Args, CustomerCommand};
use crate::exit::Exit;
use crate::{open, output};

/// Changes a customer.
pub async fn run(args: &Args, command: &CustomerCommand) -> Result<Exit> {
    let CustomerCommand::Set { customer, invoicing } = command;
    let id: CustomerId = open::id("customer", customer)?;
    let (app, caller) = open::for_staff(args).await?;
    let customer = customers::get(&mut app.store.read().await?, caller.seller, id).await?;
    let mut customer = customer.with_context(|| format!("there is no customer {id}"))?;
    customer.invoicing = (*invoicing).into();
    let changed = app.change_customer(caller.seller, Actor::Cli, customer).await?;
    app.store.close().await;
    let way = changed.invoicing.map_or("as the seller does", |way| way.as_str());
    output::note(format!("What falls due together for {} is invoiced {way}.", changed.party.display_name()));
    Ok(Exit::Done)
}

//! `perennial customer contact list|add|remove`.

use anyhow::Result;
use perennial_billing::CustomerId;
use serde::Serialize;

use crate::args::{Args, ContactCommand, Format};
use crate::exit::Exit;
use crate::{open, output};

#[derive(Serialize)]
struct Shown {
    id: String,
    email: String,
    description: String,
}

/// Looks at who else gets a customer's mails, and changes it.
pub async fn run(args: &Args, command: &ContactCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    match command {
        ContactCommand::List { customer, format } => {
            let found = app.contacts(&caller, open::id::<CustomerId>("customer", customer)?).await?;
            let rows = found.into_iter().map(|contact| Shown {
                id: contact.id.to_string(),
                email: contact.email,
                description: contact.description,
            });
            if format.format == Format::Json {
                output::json(&rows.collect::<Vec<_>>())?;
            } else {
                let cells = rows.map(|row| vec![row.id, row.email, row.description]);
                output::table(&["contact", "address", ""], &[], cells)?;
            }
        }
        ContactCommand::Add { customer, email, description } => {
            let contact = app.put_contact(&caller, open::id("customer", customer)?, email, description).await?;
            output::note(format!(
                "{} (contact {}) gets the mails of customer {customer} too.",
                contact.email, contact.id
            ));
        }
        ContactCommand::Remove { customer, contact } => {
            app.remove_contact(&caller, open::id("customer", customer)?, open::id("contact", contact)?).await?;
            output::note(format!("Contact {contact} gets no mails any more."));
        }
    }
    app.store.close().await;
    Ok(Exit::Done)
}

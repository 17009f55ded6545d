//! Who else gets a customer's mails.

use perennial_billing::{ContactId, CustomerId};
use perennial_render::mail::check_address;
use perennial_store::contacts::{self, BillingContact};
use perennial_store::customers;
use perennial_store::ids::{self, IdKind};

use crate::customer::visible;
use crate::error::{check_email, refuse};
use crate::{App, AppError, Caller, Problem, Result};

/// Contacts of one customer at most: each is a recipient of every mail.
pub const MAX_CONTACTS: usize = 20;
/// The longest description, in characters; what is longer is cut.
pub const MAX_CONTACT_DESCRIPTION_CHARACTERS: usize = 255;

impl App {
    /// The contacts of a customer, by id.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown customer or another one.
    pub async fn contacts(&self, caller: &Caller, customer: CustomerId) -> Result<Vec<BillingContact>> {
        let mut conn = self.store.read().await?;
        visible(&mut conn, caller, customer).await?;
        Ok(contacts::of_customer(&mut conn, caller.seller, customer).await?)
    }

    /// Adds a contact, or changes what the one with this address is called.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Invalid`] for what is no address; [`AppError::Conflict`] when there are
    /// [`MAX_CONTACTS`].
    pub async fn put_contact(
        &self,
        caller: &Caller,
        customer: CustomerId,
        email: &str,
        description: &str,
    ) -> Result<BillingContact> {
        let email = email.trim().to_lowercase();
        let mut problems = Vec::new();
        check_email(&mut problems, "email", &email);
        if problems.is_empty() && check_address(&email).is_err() {
            problems.push(Problem::new("email", format!("is not a mail address: {email:?}")));
        }
        refuse(problems)?;
        let description: String = description.trim().chars().filter(|c| !c.is_control()).collect();
        let description = description.chars().take(MAX_CONTACT_DESCRIPTION_CHARACTERS).collect();
        let mut tx = self.store.begin().await?;
        visible(&mut tx, caller, customer).await?;
        // Held, so that two cannot both be the last one.
        customers::hold(&mut tx, caller.seller, customer).await?;
        let known = contacts::of_customer(&mut tx, caller.seller, customer).await?;
        if known.len() >= MAX_CONTACTS && !known.iter().any(|contact| contact.email == email) {
            return Err(AppError::Conflict(format!(
                "The customer has {MAX_CONTACTS} billing contacts: remove one first"
            )));
        }
        let id = ContactId(ids::take_one(&mut tx, IdKind::Contact).await?);
        let mut contact = BillingContact { id, customer, email, description };
        contact.id = contacts::put(&mut tx, caller.seller, &contact).await?;
        self.note(&mut tx, caller.seller, caller, "contact.put", "customer", customer.0).await?;
        tx.commit().await?;
        Ok(contact)
    }

    /// Removes a contact.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn remove_contact(&self, caller: &Caller, customer: CustomerId, contact: ContactId) -> Result<()> {
        let mut tx = self.store.begin().await?;
        visible(&mut tx, caller, customer).await?;
        if !contacts::remove(&mut tx, caller.seller, customer, contact).await? {
            return Err(AppError::NotFound("Contact"));
        }
        self.note(&mut tx, caller.seller, caller, "contact.removed", "customer", customer.0).await?;
        Ok(tx.commit().await?)
    }
}

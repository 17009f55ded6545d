//! `POST /api/account/billing-cc`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Json;
use super::credit::own;
use crate::ApiError;
use crate::context::Context;
use crate::error::Code;
use crate::v1::envelope::Success;

/// Who else gets the customer's mails.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct NewContact {
    email: String,
    description: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ContactAdded {
    success: bool,
    message: &'static str,
    contact: Contact,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Contact {
    id: i64,
    email: String,
    description: String,
}

/// Adds a recipient of the customer's mails, or changes what the one with this address is called.
pub(crate) async fn add(context: Context, Json(new): Json<NewContact>) -> Result<Success<ContactAdded>, ApiError> {
    let customer = own(&context)?;
    let put = context.app.put_contact(&context.caller, customer, &new.email, &new.description).await;
    let contact = put.map_err(|error| {
        let error = ApiError::from(error);
        // Documented with this message.
        if error.code() == Code::ServiceUnavailable { error.saying("Failed to add billing CC email") } else { error }
    })?;
    Ok(context.success(ContactAdded {
        success: true,
        message: "Billing CC email added successfully",
        contact: Contact { id: contact.id.0, email: contact.email, description: contact.description },
    }))
}

//! `POST /api/account/billing-cc`.

use axum::http::StatusCode;
use axum::response::Response;
use perennial_app::Scope;
use serde::{Deserialize, Serialize};

use super::Json;
use super::credit::own;
use crate::ApiError;
use crate::context::Context;

/// Who else gets the customer's mails.
#[derive(Debug, Deserialize)]
pub(crate) struct New {
    email: String,
    description: String,
}

#[derive(Debug, Serialize)]
struct Added {
    success: bool,
    message: &'static str,
    contact: Contact,
}

#[derive(Debug, Serialize)]
struct Contact {
    id: i64,
    email: String,
    description: String,
}

/// Adds a recipient of the customer's mails, or changes what the one with this address is called.
pub(crate) async fn add(context: Context, Json(new): Json<New>) -> Result<Response, ApiError> {
    context.require(Scope::WriteBilling)?;
    let customer = own(&context)?;
    let put = context.app.put_contact(&context.caller, customer, &new.email, &new.description).await;
    let contact = put.map_err(|error| {
        let error = ApiError::from(error);
        // Documented with this message.
        if error.status() == StatusCode::SERVICE_UNAVAILABLE {
            error.saying("Failed to add billing CC email")
        } else {
            error
        }
    })?;
    Ok(context.success(Added {
        success: true,
        message: "Billing CC email added successfully",
        contact: Contact { id: contact.id.0, email: contact.email, description: contact.description },
    }))
}

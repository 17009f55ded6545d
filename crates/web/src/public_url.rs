//! Where this server is found from outside.

use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::header::HOST;
use axum::http::request::Parts;
use schemars::SchemaGenerator;

use crate::address::Peer;
use crate::describe::{Shape, Takes};
use crate::{ApiError, Web};

/// What a proxy tells that ended TLS.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The beginning of absolute addresses, without a slash at its end: as it is configured, or as the request has it.
#[derive(Debug, Clone)]
pub(crate) struct PublicUrl(pub String);

impl FromRequestParts<Web> for PublicUrl {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiError> {
        if let Some(url) = web.public_url.as_deref() {
            return Ok(Self(url.to_owned()));
        }
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).filter(|host| is_host(host));
        let host = host.ok_or_else(|| ApiError::bad_request("The header Host must name this server"))?;
        let is_secure = parts.extensions.get().is_some_and(|Peer(peer)| web.limits.trusts(*peer))
            && parts.headers.get(FORWARDED_PROTO).is_some_and(|proto| proto == "https");
        Ok(Self(format!("{}://{host}", if is_secure { "https" } else { "http" })))
    }
}

impl Takes for PublicUrl {
    fn describe(_: &mut Shape, _: &mut SchemaGenerator) {}
}

/// A name or an address, perhaps with a port: nothing that could be more than that in an address.
fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']'))
}

//! JSON bodies in which every field is known.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::ApiError;
use crate::body::Body;
use crate::error::{FieldCode, FieldError};

/// A JSON object in which every field is known; an empty body is taken for `{}`. No `Content-Type` is asked for.
#[derive(Debug)]
pub(crate) struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Body(body) = Body::from_request(request, state).await?;
        let text: &[u8] = if body.is_empty() { b"{}" } else { &body };
        // A list would be taken for the fields in their order.
        if text.trim_ascii_start().first() == Some(&b'[') {
            return Err(ApiError::bad_request("The request body must be a JSON object"));
        }
        let mut reader = serde_json::Deserializer::from_slice(text);
        let read = serde_path_to_error::deserialize(&mut reader);
        let value = read.map_err(|error| refused(&error))?;
        reader.end().map_err(|error| ApiError::bad_request(format!("The request body is not valid JSON: {error}")))?;
        Ok(Self(value))
    }
}

fn refused(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let cause = error.inner();
    if !cause.is_data() {
        return ApiError::bad_request(format!("The request body is not valid JSON: {cause}"));
    }
    // The place in the text helps nobody who reads a pointer.
    let text = cause.to_string();
    let text = text.rsplit_once(" at line ").map_or(&*text, |(text, _)| text);
    let mut pointer = String::new();
    for step in error.path() {
        let step = match step {
            serde_path_to_error::Segment::Seq { index } => index.to_string(),
            serde_path_to_error::Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&step);
    }
    // JSON Schema takes 3.0 for an integer, and so it fits what is documented; it is not taken here all the same.
    if text.starts_with("invalid type: floating point") {
        return ApiError::invalid_value(pointer.trim_start_matches('/'), "must be written without a decimal point");
    }
    let named = |begin: &str| text.strip_prefix(begin)?.split('`').next();
    let code = if let Some(field) = named("missing field `") {
        pointer = format!("{pointer}/{field}");
        FieldCode::Missing
    } else if let Some(field) = named("unknown field `") {
        if !pointer.ends_with(&format!("/{field}")) {
            pointer = format!("{pointer}/{field}");
        }
        FieldCode::Unknown
    } else {
        FieldCode::Invalid
    };
    ApiError::invalid_body(FieldError { pointer, detail: text.to_owned(), code })
}

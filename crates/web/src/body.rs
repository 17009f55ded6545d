//! The body of a request: all of it, within a size and a time.

use std::time::Duration;

use axum::body::{Bytes, HttpBody as _, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use tokio::time::timeout;

use crate::ApiError;

/// Bytes of a request body at most.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long a body may take to arrive: shorter than the whole request, so that who is slow is told so.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// The bytes of a body within its limits.
pub(crate) struct Body(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        Self::read(&parts.headers, body).await
    }
}

impl Body {
    /// Reads it.
    pub async fn read(headers: &HeaderMap, body: axum::body::Body) -> Result<Self, ApiError> {
        if body.is_end_stream() {
            return Ok(Self(Bytes::new()));
        }
        // One that says so itself is not read at all.
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if length.is_some_and(|length| length > MAX_BODY_BYTES) {
            return Err(ApiError::from_status(StatusCode::PAYLOAD_TOO_LARGE));
        }
        match timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY_BYTES)).await {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(error)) => Err(ApiError::from_status(unread(error))),
            Err(_) => Err(ApiError::from_status(StatusCode::REQUEST_TIMEOUT)),
        }
    }
}

/// What to answer to one that could not be read: it is too large, or broke off.
fn unread(error: axum::Error) -> StatusCode {
    let is_too_large = error.into_inner().is::<http_body_util::LengthLimitError>();
    if is_too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use hyper::body::Frame;

    use super::*;

    /// A body of which nothing more comes.
    struct Stuck;

    impl axum::body::HttpBody for Stuck {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    async fn refused(length: Option<usize>, body: axum::body::Body) -> Option<StatusCode> {
        let length = length.map(|length| (CONTENT_LENGTH, length.into()));
        let read = Body::read(&HeaderMap::from_iter(length), body).await;
        read.err().map(|error| error.code().status())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_refused_that_is_too_large_or_too_slow() {
        let begun = tokio::time::Instant::now();
        let stuck = || axum::body::Body::new(Stuck);
        assert_eq!(refused(Some(MAX_BODY_BYTES + 1), stuck()).await, Some(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(begun.elapsed(), Duration::ZERO, "nothing of it is waited for");
        assert_eq!(refused(Some(MAX_BODY_BYTES), stuck()).await, Some(StatusCode::REQUEST_TIMEOUT));
        assert_eq!(begun.elapsed().as_secs(), BODY_TIMEOUT.as_secs());
        let of = |bytes: usize| axum::body::Body::from(vec![b'x'; bytes]);
        assert_eq!(refused(None, of(MAX_BODY_BYTES + 1)).await, Some(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(refused(None, of(MAX_BODY_BYTES)).await, None);
        assert_eq!(refused(None, axum::body::Body::empty()).await, None);
    }
}

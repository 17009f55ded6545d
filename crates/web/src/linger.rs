//! Bodies that are answered before they were read.
//!
//! A connection that is closed while bytes wait in it is reset, and a reset takes with it the answer that its client has not read
//! yet: who sends a body that is too large would hear that the network failed, and not that the body is too large. So what still
//! comes is read and thrown away for a while, beside the answer and never before it. RFC 9112, 9.6 asks for it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header::EXPECT;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// Bytes of an unwanted body that are read and thrown away; from there on clients such as curl ask first.
pub const MAX_LINGER_BYTES: usize = 1024 * 1024;
/// How long an unwanted body is listened to.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(5);

/// Lets its body be heard out.
pub fn hear_out(request: Request) -> Request {
    // Who asks before sending is told by the answer alone, and most requests have no body.
    if request.body().is_end_stream() || request.headers().contains_key(EXPECT) {
        return request;
    }
    request.map(|body| Body::new(HeardOut(body)))
}

/// A body of which the rest is read when nobody wants it any more.
struct HeardOut(Body);

impl HttpBody for HeardOut {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for HeardOut {
    fn drop(&mut self) {
        if !self.0.is_end_stream()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(timeout(LINGER_TIMEOUT, discard(std::mem::take(&mut self.0))));
        }
    }
}

/// Reads what a body still brings, up to [`MAX_LINGER_BYTES`].
async fn discard(mut body: Body) {
    let mut left = MAX_LINGER_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
        left = rest;
    }
}

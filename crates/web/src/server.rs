//! Listening, and stopping without dropping what was accepted.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::address::Peer;

/// How long a stopping server waits for the requests it has accepted.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may take to send the head of its next request; a silent one is closed.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a request's head at most.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Connections at once at most; more wait in the system's queue.
pub const MAX_CONNECTIONS: usize = 4_096;
/// The pause after a connection could not be accepted, such as for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers requests until `stop` is over, then takes no new connections and finishes the requests it has accepted, for at
/// most [`DRAIN_TIMEOUT`].
///
/// # Errors
/// None at present: a connection that fails takes nothing down with it.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD_BYTES);
    let connections = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            let room = room.clone().acquire_owned().await;
            (room, listener.accept().await)
        };
        let (room, stream) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let (stream, peer) = match stream {
            Ok((stream, address)) => (stream, Peer(address.ip())),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted: {error}");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are small: waiting to fill a packet would only make them late.
        let _ = stream.set_nodelay(true);
        let routes = TowerToHyperService::new(router.clone());
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            routes.call(request)
        });
        let connection = connections.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let _room = room;
            // A client that goes away or sends nonsense is its own affair.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended: {error}");
            }
        });
    }
    drop(listener);
    if timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
        tracing::warn!("requests were still running after {} s", DRAIN_TIMEOUT.as_secs());
    }
    Ok(())
}

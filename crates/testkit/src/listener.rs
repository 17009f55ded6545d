//! Answering HTTP on a free port, as wrongly as a test wants.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Answers every request with the status and body that come out for its head and body; hangs up if nothing does.
pub(crate) async fn answer_all<A, F>(answer: A) -> SocketAddr
where
    A: Fn(String, String) -> F + Clone + Send + 'static,
    F: Future<Output = Option<(u16, String)>> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move { converse(stream, answer).await });
        }
    });
    address
}

async fn converse<A, F>(mut stream: TcpStream, answer: A)
where
    A: Fn(String, String) -> F,
    F: Future<Output = Option<(u16, String)>>,
{
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer).await {
        if count == 0 {
            return;
        }
        read.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() < length.unwrap_or(0) {
            continue;
        }
        read.clear();
        let Some((status, body)) = answer(head.to_owned(), body.to_owned()).await else { return };
        let length = body.len();
        let text =
            format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

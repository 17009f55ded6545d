//! The load generator: callers that each keep one plain connection, ask, wait for the whole answer, and ask again.
//!
//! It speaks just enough HTTP/1.1 to be cheap, because it shares the machine with what it measures.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Bytes of an answer at most, head and body.
const MAX_ANSWER_BYTES: usize = 8_192;
/// How the answer names the invoice that was issued.
const INVOICE_ID: &str = "\"invoiceId\":\"";
/// The answer to a renewal that was carried out, unlike one that was done already.
const GENERATED: &str = "\"message\":\"Renewal invoice generated successfully\"";

/// What the callers ask for.
#[derive(Debug, Clone)]
pub enum Question {
    /// `POST /api/services/{id}/renew` with this key; each service of the list once.
    Renew {
        /// The key.
        api_key: String,
        /// In the order they are asked for.
        services: Arc<Vec<i64>>,
    },
    /// `GET /static`.
    Static,
}

/// Callers with open connections.
#[derive(Debug)]
pub struct Callers {
    connections: Vec<TcpStream>,
    question: Question,
    /// Where in the list of services they are.
    next: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Answers {
    /// From the first question to the last answer.
    pub wall: Duration,
    /// Of each answer, ascending.
    pub latencies: Vec<Duration>,
    /// Each renewed service with its invoice.
    pub invoices: Vec<(i64, i64)>,
}

impl Callers {
    /// Opens one connection for each caller.
    pub async fn connect(server: SocketAddr, callers: usize, question: Question) -> Result<Self> {
        let mut connections = Vec::with_capacity(callers);
        for _ in 0..callers {
            let connection = TcpStream::connect(server).await.context("cannot connect to the server")?;
            connection.set_nodelay(true)?;
            connections.push(connection);
        }
        Ok(Self { connections, question, next: 0 })
    }

    /// Asks until `time` is over or `requests` have been asked, whichever is first, and waits for every answer.
    pub async fn ask(&mut self, requests: usize, time: Duration) -> Result<Answers> {
        let last = match &self.question {
            Question::Renew { services, .. } => services.len().min(self.next.saturating_add(requests)),
            Question::Static => self.next.saturating_add(requests),
        };
        let next = Arc::new(AtomicUsize::new(self.next));
        let begun = Instant::now();
        let mut callers = JoinSet::new();
        for connection in self.connections.drain(..) {
            let caller = Caller { connection, question: self.question.clone(), next: next.clone(), last };
            callers.spawn(caller.run(begun + time));
        }
        let mut all = Answers::default();
        while let Some(done) = callers.join_next().await {
            let (connection, mut answers) = done??;
            self.connections.push(connection);
            all.latencies.append(&mut answers.latencies);
            all.invoices.append(&mut answers.invoices);
        }
        all.wall = begun.elapsed();
        all.latencies.sort_unstable();
        self.next = next.load(Ordering::Relaxed).min(last);
        Ok(all)
    }

    /// Whether every service was asked for.
    pub fn are_done(&self) -> bool {
        matches!(&self.question, Question::Renew { services, .. } if self.next >= services.len())
    }
}

impl Answers {
    /// The latency that `per_mille` of the answers did not exceed, in microseconds.
    pub fn latency_us(&self, per_mille: usize) -> f64 {
        let rank = (self.latencies.len() * per_mille).div_ceil(1_000).max(1) - 1;
        self.latencies.get(rank).map_or(0.0, |latency| latency.as_nanos() as f64 / 1e3)
    }

    /// Answers per second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.wall.as_secs_f64()
    }
}

struct Caller {
    connection: TcpStream,
    question: Question,
    next: Arc<AtomicUsize>,
    last: usize,
}

impl Caller {
    async fn run(mut self, end: Instant) -> Result<(TcpStream, Answers)> {
        let mut answers = Answers::default();
        let mut request = Vec::with_capacity(256);
        let mut answer = vec![0; MAX_ANSWER_BYTES];
        while Instant::now() < end {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            if place >= self.last {
                break;
            }
            request.clear();
            let service = match &self.question {
                Question::Renew { api_key, services } => {
                    let service = services[place];
                    write!(
                        request,
                        "POST /api/services/{service}/renew HTTP/1.1\r\nHost: bench\r\nX-API-Key: {api_key}\r\n\
                         Content-Length: 0\r\n\r\n"
                    )?;
                    Some(service)
                }
                Question::Static => {
                    request.extend_from_slice(b"GET /static HTTP/1.1\r\nHost: bench\r\n\r\n");
                    None
                }
            };
            let asked = Instant::now();
            self.connection.write_all(&request).await?;
            let body = read_answer(&mut self.connection, &mut answer).await?;
            answers.latencies.push(asked.elapsed());
            if let Some(service) = service {
                answers.invoices.push((service, invoice_of(body)?));
            }
        }
        Ok((self.connection, answers))
    }
}

/// Reads one whole answer and gives back its body. Anything but a 200 with a length is an error.
async fn read_answer<'a>(connection: &mut TcpStream, buffer: &'a mut [u8]) -> Result<&'a str> {
    let mut filled = 0;
    let mut expected = None;
    loop {
        ensure!(filled < buffer.len(), "the answer is longer than {MAX_ANSWER_BYTES} bytes");
        let read = connection.read(&mut buffer[filled..]).await?;
        if read == 0 {
            bail!("the server closed the connection: {}", String::from_utf8_lossy(&buffer[..filled]));
        }
        filled += read;
        if expected.is_none() {
            expected = head(&buffer[..filled])?;
        }
        match expected {
            Some((body, length)) if filled == body + length => {
                let (head, body) = buffer[..filled].split_at(body);
                if !head.starts_with(b"HTTP/1.1 200") {
                    bail!("{}{}", String::from_utf8_lossy(head), String::from_utf8_lossy(body));
                }
                return std::str::from_utf8(body).context("the answer is no UTF-8");
            }
            Some((body, length)) => ensure!(filled < body + length, "the answer is longer than it says"),
            None => {}
        }
    }
}

/// Where the body begins and how long it is, once the whole head is there.
fn head(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..end]).context("the head of the answer is no text")?;
    let length = text.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Ok(Some((end + 4, length.with_context(|| format!("the answer has no length: {text}"))?)))
}

/// The invoice that a renewal was answered with.
fn invoice_of(body: &str) -> Result<i64> {
    let invoice = body.split_once(INVOICE_ID).and_then(|(_, rest)| rest.split('"').next()?.parse().ok());
    match invoice {
        Some(invoice) if body.contains(GENERATED) => Ok(invoice),
        _ => bail!("not the answer to a renewal: {body}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_tells_where_the_body_is() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap(), Some((38, 2)));
        assert_eq!(head(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap(), None);
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn only_a_generated_invoice_counts() {
        let body = format!("{{{INVOICE_ID}17\",{GENERATED}}}");
        assert_eq!(invoice_of(&body).unwrap(), 17);
        assert!(invoice_of(&body.replace("generated", "already exists")).is_err());
    }

    #[test]
    fn percentiles_are_latencies_that_occurred() {
        let latencies = (1..=1_000).map(Duration::from_micros).collect();
        let answers = Answers { latencies, ..Answers::default() };
        assert_eq!((answers.latency_us(500), answers.latency_us(990), answers.latency_us(999)), (500.0, 990.0, 999.0));
    }
}

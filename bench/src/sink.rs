//! A mail server that takes everything, fast, and counts: on a thread of its own, so that it does not slow the callers.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;

/// A running one; it lives as long as the program.
#[derive(Debug, Clone)]
pub struct Sink {
    /// Where it listens.
    pub port: u16,
    mails: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
}

impl Sink {
    /// Starts one.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let sink = Self { port: listener.local_addr()?.port(), mails: Arc::default(), bytes: Arc::default() };
        let counting = sink.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let counting = counting.clone();
                // One that breaks off has no more mails.
                std::thread::spawn(move || drop(counting.talk(connection)));
            }
        });
        Ok(sink)
    }

    /// Mails taken so far.
    pub fn mails(&self) -> u64 {
        self.mails.load(Ordering::Relaxed)
    }

    /// Bytes of them.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn talk(&self, connection: TcpStream) -> std::io::Result<()> {
        connection.set_nodelay(true)?;
        let mut answer = connection.try_clone()?;
        let mut lines = BufReader::new(connection);
        answer.write_all(b"220 sink\r\n")?;
        let mut line = Vec::new();
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            match line.get(..4).map(<[u8]>::to_ascii_uppercase).as_deref() {
                Some(b"DATA") => {
                    answer.write_all(b"354 go on\r\n")?;
                    let mut bytes = 0;
                    loop {
                        line.clear();
                        bytes += lines.read_until(b'\n', &mut line)? as u64;
                        if line.is_empty() || line == b".\r\n" {
                            break;
                        }
                    }
                    self.mails.fetch_add(1, Ordering::Relaxed);
                    self.bytes.fetch_add(bytes, Ordering::Relaxed);
                    answer.write_all(b"250 taken\r\n")?;
                }
                Some(b"QUIT") => return answer.write_all(b"221 bye\r\n"),
                _ => answer.write_all(b"250 sink\r\n")?,
            }
        }
    }
}

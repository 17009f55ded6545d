//! Running the program in a folder of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use perennial_testkit::{Kind, TestDatabase};
use tempfile::TempDir;

/// An installation: a folder with a configuration, and its database.
pub struct Installation {
    pub folder: TempDir,
    pub database: TestDatabase,
    /// The admin key that `init` printed.
    pub key: String,
}

/// What a command printed and how it ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// The three as a person sees them.
    pub fn shown(&self) -> String {
        format!("exit {}\n--- out\n{}--- err\n{}", self.code, self.stdout, self.stderr)
    }
}

/// The flags that set up the seller of every test.
pub const INIT: [&str; 17] = [
    "init",
    "--name",
    "Norrsken Hosting AB",
    "--address",
    "Hamngatan 12",
    "--city",
    "Sundsvall",
    "--country",
    "SE",
    "--vat-number",
    "SE556123456701",
    "--vat-rate",
    "25",
    "--currency",
    "SEK",
    "--time-zone",
    "Europe/Stockholm",
];

impl Installation {
    /// Sets one up with `perennial init`.
    pub async fn new(kind: Kind) -> Self {
        let database = TestDatabase::new(kind).await;
        let folder = TempDir::with_prefix("perennial-program-").unwrap();
        let mut installation = Self { folder, database, key: String::new() };
        let mut flags = INIT.to_vec();
        let url = installation.database.url.clone();
        flags.extend(["--database", &url]);
        let ended = installation.run(&flags);
        assert_eq!(ended.code, 0, "{}", ended.shown());
        installation.key = ended.stdout.trim().to_owned();
        installation
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Ended {
        run_in(self.folder.path(), args)
    }

    /// Starts a command and does not wait for it.
    pub fn start(&self, args: &[&str]) -> Child {
        let mut command = program(self.folder.path());
        command.args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program")
    }

    /// Starts `perennial serve` on a free port.
    pub fn serve(&self) -> Serving {
        let mut child = program(self.folder.path())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines();
        let address = loop {
            let line = lines.next().expect("it says where it listens").expect("a line");
            if let Some((_, after)) = line.split_once("listening on http://") {
                break after.split(' ').next().unwrap().parse().unwrap();
            }
        };
        // Nobody reads the rest, but the pipe must not fill up.
        std::thread::spawn(move || lines.for_each(drop));
        Serving { child, address }
    }
}

/// A running server.
pub struct Serving {
    pub child: Child,
    pub address: SocketAddr,
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may be dead already; that is what some tests are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perennial"));
    command.current_dir(folder).env_remove("DATABASE_URL").env_remove("PERENNIAL_CONFIG").env_remove("RUST_LOG");
    command.stdin(Stdio::null());
    command
}

/// Runs a command in a folder to its end.
pub fn run_in(folder: &Path, args: &[&str]) -> Ended {
    let output = program(folder).args(args).output().expect("the program");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

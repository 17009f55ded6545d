//! A server under test: a child process that answers on a free port.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use perennial_testkit::run;
use tempfile::TempDir;

/// How long a server may take to answer, and to stop.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// Where it answers.
    pub address: SocketAddr,
    child: Child,
    /// Its configuration and its log.
    folder: TempDir,
}

/// The program under test.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    /// Where a program that was built lies: another build may replace the original while this one is measured.
    _folder: Option<Arc<TempDir>>,
    /// Which program it is: the commit it was built from, or where it was found.
    pub origin: String,
}

impl Program {
    /// The program at this path, or the one of this workspace, built first.
    pub fn at_or_built(path: Option<&Path>) -> Result<Self> {
        if let Some(path) = path {
            ensure!(path.is_file(), "there is no program at {}", path.display());
            let version = run(Command::new(path).arg("--version"))?;
            // Nobody knows from which commit it was built.
            return Ok(Self {
                path: path.to_owned(),
                _folder: None,
                origin: format!("{} ({})", path.display(), version.trim()),
            });
        }
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace")?;
        // Looked up before building: what is changed while it runs is not measured.
        let origin = format!("commit {}", commit(workspace)?);
        run(Command::new(cargo).args(["build", "--release", "-p", "perennial"]).current_dir(workspace))?;
        // Both binaries of a workspace are built into the same folder.
        let built = std::env::current_exe()?.with_file_name("perennial");
        let folder = TempDir::with_prefix("perennial-bench-")?;
        let path = folder.path().join("perennial");
        fs::copy(&built, &path).with_context(|| format!("cargo built no {}", built.display()))?;
        Ok(Self { path, _folder: Some(Arc::new(folder)), origin })
    }

    /// Starts `perennial serve` on a database.
    pub fn serve(&self, database: &str) -> Result<Server> {
        self.serve_with(database, "")
    }

    /// The same with more in its configuration.
    pub fn serve_with(&self, database: &str, more: &str) -> Result<Server> {
        Server::start(|folder, address| {
            let mut command = self.with_config(folder, database)?;
            let mut file = fs::OpenOptions::new().append(true).open(folder.join("perennial.toml"))?;
            file.write_all(more.as_bytes())?;
            command.args(["serve", "--listen", &address.to_string()]);
            Ok(command)
        })
    }

    /// Runs `perennial doctor` on a database; anything that is wrong is an error.
    pub fn doctor(&self, database: &str) -> Result<()> {
        let folder = TempDir::with_prefix("perennial-bench-")?;
        Ok(run(self.with_config(folder.path(), database)?.arg("doctor")).map(drop)?)
    }

    /// Without a limit on calls, and silent but for warnings.
    pub fn with_config(&self, folder: &Path, database: &str) -> Result<Command> {
        let file = folder.join("perennial.toml");
        let text = format!(
            "[database]\nurl = \"{database}\"\n[server]\nrate_limit_per_minute = 0\naddress_limit_per_minute = 0\n\
             [log]\nlevel = \"warn\"\n"
        );
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        let mut command = Command::new(&self.path);
        command.arg("--config").arg(file).env_remove("DATABASE_URL").env_remove("RUST_LOG");
        Ok(command)
    }
}

/// The commit of a working tree, with `+` if files have been changed since.
fn commit(tree: &Path) -> Result<String> {
    let git = |arguments: &[&str]| run(Command::new("git").arg("-C").arg(tree).args(arguments));
    let changed = if git(&["status", "--porcelain"])?.is_empty() { "" } else { "+" };
    Ok(format!("{}{changed}", git(&["rev-parse", "--short", "HEAD"])?.trim()))
}

impl Server {
    /// Starts the floor's server on a database: this same binary under another command.
    pub fn floor(database: &str) -> Result<Self> {
        Self::start(|_, address| {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["floor-server", "--url", database, "--listen", &address.to_string()]);
            Ok(command)
        })
    }

    fn start(command: impl FnOnce(&Path, SocketAddr) -> Result<Command>) -> Result<Self> {
        let folder = TempDir::with_prefix("perennial-bench-")?;
        // Free a moment ago is free enough on a machine of one's own.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let log = fs::File::create(folder.path().join("server.log"))?;
        let mut command = command(folder.path(), address)?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        let mut server = Self { address, child: child.with_context(|| format!("cannot run {command:?}"))?, folder };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended ({status}): {}", server.log());
            }
            ensure!(begun.elapsed() < PATIENCE, "the server does not answer: {}", server.log());
            sleep(LOOK_EVERY);
        }
        Ok(server)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        run(Command::new("kill").args(["-TERM", &self.pid().to_string()]))?;
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server failed ({status}): {}", self.log());
                return Ok(());
            }
            ensure!(begun.elapsed() < PATIENCE, "the server does not stop: {}", self.log());
            sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is gone already unless something went wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! Exit codes, which scripts may rely on.

use std::io::{self, Write};
use std::process::ExitCode;

use perennial_app::AppError;
use perennial_store::StoreError;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: everything that was asked for is done.
    Done,
    /// 1: it failed; nothing, or nothing more, was done.
    Failed,
    /// 2: the command line or the configuration cannot be used (clap uses 2 as well).
    Usage,
    /// 3: it ran to its end, but not everything is well: a service was refused, `doctor` found a problem.
    Incomplete,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Incomplete => 3,
        })
    }
}

/// A mistake in how the program was called or configured; it ends with [`Exit::Usage`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// Tells a person what went wrong, and how the program ends.
pub fn report(error: &anyhow::Error) -> Exit {
    // Standard error may be closed; there is nobody left to tell.
    let _ = writeln!(io::stderr(), "error: {error:#}");
    let is_usage = error.downcast_ref::<UsageError>().is_some()
        || matches!(error.downcast_ref::<AppError>(), Some(AppError::Invalid(_)))
        || matches!(error.downcast_ref::<StoreError>(), Some(StoreError::Address(_)));
    if is_usage { Exit::Usage } else { Exit::Failed }
}

/// Whether the reader of the output went away, as `head` does: no error.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe))
}

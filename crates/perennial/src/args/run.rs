//! Arguments of what renews and looks ahead: `run`, `preview`, `simulate`.

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;

use super::FormatArgs;

/// Runs that are listed at most.
const MAX_RUNS_LISTED: i64 = 1_000;
/// Services that a run did not renew and that are listed at most.
const MAX_PROBLEMS_LISTED: i64 = 1_000_000;

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(subcommand)]
    pub command: Option<RunCommand>,
    /// Renew what falls due through this day; otherwise through today
    #[arg(long, value_name = "DATE")]
    pub until: Option<Date>,
    /// Show the report of a run now, from the same code, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub format: FormatArgs,
}

#[derive(Debug, Subcommand)]
pub enum RunCommand {
    /// List runs, newest first
    List {
        /// How many at most
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=MAX_RUNS_LISTED))]
        limit: i64,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show what a run has done, and why it did not renew what it did not
    Show {
        /// The run's id, from `perennial run list`
        #[arg(value_name = "RUN_ID")]
        run: String,
        /// How many services that were not renewed are listed at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(0..=MAX_PROBLEMS_LISTED))]
        problems: i64,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, Args)]
pub struct PreviewArgs {
    #[command(flatten)]
    pub of: PreviewTarget,
    /// Everything through this day, at most 36 months ahead
    #[arg(long, value_name = "DATE")]
    pub on: Option<Date>,
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Of whom or what; exactly one.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct PreviewTarget {
    /// All services of this customer, as they are invoiced together
    #[arg(long, value_name = "ID")]
    pub customer: Option<String>,
    /// This service by itself
    #[arg(long, value_name = "ACCOUNT_ID")]
    pub service: Option<String>,
}

/// How a simulation is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SimulationFormat {
    /// For people
    Table,
    /// For programs
    Json,
    /// For spreadsheets
    Csv,
    /// A chart, to be saved as a file and looked at in a browser
    Svg,
}

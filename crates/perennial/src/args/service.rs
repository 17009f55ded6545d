//! Arguments of `service`.

use clap::{Subcommand, ValueEnum};
use jiff::civil::Date;

use super::FormatArgs;

#[derive(Debug, Subcommand)]
pub enum ServiceCommand {
    /// Show a service: its dates, its auto-renew, its cancellation
    Show {
        /// The service (the v1 API's accountId)
        #[arg(value_name = "ACCOUNT_ID")]
        service: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Switch whether the run renews a service
    AutoRenew {
        /// The service (the v1 API's accountId)
        #[arg(value_name = "ACCOUNT_ID")]
        service: String,
        /// on or off
        #[arg(value_enum)]
        switch: Switch,
    },
    /// Cancel a service, at the end of what is billed or at once
    Cancel {
        /// The service (the v1 API's accountId)
        #[arg(value_name = "ACCOUNT_ID")]
        service: String,
        /// At once, and not at the end of what is billed
        #[arg(long)]
        immediately: bool,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Set at which price a service is renewed
    #[command(after_help = "Examples: perennial service price 20000 own 79.00 --until 2027-12-31\n          \
        perennial service price 20000 keep\n          perennial service price 20000 follow")]
    Price {
        /// The service (the v1 API's accountId)
        #[arg(value_name = "ACCOUNT_ID")]
        service: String,
        #[command(subcommand)]
        rule: PriceRuleCommand,
    },
    /// Take a cancellation back while it is pending
    Keep {
        /// The service (the v1 API's accountId)
        #[arg(value_name = "ACCOUNT_ID")]
        service: String,
    },
}

/// At which price a service is renewed.
#[derive(Debug, Subcommand)]
pub enum PriceRuleCommand {
    /// What its product costs when a period begins: the default
    Follow,
    /// What its product cost when it was sold, whatever it costs later
    Keep {
        /// What it cost on this day instead
        #[arg(long, value_name = "DATE")]
        as_of: Option<Date>,
    },
    /// A price of its own, without VAT, for one and for one period
    Own {
        /// In the customer's currency, such as 79.00
        amount: String,
        /// For periods that begin through this day; later ones cost what the product costs
        #[arg(long, value_name = "DATE")]
        until: Option<Date>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

//! Arguments of `service`.

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
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
        /// Show what is left of what is billed; cancel nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Change the product, the quantity or the cycle of a service in the middle of what is billed
    #[command(
        long_about = "Change the product, the quantity or the cycle of a service in the middle of what is billed. What is left \
        of the billed periods is given back and billed as the service is from now on: if that costs more, the difference is \
        invoiced now and the change holds from today; if it costs less, the change holds from the first day that is not \
        billed. A longer cycle begins its first period today, a shorter one on the first day that is not billed.",
        after_help = "Examples: perennial service change 20000 --product 102 --dry-run\n          \
        perennial service change 20000 --cycle 1y"
    )]
    Change {
        /// The service (the v1 API's accountId)
        #[arg(value_name = "ACCOUNT_ID")]
        service: String,
        #[command(flatten)]
        to: ChangeTo,
        /// Take an unpaid renewal invoice of this service back, rather than refuse
        #[arg(long)]
        take_back_open_invoice: bool,
        /// Show what it comes to; write nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// List what was changed about a service, newest first
    Changes {
        /// The service (the v1 API's accountId)
        #[arg(value_name = "ACCOUNT_ID")]
        service: String,
        #[command(flatten)]
        format: FormatArgs,
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

/// What a service is to become; at least one of them is given.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = true)]
pub struct ChangeTo {
    /// This product, from `perennial product list`
    #[arg(long, value_name = "ID")]
    pub product: Option<String>,
    /// So many
    #[arg(long)]
    pub quantity: Option<String>,
    /// Renewed so often, such as 1m or 1y
    #[arg(long)]
    pub cycle: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum AddonCommand {
    /// List the add-ons of a service
    List {
        /// The service (the v1 API's accountId)
        #[arg(value_name = "ACCOUNT_ID")]
        service: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Sell an add-on; what is billed of its service already is billed for it now, from today on
    #[command(after_help = "Example: perennial addon sell 20000 --product 301 --dry-run")]
    Sell {
        /// The service (the v1 API's accountId)
        #[arg(value_name = "ACCOUNT_ID")]
        service: String,
        /// What, from `perennial product list`
        #[arg(long, value_name = "ID")]
        product: String,
        /// How many
        #[arg(long, default_value = "1")]
        quantity: String,
        /// A cycle of its own, such as 1y; otherwise it is billed for the periods of its service
        #[arg(long)]
        cycle: Option<String>,
        /// A price of its own, without VAT, for one and for one period, in the customer's currency
        #[arg(long, value_name = "AMOUNT")]
        own_price: Option<String>,
        /// Show what it would bill now; write nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// End an add-on: it is not renewed any more
    End {
        /// The add-on, from `perennial addon list`
        #[arg(value_name = "ADDON_ID")]
        addon: String,
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

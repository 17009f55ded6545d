//! Arguments of what is sold, and at which prices: `product` and `price`.

use clap::Subcommand;
use jiff::civil::Date;

use super::FormatArgs;

#[derive(Debug, Subcommand)]
pub enum ProductCommand {
    /// List what is sold
    List(FormatArgs),
}

#[derive(Debug, Subcommand)]
pub enum PriceCommand {
    /// List the prices of the catalogue, past and coming ones too
    List {
        /// Only of this product
        #[arg(long, value_name = "ID")]
        product: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Add a price that is valid from a day on
    #[command(after_help = "Example: perennial price add --product 101 --cycle 1m --amount 89.00 --from 2027-01-01")]
    Add {
        /// Of which product
        #[arg(long, value_name = "ID")]
        product: String,
        /// For which cycle, such as 1m or 1y
        #[arg(long)]
        cycle: String,
        /// Without VAT, for one and for one period
        #[arg(long)]
        amount: String,
        /// In which currency, if not the seller's
        #[arg(long, value_name = "CODE")]
        currency: Option<String>,
        /// The first day it is valid, if not today
        #[arg(long, value_name = "DATE")]
        from: Option<Date>,
        #[command(flatten)]
        format: FormatArgs,
    },
}

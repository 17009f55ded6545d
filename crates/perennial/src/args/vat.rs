//! The arguments of what is about VAT numbers.

use clap::Subcommand;

use super::FormatArgs;

#[derive(Debug, Subcommand)]
pub enum VatCommand {
    /// Ask VIES about a customer's VAT number, or about all that were not checked for a while
    #[command(
        long_about = "Ask VIES, the European Commission's VAT Information Exchange System, about a customer's VAT number, or \
        about all that were not checked for as long as recheck_days in the section vat_checks of perennial.toml says. The \
        answer is kept as evidence, and decides how the customer is taxed from the next invoice on. When VIES is away, \
        nothing changes.",
        after_help = "Exit code 3 if a number is invalid, or if VIES did not answer."
    )]
    Check {
        /// The customer's id
        #[arg(value_name = "CUSTOMER_ID", required_unless_present = "due")]
        customer: Option<String>,
        /// All that are due, the ones that were never checked first
        #[arg(long, conflicts_with = "customer")]
        due: bool,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show the evidence of what VIES said about a customer's VAT numbers, newest first
    History {
        /// The customer's id
        #[arg(value_name = "CUSTOMER_ID")]
        customer: String,
        /// How many checks at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
        #[command(flatten)]
        format: FormatArgs,
    },
}

//! The arguments of what is about mail.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use perennial_app::MAX_MAILS_LISTED;

use super::FormatArgs;

#[derive(Debug, Subcommand)]
pub enum OutboxCommand {
    /// List mails, newest first
    List {
        /// Only those that stand like this
        #[arg(long, value_parser = ["queued", "sent", "failed", "called_off"])]
        state: Option<String>,
        /// Only those with this document
        #[arg(long, value_name = "INVOICE_ID")]
        invoice: Option<String>,
        /// Only those before this one
        #[arg(long, value_name = "MAIL_ID")]
        before: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=MAX_MAILS_LISTED))]
        limit: i64,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show a mail and what became of it, address by address
    Show {
        /// The mail
        #[arg(value_name = "MAIL_ID")]
        mail: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Print a mail as it would be sent now
    Print {
        /// The mail
        #[arg(value_name = "MAIL_ID")]
        mail: String,
        /// What of it
        #[arg(long = "as", value_enum, default_value_t = MailView::Text)]
        view: MailView,
    },
    /// Try mails again, now and for a full round: those that were given up, or wait
    Retry {
        /// The mails
        #[arg(value_name = "MAIL_ID", required_unless_present = "all", conflicts_with = "all")]
        mails: Vec<String>,
        /// All that were given up
        #[arg(long)]
        all: bool,
    },
    /// Call a mail off that waits or was given up
    CallOff {
        /// The mail
        #[arg(value_name = "MAIL_ID")]
        mail: String,
    },
    /// List addresses that refused mail, or from which it came back, in the last ninety days
    Refused {
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=MAX_MAILS_LISTED))]
        limit: i64,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Take in a report of a mail that came back (RFC 3464) from standard input
    #[command(
        long_about = "Take in a report of a mail that came back (RFC 3464) from standard input, and note it with the mail and \
        the address. A mail server can be told to do so by itself: with Postfix, an alias such as \
        bounces: \"|/usr/local/bin/perennial --config /etc/perennial.toml outbox bounce\", and bounces_to in the section mail."
    )]
    Bounce,
}

/// What of a mail is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MailView {
    /// The plain text, with its subject
    Text,
    /// The HTML
    Html,
    /// All of it, as it goes over the wire
    Eml,
}

#[derive(Debug, Subcommand)]
pub enum MailCommand {
    /// Send a mail that says that mail can be sent
    Test {
        /// Where to
        #[arg(value_name = "ADDRESS")]
        address: String,
    },
    /// Print a mail about a sample, as customers would get it
    Sample {
        /// What it is
        #[arg(value_parser = ["invoice", "credit-note", "deposit", "reminder", "price-notice"])]
        kind: String,
        /// In which language
        #[arg(long, default_value = "en", value_parser = ["en", "sv", "de", "da", "nb", "fi", "nl", "fr", "pl"])]
        language: String,
        /// What of it
        #[arg(long = "as", value_enum, default_value_t = SampleView::Text)]
        view: SampleView,
    },
    /// Look at the texts of mails, and write your own
    #[command(
        long_about = "Look at the texts of mails, and write your own. A template is named after the mail (invoice, credit-note, \
        deposit, reminder, price-notice), a language if it is for one only, and the part it is for (subject, txt, html): \
        invoice.html, reminder.sv.txt. The guide on mail says what can be filled in."
    )]
    Template {
        #[command(subcommand)]
        command: TemplateCommand,
    },
}

/// What of a sample is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SampleView {
    /// The plain text, with its subject
    Text,
    /// The HTML
    Html,
}

#[derive(Debug, Subcommand)]
pub enum TemplateCommand {
    /// List the templates that are used
    List {
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Print a template
    Show {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Use a text of your own, after it was tried in each language
    Set {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// The text; `-` is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Go back to the usual text
    Reset {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum ContactCommand {
    /// List who else gets a customer's mails
    List {
        /// The customer
        #[arg(value_name = "CUSTOMER_ID")]
        customer: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Add somebody, or change what they are called
    Add {
        /// The customer
        #[arg(value_name = "CUSTOMER_ID")]
        customer: String,
        /// The address
        #[arg(value_name = "ADDRESS")]
        email: String,
        /// What they are called
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Remove somebody
    Remove {
        /// The customer
        #[arg(value_name = "CUSTOMER_ID")]
        customer: String,
        /// The contact's id
        #[arg(value_name = "CONTACT_ID")]
        contact: String,
    },
}

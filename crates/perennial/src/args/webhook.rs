//! The arguments of what is about webhooks.

use clap::Subcommand;

use super::FormatArgs;

#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// List webhooks, and how much is on its way to each
    List {
        #[command(flatten)]
        format: FormatArgs,
    },
    /// List what can be told
    Events {
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Tell an address what happens from now on; the secret that messages are signed with is shown once
    #[command(
        long_about = "Tell an address what happens from now on, as messages that are signed by the scheme of Standard Webhooks. \
        The secret that they are signed with is shown once. The running server sends them."
    )]
    Add {
        /// Where messages go: https://…, or an address in private_networks in the section webhooks of perennial.toml
        #[arg(value_name = "URL")]
        url: String,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// What it is told, such as invoice.paid,service.renewed; without it, everything
        #[arg(long, value_delimiter = ',', value_name = "EVENT")]
        events: Vec<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Change where messages go, what they tell, and what the webhook is for
    Set {
        /// The webhook's id, from `perennial webhook list`
        #[arg(value_name = "WEBHOOK_ID")]
        webhook: String,
        /// Where messages go
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// What it is told; all is everything
        #[arg(long, value_delimiter = ',', value_name = "EVENT")]
        events: Option<Vec<String>>,
    },
    /// Tell a webhook what happens again, from now on
    Enable {
        /// The webhook's id, from `perennial webhook list`
        #[arg(value_name = "WEBHOOK_ID")]
        webhook: String,
    },
    /// Tell a webhook nothing; what is on its way to it is given up
    Disable {
        /// The webhook's id, from `perennial webhook list`
        #[arg(value_name = "WEBHOOK_ID")]
        webhook: String,
    },
    /// Remove a webhook, with what is on its way to it
    Remove {
        /// The webhook's id, from `perennial webhook list`
        #[arg(value_name = "WEBHOOK_ID")]
        webhook: String,
    },
    /// Give a webhook a new secret, which is shown once; messages are signed with the old one too for a while
    Rotate {
        /// The webhook's id, from `perennial webhook list`
        #[arg(value_name = "WEBHOOK_ID")]
        webhook: String,
        /// Hours for which messages are signed with both; 0 ends the old one now
        #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u16).range(..=720))]
        overlap_hours: u16,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Send a webhook.test now, and tell what it was answered with
    #[command(after_help = "Exit code 3 if it was not taken.")]
    Test {
        /// The webhook's id, from `perennial webhook list`
        #[arg(value_name = "WEBHOOK_ID")]
        webhook: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show what was sent to a webhook, newest first
    Deliveries {
        /// The webhook's id, from `perennial webhook list`
        #[arg(value_name = "WEBHOOK_ID")]
        webhook: String,
        /// Only those that stand there: queued, delivered or failed
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// How many at most
        #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Send a webhook again what happened, from a moment on or a single event
    #[command(
        long_about = "Send a webhook again what happened, from a moment on, or a single event: under the same ids as the first \
        time, so that a receiver knows what it has. The running server sends it."
    )]
    Replay {
        /// The webhook's id, from `perennial webhook list`
        #[arg(value_name = "WEBHOOK_ID")]
        webhook: String,
        /// From then on: an instant such as 2026-11-30T12:00:00Z, or a date, which is its beginning in the seller's time zone
        #[arg(long, value_name = "WHEN", required_unless_present = "event", conflicts_with = "event")]
        from: Option<String>,
        /// Only this event, from `perennial webhook deliveries`
        #[arg(long, value_name = "EVENT_ID")]
        event: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Print what happens as it happens, and send it to an address of your own, to develop a receiver
    #[command(
        long_about = "Print what happens as it happens, until Ctrl-C. With --forward-to, send each event there too, signed with a \
        secret that is shown at the beginning, and print what it was answered with: to develop a receiver on this machine, \
        without a webhook. Nothing is tried twice."
    )]
    Listen {
        /// Where to send it: any address, also http://localhost
        #[arg(long, value_name = "URL")]
        forward_to: Option<String>,
        /// Only these events, such as invoice.paid,service.renewed
        #[arg(long, value_delimiter = ',', value_name = "EVENT")]
        events: Vec<String>,
        /// Begin with what happened from then on: an instant or a date; without it, with what happens now
        #[arg(long, value_name = "WHEN")]
        from: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
}

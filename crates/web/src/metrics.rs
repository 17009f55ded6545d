//! `/metrics`: what the program has counted, as Prometheus reads it (text format 0.0.4). For keys of staff.

use std::fmt::Write;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use perennial_app::{FEED_TIME_CLASSES_MS, FeedOutcome, FeedReport};
use perennial_store::outbox::MailBacklog;

use schemars::SchemaGenerator;
use serde_json::json;

use crate::ApiError;
use crate::context::Context;
use crate::describe::{Answers, Given, Shape};

/// What the text format calls itself.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What was counted, as text.
#[derive(Debug)]
pub(crate) struct Metrics(String);

impl IntoResponse for Metrics {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, TEXT_FORMAT)], self.0).into_response()
    }
}

impl Answers for Metrics {
    fn describe(shape: &mut Shape, _: &mut SchemaGenerator) {
        let content = vec![("text/plain", json!({"type": "string"}))];
        shape.answers.insert(200, Given { description: "As Prometheus reads it.", content, headers: Vec::new() });
    }
}

/// Everything that is counted.
pub(crate) async fn metrics(context: Context) -> Result<Metrics, ApiError> {
    let mut text = of_feeds(&context.app.feed_reports());
    let backlog = context.app.mail_backlog(None).await?;
    of_mail(
        &mut text,
        &backlog,
        context.app.mailer().is_some_and(|mailer| mailer.trouble().is_some()),
        context.app.clock.now(),
    );
    Ok(Metrics(text))
}

/// Writing to a string cannot fail, hence the results that are let go.
fn of_feeds(feeds: &[FeedReport]) -> String {
    let mut text = String::new();
    head(&mut text, "perennial_feed_prices_total", "counter", "Prices asked of a feed, by how that ended.");
    for feed in feeds {
        for (outcome, count) in FeedOutcome::ALL.iter().zip(feed.outcomes) {
            let (name, outcome) = (&feed.name, outcome.as_str());
            let _ = writeln!(text, "perennial_feed_prices_total{{feed=\"{name}\",outcome=\"{outcome}\"}} {count}");
        }
    }
    head(&mut text, "perennial_feed_known_prices_total", "counter", "Prices that an earlier answer of a feed gave.");
    for feed in feeds {
        for (age, count) in [("good", feed.remembered), ("stale", feed.stale)] {
            let name = &feed.name;
            let _ = writeln!(text, "perennial_feed_known_prices_total{{feed=\"{name}\",age=\"{age}\"}} {count}");
        }
    }
    head(&mut text, "perennial_feed_resting", "gauge", "Whether a feed is left alone because it did not answer.");
    for feed in feeds {
        let _ = writeln!(text, "perennial_feed_resting{{feed=\"{}\"}} {}", feed.name, u8::from(feed.is_resting));
    }
    head(
        &mut text,
        "perennial_feed_seconds",
        "histogram",
        "How long questions to a feed took, their repetitions included.",
    );
    for feed in feeds {
        let name = &feed.name;
        let mut count = 0;
        let classes = FEED_TIME_CLASSES_MS.iter().map(|class| seconds(Duration::from_millis(*class)));
        for (class, more) in classes.chain(["+Inf".to_owned()]).zip(feed.times) {
            count += more;
            let _ = writeln!(text, "perennial_feed_seconds_bucket{{feed=\"{name}\",le=\"{class}\"}} {count}");
        }
        let _ = writeln!(text, "perennial_feed_seconds_sum{{feed=\"{name}\"}} {}", seconds(feed.total));
        let _ = writeln!(text, "perennial_feed_seconds_count{{feed=\"{name}\"}} {count}");
    }
    text
}

/// What waits to be sent, of all sellers.
fn of_mail(text: &mut String, backlog: &MailBacklog, is_resting: bool, now: Timestamp) {
    head(text, "perennial_mails", "gauge", "Mails that wait, by whether they are due, and those that were given up.");
    for (state, count) in [("due", backlog.due), ("later", backlog.later), ("failed", backlog.failed)] {
        let _ = writeln!(text, "perennial_mails{{state=\"{state}\"}} {count}");
    }
    head(text, "perennial_mail_oldest_seconds", "gauge", "For how long the oldest of the mails waits that are due.");
    let oldest = backlog.oldest.map_or(0, |oldest| now.duration_since(oldest).as_secs().max(0));
    let _ = writeln!(text, "perennial_mail_oldest_seconds {oldest}");
    head(
        text,
        "perennial_mail_server_resting",
        "gauge",
        "Whether the mail server is left alone because it cannot be reached.",
    );
    let _ = writeln!(text, "perennial_mail_server_resting {}", u8::from(is_resting));
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// A time in seconds, to the microsecond, without needless zeros.
fn seconds(time: Duration) -> String {
    let text = format!("{}.{:06}", time.as_secs(), time.subsec_micros());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

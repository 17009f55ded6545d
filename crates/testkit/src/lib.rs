//! What tests need: private databases, a movable clock, a price feed that can be made to fail, a provider with a few
//! people in it, a server on a free port, and a client with verbs.

mod cluster;
mod databases;
mod feed;
mod listener;
mod mail_server;
mod provider;
mod receiver;
mod server;
mod verifier;
mod vies;

pub use cluster::{Cluster, run};
pub use databases::{Away, Kind, TestDatabase};
pub use feed::{FeedBehaviour, TestFeed};
pub use mail_server::{Guard, MailServer, QUICK, oracles};
pub use provider::{Provider, TODAY, provider_csv};
pub use receiver::{Received, ReceiverBehaviour, TestReceiver};
pub use reqwest::Client;
pub use server::{Answer, TestServer, client};
pub use verifier::WebhookVerifier;
pub use vies::{TestVies, ViesBehaviour};

/// Runs stories on SQLite and on PostgreSQL: two tests from one text, with the same snapshots.
#[macro_export]
macro_rules! on_both_databases {
    ($(async fn $name:ident($kind:ident) $body:block)*) => {
        mod sqlite {
            $(#[test] fn $name() { $crate::tell(super::$name($crate::Kind::Sqlite)); })*
        }
        mod postgres {
            $(#[test] fn $name() { $crate::tell(super::$name($crate::Kind::Postgres)); })*
        }
        $(async fn $name($kind: $crate::Kind) $body)*
    };
}

/// Runs one story to its end. Its inline snapshots may be asserted by its twin on the other database too.
pub fn tell(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    insta::allow_duplicates! { runtime.expect("a runtime").block_on(story) }
}

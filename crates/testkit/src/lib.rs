//! What tests need: private databases, a movable clock, a price feed that can be made to fail, a provider with a few
//! people in it, a server on a free port, and a client with verbs.

mod databases;
mod feed;
mod provider;
mod server;

pub use databases::{Kind, TestDatabase};
pub use feed::{FeedBehaviour, TestFeed};
pub use provider::{Provider, TODAY};
pub use server::{Answer, TestServer};

/// Runs a story on SQLite and on PostgreSQL: two tests from one text.
#[macro_export]
macro_rules! on_both_databases {
    ($(async fn $name:ident($kind:ident) $body:block)*) => {
        mod sqlite {
            #[allow(unused_imports)]
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name($crate::Kind::Sqlite).await; })*
        }
        mod postgres {
            #[allow(unused_imports)]
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name($crate::Kind::Postgres).await; })*
        }
        $(async fn $name($kind: $crate::Kind) $body)*
    };
}

//! The only crate that knows SQL.
//!
//! A [`Store`] is SQLite or PostgreSQL behind two kinds of handle: a [`Conn`] that reads and a [`Tx`] that writes. Each
//! statement is written once, beside the function that runs it, in the dialect both databases share; what must differ is
//! in `dialect.rs`. Nothing is computed here: calendar, money and tax are done in Rust, rows are moved in bulk.
//!
//! To add a function: put it in the file of its noun, take `&mut Conn` to read or `&mut Tx` to write, write many rows with
//! `Rows`, and add a line to the conformance suite, which runs on both databases.

pub mod addons;
pub mod answers;
pub mod audit;
pub mod brands;
pub mod campaigns;
pub mod cancellations;
pub mod changes;
mod checkpoint;
mod conn;
pub mod contacts;
pub mod coupons;
pub mod credits;
pub mod customers;
pub mod deliveries;
mod dialect;
mod digest;
pub mod doctor;
pub mod documents;
pub mod drafts;
mod error;
pub mod events;
pub mod ids;
pub mod invoices;
mod joint;
pub mod keys;
pub mod ledger;
pub mod mail_templates;
pub mod migrate;
pub mod outbox;
pub mod overdue;
mod parameters;
pub mod payment_links;
pub mod payments;
pub mod prices;
pub mod products;
pub mod renewals;
pub mod reports;
mod rows;
pub mod runs;
pub mod sandbox;
pub mod sellers;
pub mod services;
pub mod settlements;
mod value;
pub mod vat_checks;
pub mod webhook_deliveries;
pub mod webhooks;
mod writer;

pub use conn::{Conn, READER_CONNECTIONS, Store, Tx};
pub use error::{Result, StoreError};

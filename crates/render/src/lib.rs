//! Data in, bytes out: what others read is made here, from plain data and without I/O of its own, clock or randomness.
//!
//! Documents are put on paper ([`pdf`]), written as e-invoices ([`einvoice`]), mailed ([`mail`]) and shown to whoever pays them
//! ([`payment_page`]); all four begin with a [`document::Document`].
//!
//! Of the ledger, a [`Voucher`] is what one event booked on one day; [`Export`] writes vouchers one after the
//! other, with the [`Books`] they are from, as plain-text accounting ([`plain_text`]), as a SIE file ([`sie`]) or as a
//! table ([`csv`]). A [`Chart`] says which account an amount belongs to. Nothing is kept of a voucher that was written, so
//! that the books of a year with millions of them need no more memory than those of a day.
//!
//! To add a format: a file with a function for the beginning and one for a voucher, a [`Format`] and its arms in
//! `journal.rs`, a snapshot of the month in `tests/journal/month.rs`, a strict reader in `tests/journal/readers.rs`, and a
//! program of other people as judge in `tests/journal/judges.rs`.

mod chart;
mod cp437;
mod csv;
pub mod document;
pub mod einvoice;
mod journal;
pub mod mail;
pub mod payment_page;
pub mod pdf;
mod plain;
pub mod qr;
pub mod sample;
mod sie;
pub mod words;

pub use chart::{AccountNumber, Chart, ChartError, ChartKey, ChartProblem};
pub use csv::csv;
pub use journal::{Books, Export, ExportError, Format, Voucher};
pub use plain::plain_text;
pub use sie::sie;

//! The v1 contract, answer by answer: status, headers and body as they are sent, on both databases.
//!
//! The clock stands at 12:00 of 23 November 2026 in Sundsvall and every call has the same request id, so that the
//! snapshots are the very bytes.

mod account;
mod changing;
mod credit;
mod drafts;
mod ending;
mod framework;
mod invoices;
mod lists;
mod mails;
mod papers;
mod payments;
mod pricing;
mod renew;
mod reports;
mod v2;

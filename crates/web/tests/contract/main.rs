//! The v1 contract, answer by answer: status, headers and body as they are sent, on both databases.
//!
//! The clock stands at 12:00 of 23 November 2026 in Sundsvall and every call has the same request id, so that the
//! snapshots are the very bytes.

mod account;
mod audit;
mod changing;
mod credit;
mod customers;
mod docs;
mod drafts;
mod ending;
mod examples;
mod framework;
mod idempotency;
mod invoices;
mod keys;
mod lists;
mod mails;
mod matrix;
mod ordered;
mod papers;
mod payment_link;
mod payments;
mod pricing;
mod products;
mod renew;
mod reports;
mod sellers;
mod services;
mod v1_shapes;
mod v2;
mod webhooks;

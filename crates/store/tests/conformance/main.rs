//! The conformance suite: what the store promises, on SQLite and on PostgreSQL alike.
//!
//! A file per noun, as in `src`, and a file per promise that spans nouns: `frozen` (issued documents never change),
//! `isolation` (sellers do not see each other), `failures` (errors have the same names), `damage` (`doctor` notices
//! what is broken), `transactions` (all or nothing), `schema` (both databases have the same tables). To add a store
//! function, add its story to the file of its noun; `shop` is where the stories play.

mod addons;
mod answers;
mod audit;
mod campaigns;
mod cancellations;
mod changes;
mod contacts;
mod coupons;
mod credits;
mod customers;
mod damage;
mod documents;
mod drafts;
mod events;
mod failures;
mod frozen;
mod ids;
mod invoices;
mod isolation;
mod keys;
mod ledger;
mod migrate;
mod outbox;
mod payment_links;
mod payments;
mod prices;
mod products;
mod renewals;
mod runs;
mod sandbox;
mod schema;
mod sellers;
mod services;
mod settlements;
mod shop;
mod transactions;
mod vat_checks;
mod webhooks;

//! Documents as others get them: e-invoices and PDF, judged by programs of other people.

mod documents;
mod einvoice;
mod judge;
mod paper;

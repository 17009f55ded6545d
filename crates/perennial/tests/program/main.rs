//! The program itself: its commands as a person types them, and what is left when it is killed.

mod commands;
mod crash;
mod fuzz;
mod mail;
mod money;
mod once;
mod rehearsal;
mod run;
mod runs;
mod webhooks;

//! The program itself: its commands as a person types them, and what is left when it is killed.

mod commands;
mod crash;
mod mail;
mod money;
mod rehearsal;
mod run;
mod runs;

//! Tests of the whole: scripts checked, planned and run; messages; keys; the command; the shape of the source.

mod architecture;
mod bad;
mod cli;
mod cluster;
mod docs;
mod editors;
mod expect;
mod generate;
mod keys;
mod laws;
mod lsp;
mod mutate;
mod pages;
mod promises;
mod script;
mod stdlib;
mod suite;

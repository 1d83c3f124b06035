//! Tests of the whole: scripts checked, planned and run; messages; keys; the command; the shape of the source.

mod bad;
mod docs;
mod expect;
mod script;
mod suite;

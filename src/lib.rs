//! cfx: a declarative experiment language and its engine, for studying how networks fit classes.

pub mod api;
pub mod base;
pub mod cli;
pub mod engine;
pub mod lang;
pub mod ops;
pub mod plan;
pub mod report;
pub mod syntax;

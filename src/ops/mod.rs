//! The operations: one kernel for each `extern` of the standard library, by topic.
//!
//! In: jobs. Out: values. Never: the syntax of the language, the store, the report.
//! `density` knows slices and linear algebra and no tensor library; candle stays in `data`, `nn` and `repr`.
pub mod density;

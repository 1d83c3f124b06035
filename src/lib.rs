//! cfx: a declarative experiment language and its engine, for studying how networks fit classes.
//!
#![doc = include_str!("../ARCHITECTURE.md")]
//!
//! # Embedding
//!
//! The pipeline of the command as a library: [`api`]. A script that is in no file, run in a folder of your own:
//!
//! ```
//! use cfx::api::{self, Registry, Source};
//! use cfx::engine::{Options, Store, Value, progress::Silent};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let script = r#"
//! cfx 1
//! experiment "Two digits" { seed: 7 }
//! use std.data { digits }
//! network lines { flatten -> linear(classes) }
//! axis run = 0..2
//! dataset data = digits()
//! model m = train(lines, data.train, seed: run) { epochs: 1, batch: 64, rate: 0.1 }
//! analysis test = accuracy(m, data.test)
//! claim "Better than chance" = all(test > 10%)
//! "#;
//! let source = Source::text("two digits", script.trim_start(), folder.path());
//! let registry = Registry::standard();
//!
//! // Text to typed script: every mistake in one go, each with a code, places and help.
//! let checked = api::check(&source, &registry);
//! assert!(!checked.diags.has_errors());
//! assert!(api::types(&checked.script).contains(&("test".into(), "number over run(2) = 2 cells".into())));
//!
//! // Typed script to cells, with keys and estimates; headers and labels of files are read here.
//! let graph = api::plan(&source, &checked, &registry).map_err(|d| format!("{d:?}"))?;
//!
//! // Cells to results, in a store that later runs share.
//! let store = Store::open(&folder.path().join("store"))?;
//! let mut options = Options::new(folder.path());
//! options.files = source.files();
//! let outcome = api::run(&graph, &registry, &store, &options, &Silent)?;
//!
//! // Reading results: by declaration, one entry for each combination of coordinates.
//! let results = api::results(&graph, &registry, &store, &source, &outcome);
//! let test = graph.values.iter().find(|v| v.name == "test").ok_or("no such value")?;
//! for entry in &test.entries {
//!     match results.entry(entry) {
//!         Ok(Value::Number(n)) => assert!(n.value > 0.1 && n.error.is_some()),
//!         other => panic!("not a number: {other:?}"),
//!     }
//! }
//! assert!(api::claims(&graph, &results).iter().all(|c| c.holds()));
//!
//! // The files for people: report, manifest, figures, tables, arrays.
//! let files = api::write(&source, &checked, &graph, &outcome, &results, &folder.path().join("results"))?;
//! assert!(files.iter().any(|f| f.ends_with("report.html")));
//! # Ok(())
//! # }
//! ```

pub mod api;
pub mod base;
pub mod cli;
pub mod cluster;
pub mod editor;
pub mod engine;
pub mod lang;
pub mod ops;
pub mod plan;
pub mod report;
pub mod syntax;

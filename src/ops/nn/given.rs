//! Numbers as settings give them, and the ranges that they must lie in.

use crate::engine::Failure;
use crate::lang::settings::Setting;
use crate::lang::{Settings, Static};
use crate::plan::facts::Problem;
use crate::settings;

/// The most epochs of a training run: a history of more would be no axis.
pub const EPOCHS: usize = 1_000_000;
/// The most examples that pass through a network at a time.
pub const BATCH: usize = 1 << 24;
/// The most draws, orders, steps or repetitions of one cell.
pub const REPEATS: usize = 1_000_000_000;

/// A number as it is given; NaN where it is none (`none`, or a size that only data tell).
#[derive(Clone, Copy, Debug)]
pub struct Given(pub f64);

impl Setting for Given {
    fn read(value: &Static) -> Option<Self> {
        match value {
            Static::Number(x) => Some(Given(*x)),
            Static::None | Static::Affine { .. } => Some(Given(f64::NAN)),
            _ => None,
        }
    }
}

impl Given {
    /// Returns a whole number from `least` to `most`.
    ///
    /// Errors: it is none, or lies outside; `what` says what it counts.
    pub fn whole(self, name: &'static str, least: usize, most: usize, what: &str) -> Result<usize, Problem> {
        let Given(x) = self;
        if x.fract() == 0.0 && x >= least as f64 && x <= most as f64 {
            return Ok(x as usize);
        }
        let message = if x.is_nan() { format!("`{name}` is not a number") } else { format!("`{name}` is {}", plain(x)) };
        let range = match most == u32::MAX as usize {
            true => format!("a whole number from {least} on"),
            false => format!("a whole number from {least} to {most}"),
        };
        Err(out_of_range(name, message, format!("{what}: {range}")))
    }

    /// Returns the number where `holds` says so.
    ///
    /// Errors: it does not; `what` says what it should be.
    pub fn held(self, name: &'static str, holds: impl Fn(f64) -> bool, what: &str) -> Result<f64, Problem> {
        let Given(x) = self;
        if holds(x) {
            return Ok(x);
        }
        let message = if x.is_nan() { format!("`{name}` is not a number") } else { format!("`{name}` is {}", plain(x)) };
        Err(out_of_range(name, message, what.to_string()))
    }
}

/// Returns the constructor that a setting names with its fields, nothing of `none`.
///
/// Errors: it is something else, in a sentence.
pub fn constructor(setting: &Static) -> Result<Option<(&str, Settings)>, String> {
    match setting {
        Static::None => Ok(None),
        other => other.make().map(Some).ok_or_else(|| format!("{} is none of those that it may be", other.to_json())),
    }
}

/// Returns the elements of a list; a single value stands for a list of one, `none` for an empty one.
pub fn elements(setting: &Static) -> &[Static] {
    match setting {
        Static::List(items) => items,
        Static::None => &[],
        one => std::slice::from_ref(one),
    }
}

/// Returns a number as one would write it: without a fraction where it has none.
fn plain(x: f64) -> String {
    if x.abs() >= 1e15 { format!("{x:e}") } else { x.to_string() }
}

fn out_of_range(name: &'static str, message: String, help: String) -> Problem {
    Problem { code: "cfx::probe::setting", parameter: Some(name), message, help: Some(help) }
}

settings! {
    /// What names a coordinate.
    struct Coordinate("at") { name: String }
}

/// The name of the tap that a cell is about: where the signature adds an axis of taps, a coordinate; else a word.
#[derive(Clone, Debug)]
pub struct TapName(pub String);

impl Setting for TapName {
    fn read(value: &Static) -> Option<Self> {
        match value {
            Static::Make(_, fields) => Some(TapName(Coordinate::read(&Settings(fields.clone())).name)),
            other => other.word().map(|w| TapName(w.to_string())),
        }
    }
}

/// Returns the failure of a cell for a problem that could not be told before the run.
pub fn failed(problem: Problem) -> Failure {
    Failure::Failed { message: problem.message, help: problem.help }
}

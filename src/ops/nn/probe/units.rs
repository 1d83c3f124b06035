//! Rank correlation of two columns over units: does importance go with selectivity, or with mutual information?

use super::common::problem;
use crate::base::statistics;
use crate::engine::kernel::mismatch;
use crate::engine::value::{Number, Table};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::lang::suggest::nearest_or_list;
use crate::plan::facts::{Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;
use crate::settings;
use std::sync::Arc;

/// The kernel of `unit_correlation`.
pub struct UnitCorrelation;

settings! {
    /// The settings of `unit_correlation`.
    struct CorrelationSettings("unit_correlation") { x: String, y: String }
}

impl Planned for UnitCorrelation {
    /// 2: sums are compensated.
    fn version(&self) -> u32 {
        2
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let given = CorrelationSettings::read(settings);
        for (slot, parameter, name) in [("a", "x", &given.x), ("b", "y", &given.y)] {
            let Some(table) = known(inputs, slot) else { continue };
            let Some(columns) = &table.columns else { continue };
            let names: Vec<&str> = columns.iter().map(String::as_str).collect();
            if !names.contains(&"unit") {
                let help = "give tables with a row for each unit: `ablate_each`, `class_selectivity`, `mutual_information`";
                return Err(problem(slot, "the table has no column `unit`".to_string(), help));
            }
            if !names.contains(&name.as_str()) {
                return Err(problem(parameter, format!("the table has no column `{name}`"), &nearest_or_list(name, &names)));
            }
            if table.texts.contains(name) {
                let numbers: Vec<&str> = names.into_iter().filter(|n| !table.texts.iter().any(|t| t == n)).collect();
                let help = format!("numbers stand in {}", numbers.join(", "));
                return Err(problem(parameter, format!("the column `{name}` holds words, not numbers"), &help));
            }
        }
        Ok(Facts::default())
    }
}

impl Kernel for UnitCorrelation {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let table = |slot: &str| match job.input(slot) {
            Some(Value::Table(t)) => Ok(t.clone()),
            other => Err(mismatch(slot, "table", other)),
        };
        let (a, b): (Arc<Table>, Arc<Table>) = (table("a")?, table("b")?);
        let given = CorrelationSettings::read(&job.settings);
        let (x, y) = (column(&a, &given.x)?, column(&b, &given.y)?);
        let (left, right) = (column(&a, "unit")?, column(&b, "unit")?);
        let mut pairs = Vec::new();
        for (unit, x) in left.iter().zip(x) {
            let found = right.iter().position(|u| u == unit).map(|i| y[i]);
            pairs.extend(found.map(|y| (*x, y)).filter(|(x, y)| !x.is_nan() && !y.is_nan()));
        }
        spearman(&pairs).map(Value::Number)
    }
}

fn column<'a>(table: &'a Table, name: &str) -> Result<&'a [f64], Failure> {
    table.numbers(name).ok_or_else(|| {
        let names: Vec<&str> = table.columns.iter().map(|c| c.0.as_str()).collect();
        Failure::new(format!("the table has no column of numbers `{name}`")).help(format!("its columns are {}", names.join(", ")))
    })
}

/// Returns Spearman's rank correlation, ties sharing the mean of their ranks, with the standard error (1 - r^2) sqrt((1 + r^2 / 2) / (n - 3))
/// from five pairs on (Bonett & Wright 2000).
///
/// Errors: a side is constant, or there are fewer than three pairs (absent).
pub fn spearman(pairs: &[(f64, f64)]) -> Result<Number, Failure> {
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let r = statistics::spearman(&a, &b)
        .filter(|_| pairs.len() >= 3)
        .ok_or_else(|| Failure::Absent(format!("no rank correlation over {} units, or one side is constant", pairs.len())))?;
    Ok(Number::new(r, statistics::spearman_error(r, pairs.len()), Some(pairs.len() as u64)))
}

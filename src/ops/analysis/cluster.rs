//! Clusters of what is paired with itself: the tree of a matrix of distances, and the groups that it is cut into.

use super::linkage::{Linkage, Tree, tree};
use crate::engine::kernel::{Context, Failure, Job, Kernel, LabelledAxis, mismatch};
use crate::engine::value::{Column, Number, Table, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, Shape};
use crate::plan::files::Files;
use crate::settings;
use std::sync::Arc;

settings! {
    /// Settings of `cluster` and `clusters`.
    struct ClusterSettings("clusters") { groups: usize, linkage: Linkage }
}

settings! {
    /// Settings of `cluster`.
    struct TreeSettings("cluster") { linkage: Linkage }
}

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![("cluster", Box::new(Cluster) as Box<dyn Kernel>), ("clusters", Box::new(Clusters))]
}

/// The tree as tables: merges, and leaves in order.
pub struct Cluster;

/// The group of each coordinate.
pub struct Clusters;

const MERGES: [&str; 5] = ["merge", "first", "second", "height", "size"];
const LEAVES: [&str; 3] = ["place", "index", "name"];

/// A matrix of distances between the coordinates of axes and of those that they are paired with.
struct Matrix {
    /// Row by row, symmetric.
    d: Vec<f64>,
    n: usize,
    /// What each row is called: its coordinates.
    names: Vec<String>,
}

/// Returns the positions of the axes that are paired, and of their partners, in one order.
fn sides(axes: &[LabelledAxis]) -> Option<(Vec<usize>, Vec<usize>)> {
    let own: Vec<usize> = (0..axes.len()).filter(|i| axes[*i].pairs.is_none()).collect();
    let partner = |i: &usize| axes.iter().position(|a| a.pairs.as_ref() == Some(&axes[*i].name));
    let other: Vec<usize> = own.iter().map(partner).collect::<Option<Vec<_>>>()?;
    (!own.is_empty() && own.len() + other.len() == axes.len()).then_some((own, other))
}

const NO_PAIRS: &str = "clusters are made of distances of an axis from itself";
const NO_PAIRS_HELP: &str = "give a measure between: the axis, such as `1 - cka(acts, between: run)`, and name the axis: `run`";

impl Matrix {
    /// Reads the matrix of a job. Where both orders of a pair are there, their mean counts.
    ///
    /// Errors: axes are not paired with themselves; a distance is missing (absent), or below 0.
    fn of(job: &Job) -> Result<Matrix, Failure> {
        let input = job.labelled("x").ok_or_else(|| mismatch("x", "number", None))?;
        let (own, other) = sides(&input.axes).ok_or_else(|| Failure::new(NO_PAIRS).help(NO_PAIRS_HELP))?;
        let lengths = |of: &[usize]| of.iter().map(|a| input.axes[*a].coordinates.len()).collect::<Vec<_>>();
        if own.iter().zip(&other).any(|(a, b)| input.axes[*a].coordinates != input.axes[*b].coordinates) {
            let help = "select the same coordinates of both: `x[run: [0, 1], run_other: [0, 1]]`";
            return Err(Failure::new("an axis and the one that it is paired with have different coordinates").help(help));
        }
        let sizes = lengths(&own);
        let n: usize = sizes.iter().product();
        let place = |at: &[usize], of: &[usize]| of.iter().zip(&sizes).fold(0, |sum, (a, size)| sum * size + at[*a]);
        let mut d: Vec<f64> = vec![f64::NAN; n * n];
        let mut missing = None;
        let mut at = vec![0; input.axes.len()];
        for value in &input.values {
            let (i, j) = (place(&at, &own), place(&at, &other));
            match value {
                Value::Number(x) => d[i * n + j] = x.value,
                Value::Absent(why) if i != j => missing = missing.or(Some(why.clone())),
                _ => {}
            }
            for a in (0..at.len()).rev() {
                at[a] += 1;
                if at[a] < input.axes[a].coordinates.len() {
                    break;
                }
                at[a] = 0;
            }
        }
        let names: Vec<String> = (0..n)
            .map(|i| {
                let mut rest = i;
                let mut parts: Vec<&str> = Vec::new();
                for (a, size) in own.iter().zip(&sizes).rev() {
                    parts.push(&input.axes[*a].coordinates[rest % size]);
                    rest /= size;
                }
                parts.reverse();
                parts.join(", ")
            })
            .collect();
        for i in 0..n {
            d[i * n + i] = 0.0;
            for j in 0..i {
                let both = [d[i * n + j], d[j * n + i]];
                let there: Vec<f64> = both.into_iter().filter(|x| !x.is_nan()).collect();
                if there.is_empty() {
                    let why = missing.unwrap_or_else(|| "it is not a number".to_string());
                    return Err(Failure::Absent(format!("there is no distance of {} from {}: {why}", names[i], names[j])));
                }
                let mean = there.iter().sum::<f64>() / there.len() as f64;
                // Rounding may leave a hair below nothing.
                if mean < -1e-9 {
                    let message = format!("the distance of {} from {} is {mean}, below 0", names[i], names[j]);
                    return Err(Failure::new(message).help("a similarity becomes a distance as `1 - similarity`"));
                }
                d[i * n + j] = mean.max(0.0);
                d[j * n + i] = mean.max(0.0);
            }
        }
        Ok(Matrix { d, n, names })
    }
}

/// Says whether the input is a matrix: axes paired with themselves, and nothing else.
fn square(shapes: &[Shape]) -> Result<(), Problem> {
    let axes = shapes.iter().find(|s| s.slot == "x").map_or(&[][..], |s| s.axes);
    match sides(axes) {
        Some(_) => Ok(()),
        None => Err(Problem {
            code: "cfx::analysis::pairs",
            parameter: Some("x"),
            message: NO_PAIRS.to_string(),
            help: Some(NO_PAIRS_HELP.to_string()),
        }),
    }
}

/// Returns the word of a group.
fn word(group: usize) -> String {
    format!("cluster{}", group + 1)
}

fn cost(inputs: &[KnownInput]) -> Cost {
    let values = inputs.iter().find(|(slot, _)| *slot == "x").map_or(0, |(_, f)| f.len()) as f64;
    Cost { seconds: 1e-4 + 2e-7 * values, memory: 100.0 * values, disk: 500.0 + 60.0 * values.sqrt() }
}

impl Planned for Cluster {
    fn fits(&self, _settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        square(shapes)
    }

    fn facts(&self, _settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let named = |name: &str, columns: &[&str]| (name.to_string(), columns.iter().map(|c| c.to_string()).collect());
        Ok(Facts { tables: vec![named("merges", &MERGES), named("leaves", &LEAVES)], ..Facts::default() })
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        cost(inputs)
    }
}

/// Returns Pearson's correlation; `None` if a side is the same throughout.
fn correlation(x: &[f64], y: &[f64]) -> Option<f64> {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (mx, my) = (mean(x), mean(y));
    let sum = |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(y).map(|(a, b)| f(a - mx, b - my)).sum::<f64>();
    let (xy, xx, yy) = (sum(&|a, b| a * b), sum(&|a, _| a * a), sum(&|_, b| b * b));
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

impl Kernel for Cluster {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let Matrix { d, n, names } = Matrix::of(job)?;
        if n < 2 {
            return Err(Failure::Absent("one alone makes no clusters".to_string()));
        }
        let distances: Vec<f64> = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).map(|(i, j)| d[i * n + j]).collect();
        let tree: Tree = tree(d, n, TreeSettings::read(&job.settings).linkage);
        let order = tree.order();
        let numbers = |f: &dyn Fn(usize) -> f64| Column::Numbers((0..tree.merges.len()).map(f).collect());
        let m = |i: usize| &tree.merges[i];
        let merges = [
            numbers(&|i| (n + i) as f64),
            numbers(&|i| m(i).clusters.0 as f64),
            numbers(&|i| m(i).clusters.1 as f64),
            numbers(&|i| m(i).height),
            numbers(&|i| m(i).size as f64),
        ];
        let leaves = [
            Column::Numbers((0..n).map(|i| i as f64).collect()),
            Column::Numbers(order.iter().map(|i| *i as f64).collect()),
            Column::Texts(order.iter().map(|i| names[*i].clone()).collect()),
        ];
        let table = |names: &[&str], columns: Vec<Column>| {
            let columns = names.iter().map(|n| n.to_string()).zip(columns).collect();
            Value::Table(Arc::new(Table { columns }))
        };
        let faithful = match correlation(&distances, &tree.cophenetic()) {
            Some(r) => Value::Number(Number { count: Some(distances.len() as u64), ..Number::exact(r) }),
            None => Value::Absent("all distances, or all heights, are equal".to_string()),
        };
        Ok(Value::Record(vec![
            ("merges".to_string(), table(&MERGES, merges.into())),
            ("leaves".to_string(), table(&LEAVES, leaves.into())),
            ("cophenetic".to_string(), faithful),
        ]))
    }
}

impl Planned for Clusters {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        square(shapes)?;
        let groups = ClusterSettings::read(settings).groups;
        let axes = shapes.iter().find(|s| s.slot == "x").map_or(&[][..], |s| s.axes);
        let known = axes.iter().all(|a| a.coordinates != ["?"]);
        let n: usize = axes.iter().filter(|a| a.pairs.is_none()).map(|a| a.coordinates.len()).product();
        if groups == 0 || known && groups > n {
            return Err(Problem {
                code: "cfx::analysis::setting",
                parameter: Some("groups"),
                message: format!("{n} cannot be cut into {groups} groups"),
                help: Some(format!("write a number from 1 to {n}")),
            });
        }
        Ok(())
    }

    fn facts(&self, settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let groups = ClusterSettings::read(settings).groups.min(10_000);
        Ok(Facts { words: Some((0..groups).map(word).collect()), ..Facts::default() })
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        Cost { disk: 0.0, ..cost(inputs) }
    }
}

impl Kernel for Clusters {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let settings = ClusterSettings::read(&job.settings);
        let Matrix { d, n, .. } = Matrix::of(job)?;
        if settings.groups == 0 || settings.groups > n {
            return Err(Failure::new(format!("{n} cannot be cut into {} groups", settings.groups)));
        }
        let groups = tree(d, n, settings.linkage).groups(settings.groups);
        Ok(Value::List(groups.into_iter().map(|g| Value::Word(word(g))).collect()))
    }
}

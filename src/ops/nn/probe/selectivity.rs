//! Class selectivity (Morcos et al. 2018): how much more a unit answers to its preferred class than to the others.

use super::common::columns;
use crate::engine::value::{Column, Table};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::nn::cost;
use crate::ops::nn::evaluate::fits;
use crate::ops::nn::given::TapName;
use crate::ops::nn::pass::{self, Made};
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::suits::{self, Labels};
use crate::ops::nn::tap::{self, Pool, Take};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Share, known};
use crate::plan::files::Files;
use crate::settings;
use ndarray::Array2;
use std::sync::Arc;

/// The kernel of `class_selectivity`.
pub struct ClassSelectivity;

impl Planned for ClassSelectivity {
    fn version(&self) -> u32 {
        2
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        suits::fits(inputs, "net", "data", Labels::One)?;
        suits::tap(inputs, "net", &SelectivitySettings::read(settings).at.0)?;
        let sizes = known(inputs, "data").and_then(|d| d.class_sizes.as_ref());
        if sizes.is_some_and(|s| s.iter().filter(|n| **n > 0).count() < 2) {
            let message = "selectivity takes examples of at least two classes".to_string();
            return Err(suits::unfit("data", message, "give data of several classes"));
        }
        Ok(columns(&COLUMNS))
    }

    fn on_device(&self, _settings: &Settings, inputs: &[KnownInput]) -> f64 {
        cost::on_device(inputs, Purpose::Evaluation, None)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let at = SelectivitySettings::read(settings).at.0;
        let rows = cost::rows(inputs, "data") as f64;
        let shape = tap::shape(inputs, &at);
        let units = shape.and_then(|s| s.last()).copied().unwrap_or(64) as f64;
        let numbers = shape.map_or(0, |s| s.iter().product::<usize>()) as f64;
        let seconds = 1e-3 + tap::seconds(inputs, &at) + rows * (numbers * 2e-9 + units * 2e-9);
        Cost { seconds, memory: cost::pass_bytes(inputs) + 16.0 * rows * units, disk: 200.0 + 48.0 * units }
    }

    fn share(&self, settings: &Settings, inputs: &[KnownInput]) -> Option<Share> {
        tap::shared(inputs, &SelectivitySettings::read(settings).at.0)
    }
}

settings! {
    /// The settings of `class_selectivity`.
    struct SelectivitySettings("class_selectivity") { at: TapName }
}

/// Columns of the table.
const COLUMNS: [&str; 5] = ["unit", "selectivity", "class", "highest", "others"];

/// Returns the reader of a job of `class_selectivity`.
pub fn of(job: &Job) -> Made {
    let (model, data) = (job.model("net")?, job.dataset("data")?.clone());
    fits(&model.net, &data, Labels::One)?;
    tap::reader(model, &data.clone(), &SelectivitySettings::read(&job.settings).at.0, Take::Pooled(Pool::Mean), move |x| {
        let all = selectivities(&x, &data.labels);
        if all.is_empty() {
            return Err(Failure::Absent("selectivity takes examples of at least two classes".to_string()));
        }
        let named = |c: usize| data.classes().get(c).cloned().unwrap_or_else(|| c.to_string());
        let name = |c: Option<usize>| c.map(named).unwrap_or_default();
        let column = |f: &dyn Fn(&Selectivity) -> f64| Column::Numbers(all.iter().map(f).collect());
        Ok(Value::Table(Arc::new(Table {
            columns: vec![
                (COLUMNS[0].into(), Column::Numbers((0..all.len()).map(|u| u as f64).collect())),
                (COLUMNS[1].into(), column(&|s| s.value)),
                (COLUMNS[2].into(), Column::Texts(all.iter().map(|s| name(s.class)).collect())),
                (COLUMNS[3].into(), column(&|s| s.highest)),
                (COLUMNS[4].into(), column(&|s| s.others)),
            ],
        })))
    })
}

impl Kernel for ClassSelectivity {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        pass::alone(job, of(job), cx)
    }
}

/// What a unit does for classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selectivity {
    /// (highest - others) / (highest + others); NaN where a class mean is negative or all are 0.
    pub value: f64,
    /// The class with the highest mean, the first of equal ones; `None` if all are equal.
    pub class: Option<usize>,
    /// Its mean activity.
    pub highest: f64,
    /// The mean of the mean activities for the other classes.
    pub others: f64,
}

/// Returns the selectivity of each unit (column) of a representation; empty if fewer than two classes have examples.
pub fn selectivities(x: &Array2<f64>, labels: &[u32]) -> Vec<Selectivity> {
    let classes = labels.iter().max().map_or(0, |m| *m as usize + 1);
    let units = x.ncols();
    let mut sums = Array2::<f64>::zeros((classes, units));
    let mut sizes = vec![0f64; classes];
    for (row, label) in x.rows().into_iter().zip(labels) {
        let mut sum = sums.row_mut(*label as usize);
        sum += &row;
        sizes[*label as usize] += 1.0;
    }
    let present: Vec<usize> = (0..classes).filter(|c| sizes[*c] > 0.0).collect();
    if present.len() < 2 {
        return Vec::new();
    }
    let one = |u: usize| {
        let means: Vec<f64> = present.iter().map(|c| sums[[*c, u]] / sizes[*c]).collect();
        let best = (1..means.len()).fold(0, |b, i| if means[i] > means[b] { i } else { b });
        let highest = means[best];
        let rest = means.iter().enumerate().filter(|(i, _)| *i != best).map(|(_, m)| m).sum::<f64>();
        let others = rest / (means.len() - 1) as f64;
        let defined = means.iter().all(|m| *m >= 0.0) && highest + others > 0.0;
        let value = if defined { (highest - others) / (highest + others) } else { f64::NAN };
        // All classes the same, as for a silent unit: none is preferred.
        let class = means.iter().any(|m| *m != highest).then(|| present[best]);
        Selectivity { value, class, highest, others }
    };
    (0..units).map(one).collect()
}

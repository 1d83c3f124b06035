//! Class selectivity (Morcos et al. 2018): how much more a unit answers to its preferred class than to the others.

use super::passes;
use crate::engine::value::{Column, Table};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::nn::evaluate::fits_one;
use crate::ops::nn::tap::{Pool, responses, tap_name};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
use ndarray::Array2;
use std::sync::Arc;

/// The kernel of `class_selectivity`.
pub struct ClassSelectivity;

impl Planned for ClassSelectivity {
    fn facts(&self, _settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(Facts::default())
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        passes(inputs, "data", 1.0)
    }
}

impl Kernel for ClassSelectivity {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (model, data) = (job.model("net")?, job.dataset("data")?);
        fits_one(&model.net, data)?;
        let x = responses(model, data, &tap_name(&job.settings), Pool::Mean, cx)?;
        let all = selectivities(&x, &data.labels);
        if all.is_empty() {
            return Err(Failure::Absent("selectivity takes examples of at least two classes".to_string()));
        }
        let name = |c: usize| data.classes().get(c).cloned().unwrap_or_else(|| c.to_string());
        let column = |f: &dyn Fn(&Selectivity) -> f64| Column::Numbers(all.iter().map(f).collect());
        Ok(Value::Table(Arc::new(Table {
            columns: vec![
                ("unit".into(), Column::Numbers((0..all.len()).map(|u| u as f64).collect())),
                ("selectivity".into(), column(&|s| s.value)),
                ("class".into(), Column::Texts(all.iter().map(|s| name(s.class)).collect())),
                ("highest".into(), column(&|s| s.highest)),
                ("others".into(), column(&|s| s.others)),
            ],
        })))
    }
}

/// What a unit does for classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selectivity {
    /// (highest - others) / (highest + others); NaN where a class mean is negative or all are 0.
    pub value: f64,
    /// The class with the highest mean, the first of equal ones.
    pub class: usize,
    /// Its mean activity.
    pub highest: f64,
    /// The mean of the mean activities for the other classes.
    pub others: f64,
}

/// Returns the selectivity of each unit (column) of a representation; nothing where fewer than two classes have examples.
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
        Selectivity { value, class: present[best], highest, others }
    };
    (0..units).map(one).collect()
}

//! Numbers made from numbers: reductions, arithmetic, comparisons, groups, correlations, resampling, tables.
//!
//! In: numbers, truth values, words and scores (one number per example), single or over axes taken in whole.
//! Out: the same kinds, with standard errors and counts, and plain tables. Absent entries and NaN are skipped and the number of
//! values used is told; scores meet example by example, by id.
//! Never: data sets' pixels, models, representations, densities, files.

mod align;
mod arithmetic;
mod best;
mod calibrate;
mod cluster;
mod compare;
mod correlate;
mod curves;
mod drawn;
mod gather;
mod groups;
mod influence;
mod judge;
mod linkage;
mod loaded;
mod own_class;
mod pairs;
mod parts;
mod quantify;
mod redraw;
mod reduce;
mod refuse;
mod resample;
mod sample;
mod settings;
mod sources;
mod standing;
mod tabulate;
mod variance;
mod words;
mod write;

#[cfg(test)]
mod tests;

pub use align::{Aligned, align};
pub use sample::{Sample, Statistic};
pub use write::number as write_number;

use crate::engine::Kernel;

/// Returns the kernels of the topic by name, one for each `extern` of `stdlib/analysis.cfx`.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    let mut all = Vec::new();
    all.extend(reduce::kernels());
    all.extend(arithmetic::kernels());
    all.extend(compare::kernels());
    all.extend(quantify::kernels());
    all.extend(parts::kernels());
    all.extend(groups::kernels());
    all.extend(own_class::kernels());
    all.extend(best::kernels());
    all.extend(judge::kernels());
    all.extend(calibrate::kernels());
    all.extend(correlate::kernels());
    all.extend(curves::kernels());
    all.extend(resample::kernels());
    all.extend(tabulate::kernels());
    all.extend(cluster::kernels());
    all
}

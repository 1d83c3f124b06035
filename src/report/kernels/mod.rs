//! The kernels of `stdlib/figures.cfx`: from labelled arrays to figures.
//!
//! In: jobs whose inputs are gathered over all their axes. Out: figures with captions and the numbers drawn.
//! Never: reading the store, random numbers.

mod aligned;
mod bars;
mod check;
mod cube;
mod curves;
mod distribution;
mod facets;
mod field;
mod fit;
mod frame;
mod groups;
mod heatmap;
mod images;
mod inks;
mod layout;
mod named;
mod pool;
mod powers;
mod present;
mod problems;
mod profile;
mod references;
mod reshape;
mod scatter;
mod series;
mod sheet;
mod summary;
#[cfg(test)]
mod tests;
mod tree;

use crate::engine::kernel::Kernel;
pub use named::Doubted;

/// Returns the kernels of the figures by name.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![
        ("profile", Box::new(profile::Profile)),
        ("scatter", Box::new(scatter::Scatter)),
        ("curves", Box::new(curves::Curves { input: "data", stacked: false })),
        ("bands", Box::new(curves::Curves { input: "y", stacked: true })),
        ("bars", Box::new(bars::Bars)),
        ("distribution", Box::new(distribution::Distribution)),
        ("images", Box::new(images::Images)),
        ("heatmap", Box::new(heatmap::Heatmap)),
    ]
}

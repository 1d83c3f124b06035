//! Logarithmic axes and colours of figures whose numbers are not places: bars from a power of ten, what has no logarithm.

use super::cube::Cube;
use super::frame::Frame;
use super::named::{Scaling, Show};
use super::sheet::not_positive;
use crate::engine::kernel::Failure;
use crate::report::figure::Scale;

/// Returns whether the script wants a logarithmic vertical axis.
pub fn upright(frame: &Frame) -> bool {
    frame.y.scale == Scaling::Log
}

/// Returns the failure of a logarithmic figure without a positive number: absent.
pub fn none(what: &str) -> Failure {
    Failure::Absent(format!("nothing to draw: no positive number for {what}"))
}

/// Returns the scale of bars from the power of ten below the lowest. Ends of error bars are held down to a tenth of the lowest bar.
///
/// Errors: no bar is positive (absent).
pub fn of_bars(heads: &[f64], ends: impl IntoIterator<Item = f64>) -> Result<Scale, Failure> {
    let low = heads.iter().copied().filter(|v| *v > 0.0 && v.is_finite()).fold(f64::INFINITY, f64::min);
    if !low.is_finite() {
        return Err(none("a logarithmic axis"));
    }
    let held = ends.into_iter().filter(|v| *v >= 0.1 * low);
    Ok(Scale::from_decade(heads.iter().copied().chain(held)))
}

/// Returns the scale of the bars of a panel of series.
///
/// Errors: no bar is positive (absent).
pub fn of_series(cube: &Cube, panel: usize, show: Show, references: Vec<f64>) -> Result<Scale, Failure> {
    let spreads: Vec<_> = summaries(cube, panel).map(|s| cube.spread(panel, s, show)).collect();
    let heads: Vec<f64> = spreads.iter().map(|s| s.center).collect();
    of_bars(&heads, spreads.iter().flat_map(|s| [s.low, s.high]).chain(references))
}

/// Returns what the caption of bars on a logarithmic axis says.
pub fn of_series_words(cube: &Cube, show: Show) -> Vec<String> {
    let all = (0..cube.panels.len()).flat_map(|p| summaries(cube, p).map(move |s| cube.spread(p, s, show).center));
    words(all.filter(|c| *c <= 0.0).count(), "values")
}

/// Returns what a caption says of a logarithmic vertical axis.
pub fn words(lost: usize, what: &str) -> Vec<String> {
    std::iter::once("The vertical axis is logarithmic.".to_string()).chain(not_positive(lost, what)).collect()
}

fn summaries(cube: &Cube, panel: usize) -> impl Iterator<Item = &super::summary::Summary> {
    cube.series.iter().filter(move |(k, _)| k.0 == panel).flat_map(|(_, s)| s.points.iter().map(|p| &p.1))
}

//! Lines and bands that a figure's numbers are seen against: chance, a width that is kept, the ends of a gap.

use super::field::{Field, fields, scalar};
use super::frame::Frame;
use super::problems::{shape, unused};
use crate::engine::kernel::Job;
use crate::plan::facts::{Problem, Shape};
use crate::report::figure::{Color, Key, Legend, Mark, Sign, color};

/// Dashes of lines, one after the other.
const DASHES: [&str; 4] = ["6 4", "2 3", "8 3 2 3", "1 4"];

/// The references of a figure.
#[derive(Default)]
pub struct References {
    lines: Vec<(Side, Field)>,
    bands: Vec<(Side, Vec<Field>)>,
}

/// The axis that a reference is a value of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The horizontal axis: the line is upright.
    X,
    /// The vertical axis: the line lies flat.
    Y,
}

impl References {
    /// Returns the references that a call gives: `x_line`, `y_line`, `x_band`, `y_band`.
    pub fn read(job: &Job, frame: &Frame) -> References {
        let mut out = References::default();
        for (side, line, band) in [(Side::X, "x_line", "x_band"), (Side::Y, "y_line", "y_band")] {
            out.lines.extend(fields(job, line, frame).into_iter().map(|f| (side, f)));
            let ends = fields(job, band, frame);
            if !ends.is_empty() {
                out.bands.push((side, ends));
            }
        }
        out
    }

    /// Returns the numbers of the references on a side, which the axis is to hold.
    pub fn values(&self, of: Side) -> Vec<f64> {
        let lines = self.lines.iter().filter(|(s, _)| *s == of).map(|(_, f)| f);
        let bands = self.bands.iter().filter(|(s, _)| *s == of).flat_map(|(_, f)| f);
        lines.chain(bands).flat_map(|f| f.values.iter().filter_map(scalar)).map(|n| n.value).collect()
    }

    /// Returns what is drawn in a facet, behind the data.
    pub fn marks(&self, facet: &[(&str, &str)]) -> Vec<Mark> {
        let mut out = Vec::new();
        for (i, (side, ends)) in self.bands.iter().enumerate() {
            if let Some((low, high)) = range(ends, facet) {
                out.push(Mark::Stripe { low, high, upright: *side == Side::X, color: shade(i) });
            }
        }
        for (i, (side, field)) in self.lines.iter().enumerate() {
            for v in here(field, facet) {
                out.push(match side {
                    Side::X => Mark::Upright { x: v, color: color::SOFT, dash: DASHES[i % DASHES.len()] },
                    Side::Y => Mark::Rule { y: v, color: color::SOFT, dash: DASHES[i % DASHES.len()] },
                });
            }
        }
        out
    }

    /// Returns what the references are, for the legend.
    pub fn legend(&self) -> Option<Legend> {
        let line = |(i, (_, f)): (usize, &(Side, Field))| Key {
            text: f.label(),
            color: color::SOFT,
            sign: Sign::Dash(DASHES[i % DASHES.len()]),
        };
        let band = |(i, (_, ends)): (usize, &(Side, Vec<Field>))| Key {
            text: ends.iter().map(Field::label).collect::<Vec<_>>().join(" to "),
            color: color::mix(color::WHITE, shade(i), 0.3),
            sign: Sign::Patch,
        };
        let entries: Vec<Key> = self.lines.iter().enumerate().map(line).chain(self.bands.iter().enumerate().map(band)).collect();
        (!entries.is_empty()).then(|| Legend { title: String::new(), entries })
    }
}

fn shade(i: usize) -> Color {
    [color::GREY, color::OKABE_ITO[4], color::OKABE_ITO[5]][i % 3]
}

/// Returns the numbers of a reference in a facet: those that agree with it on the axes that both have.
fn here(field: &Field, facet: &[(&str, &str)]) -> Vec<f64> {
    let agrees = |i: &usize| {
        let at = field.places(*i);
        field.axes.iter().zip(&at).all(|(a, p)| facet.iter().all(|(name, c)| *name != a.name || *c == a.coordinates[*p]))
    };
    (0..field.values.len()).filter(agrees).filter_map(|i| scalar(&field.values[i])).map(|n| n.value).collect()
}

/// Returns the ends of a band; `None` if neither is there.
fn range(ends: &[Field], facet: &[(&str, &str)]) -> Option<(f64, f64)> {
    let all: Vec<f64> = ends.iter().flat_map(|f| here(f, facet)).collect();
    let (low, high) = crate::report::figure::scale::range(all);
    (low <= high).then_some((low, high))
}

fn count(numbers: usize) -> String {
    if numbers == 1 { "one number is".into() } else { format!("{numbers} numbers are") }
}

/// Checks the references of a call. `numeric`: whether the horizontal axis has numbers; `panels`: how many values have panels of their own.
pub fn check(shapes: &[Shape], numeric: bool, panels: usize) -> Result<(), Problem> {
    let given = |parameter: &str| {
        let own = move |s: &&Shape| s.slot.strip_prefix(parameter).is_some_and(|r| r.is_empty() || r.starts_with('.'));
        shapes.iter().filter(own).count()
    };
    for parameter in ["x_line", "x_band"] {
        if given(parameter) > 0 && !numeric {
            let message = format!("`{parameter}:` stands at a number, and the places of the horizontal axis are names");
            return Err(unused(parameter, message, "leave it out"));
        }
    }
    for parameter in ["y_line", "y_band"] {
        if given(parameter) > 0 && panels > 1 {
            let message = format!("`{parameter}:` would stand in the panels of {panels} different values");
            return Err(unused(parameter, message, "draw the value that it belongs to by itself"));
        }
    }
    for parameter in ["x_band", "y_band"] {
        if !matches!(given(parameter), 0 | 2) {
            let message = format!("`{parameter}:` takes the two ends of a band, and {} given", count(given(parameter)));
            return Err(shape(parameter, message, format!("`{parameter}: [low, high]`")));
        }
    }
    Ok(())
}

//! What every figure is told of itself: its title, what its inputs are called, and how the script wants its axes.

use super::named::{Nested, Scaling, Texts};
use super::problems::{shape, unused};
use crate::lang::Settings;
use crate::lang::settings::optional;
use crate::plan::facts::Problem;
use crate::report::figure::Scale;

/// Title, names and axes of a figure.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The title.
    pub title: String,
    /// The arguments as written, by slot.
    pub names: Texts,
    /// What declarations say of the arguments, by slot.
    labels: Texts,
    /// What declarations say of axes, by name.
    axis_labels: Texts,
    /// What declarations say of coordinates that are their names, by axis.
    coordinate_labels: Nested,
    /// Units by slot.
    pub units: Nested,
    /// The horizontal axis.
    pub x: Look,
    /// The vertical axis.
    pub y: Look,
}

/// How the script wants an axis.
#[derive(Clone, Debug)]
pub struct Look {
    /// What is written along it.
    label: Option<String>,
    /// Its ends.
    range: Option<Vec<f64>>,
    /// How numbers are laid along it.
    pub scale: Scaling,
}

impl Frame {
    /// Returns the frame that settings tell.
    pub fn read(settings: &Settings) -> Frame {
        fn get<T: crate::lang::settings::Setting>(settings: &Settings, name: &str, default: T) -> T {
            optional(settings, "figure", name, default)
        }
        let look = |axis: &str| Look {
            label: get(settings, &format!("{axis}_label"), None),
            range: get(settings, &format!("{axis}_range"), None),
            scale: get(settings, &format!("{axis}_scale"), Scaling::Auto),
        };
        Frame {
            title: get(settings, "title", String::new()),
            names: get(settings, "names", Texts::default()),
            labels: get(settings, "labels", Texts::default()),
            axis_labels: get(settings, "axis_labels", Texts::default()),
            coordinate_labels: get(settings, "coordinate_labels", Nested::default()),
            units: get(settings, "units", Nested::default()),
            x: look("x"),
            y: look("y"),
        }
    }

    /// Returns what to write for an input: what its declaration says, or the argument as written.
    pub fn label(&self, slot: &str) -> String {
        self.labels.get(slot).map_or_else(|| self.names.of(slot), str::to_string)
    }

    /// Returns what to write for an axis or a column.
    pub fn axis_label(&self, name: &str) -> String {
        if let Some(label) = self.axis_labels.get(name) {
            return label.to_string();
        }
        match name.strip_suffix("_other") {
            Some(first) => format!("{} (other)", self.axis_label(first)),
            None => name.replace('_', " "),
        }
    }

    /// Says what to write for an axis that a value makes.
    pub fn label_axis(&mut self, name: &str, label: String) {
        self.axis_labels.0.push((name.to_string(), label));
    }

    /// Returns what to write for a coordinate of an axis: what the declaration says that it names, or itself.
    pub fn coordinate(&self, axis: &str, coordinate: &str) -> String {
        let axis = axis.strip_suffix("_other").unwrap_or(axis);
        self.coordinate_labels.get(axis, coordinate).unwrap_or(coordinate).to_string()
    }

    /// Returns what to write for some coordinates of an axis.
    pub fn coordinates<'c>(&self, axis: &str, coordinates: impl IntoIterator<Item = &'c String>) -> Vec<String> {
        coordinates.into_iter().map(|c| self.coordinate(axis, c)).collect()
    }

    /// Returns what the heights of a tree in a slot are.
    pub fn height_label(&self, slot: &str) -> String {
        self.labels.get(slot).unwrap_or("Distance of merged clusters").to_string()
    }

    /// Checks ranges and labels. Problems: a range is no pair of ascending numbers, or holds what a logarithmic axis cannot.
    pub fn check(&self) -> Result<(), Problem> {
        self.x.check(("x_label", "x_range"))?;
        self.y.check(("y_label", "y_range"))
    }
}

impl Look {
    /// Returns what is written along the axis, `own` where the script says nothing.
    pub fn label(&self, own: impl Into<String>) -> String {
        self.label.clone().unwrap_or_else(|| own.into())
    }

    /// Returns the ends that the script wants.
    pub fn range(&self) -> Option<(f64, f64)> {
        match self.range.as_deref() {
            Some([low, high]) if low < high => Some((*low, *high)),
            _ => None,
        }
    }

    /// Returns the scale with the ends that the script wants. Names of places have none.
    pub fn scale(&self, own: Scale) -> Scale {
        match (own, self.range()) {
            (Scale::Linear { .. }, Some((low, high))) => Scale::Linear { low, high },
            (Scale::Log { .. }, Some((low, high))) if low > 0.0 => Scale::Log { low, high },
            (own, _) => own,
        }
    }

    fn check(&self, (label, range): (&'static str, &'static str)) -> Result<(), Problem> {
        if self.label.as_ref().is_some_and(|l| l.trim().is_empty()) {
            return Err(unused(label, format!("`{label}:` is empty"), "say what stands along the axis, or leave it out"));
        }
        let Some(ends) = &self.range else { return Ok(()) };
        match ends.as_slice() {
            [low, high] if low < high && low.is_finite() && high.is_finite() => {}
            _ => {
                let message = format!("`{range}:` takes two numbers, the smaller one first");
                return Err(shape(range, message, format!("`{range}: [0, 1]`")));
            }
        }
        if self.scale == Scaling::Log && ends[0] <= 0.0 {
            let message = "a logarithmic axis begins above zero".to_string();
            return Err(shape(range, message, "give a positive number, or take a linear scale"));
        }
        Ok(())
    }
}

//! What figures' settings hold: axes by name, what is shown of a spread, scales, and what inputs are called.

use crate::lang::Static;
use crate::lang::settings::Setting;
use crate::plan::doubt::Place;
use crate::words;
use std::sync::Arc;

/// An axis or a column, named by a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AxisName {
    /// Its name.
    pub name: String,
    /// Its role; empty where the name is no axis that the checker knows: a column of a table.
    pub role: String,
}

impl AxisName {
    /// Returns whether this means the classes.
    pub fn is_class(&self) -> bool {
        self.role == "class" || (self.role.is_empty() && self.name == "class")
    }
}

impl Setting for AxisName {
    fn read(value: &Static) -> Option<Self> {
        match value {
            Static::Make(_, fields) => {
                let field = |n: &str| fields.iter().find(|(k, _)| k == n).and_then(|(_, v)| v.word());
                Some(AxisName { name: field("name")?.to_string(), role: field("role")?.to_string() })
            }
            other => Some(AxisName { name: other.word()?.to_string(), role: String::new() }),
        }
    }
}

/// The axes that an argument names: none, one, or several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Axes(pub Vec<AxisName>);

impl Axes {
    /// Returns the only axis, or the first; those who take one refuse more before the run.
    pub fn one(&self) -> Option<&AxisName> {
        self.0.first()
    }
}

impl Setting for Axes {
    fn read(value: &Static) -> Option<Self> {
        match value {
            Static::None => Some(Axes::default()),
            Static::Word(w) if w == "none" => Some(Axes::default()),
            other => Vec::read(other).map(Axes),
        }
    }
}

/// Texts by slot: the arguments as written in the script.
#[derive(Clone, Debug, Default)]
pub struct Texts(pub Vec<(String, String)>);

impl Setting for Texts {
    fn read(value: &Static) -> Option<Self> {
        let Static::Map(entries) = value else { return None };
        entries.iter().map(|(n, v)| Some((n.clone(), tidy(v.word()?)))).collect::<Option<_>>().map(Texts)
    }
}

impl Texts {
    /// Returns the text of a name, where there is one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, t)| t.as_str())
    }

    /// Returns the argument in a slot as written; the slot's name where nothing was.
    pub fn of(&self, slot: &str) -> String {
        self.0.iter().find(|(n, _)| n == slot).map_or_else(|| slot.to_string(), |(_, t)| t.clone())
    }
}

/// Returns the text with runs of white space as one space.
fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Texts by two names: units of the inputs' numbers by slot and part of a record (empty for the value itself), words of coordinates by
/// axis and coordinate.
#[derive(Clone, Debug, Default)]
pub struct Nested(pub Vec<(String, Vec<(String, String)>)>);

impl Setting for Nested {
    fn read(value: &Static) -> Option<Self> {
        let Static::Map(outer) = value else { return None };
        let of = |inner: &Static| match inner {
            Static::Map(inner) => inner.iter().map(|(n, t)| Some((n.clone(), t.word()?.to_string()))).collect::<Option<Vec<_>>>(),
            _ => None,
        };
        outer.iter().map(|(name, inner)| Some((name.clone(), of(inner)?))).collect::<Option<_>>().map(Nested)
    }
}

impl Nested {
    /// Returns the texts of an outer name.
    pub fn of(&self, outer: &str) -> Vec<(String, String)> {
        self.0.iter().find(|(n, _)| n == outer).map(|(_, inner)| inner.clone()).unwrap_or_default()
    }

    /// Returns the text of an outer and an inner name, where there is one.
    pub fn get(&self, outer: &str, inner: &str) -> Option<&str> {
        let (_, all) = self.0.iter().find(|(n, _)| n == outer)?;
        all.iter().find(|(n, _)| n == inner).map(|(_, t)| t.as_str())
    }
}

/// Places, by slot, at which numbers come from densities that did not settle: axis names with coordinates. Only the report gives them.
#[derive(Clone, Debug, Default)]
pub struct Doubted(pub Vec<(String, Vec<Place>)>);

impl Setting for Doubted {
    fn read(value: &Static) -> Option<Self> {
        let Static::Map(slots) = value else { return None };
        let place = |p: &Static| match p {
            Static::Map(at) => at.iter().map(|(a, c)| Some((a.clone(), c.word()?.to_string()))).collect::<Option<Place>>(),
            _ => None,
        };
        let places = |all: &Static| match all {
            Static::List(all) => all.iter().map(place).collect::<Option<Vec<_>>>(),
            _ => None,
        };
        slots.iter().map(|(slot, all)| Some((slot.clone(), places(all)?))).collect::<Option<_>>().map(Doubted)
    }
}

impl Doubted {
    /// Returns the setting that holds the places.
    pub fn setting(slots: &[(String, Vec<Place>)]) -> Static {
        let place = |p: &Place| Static::Map(p.iter().map(|(a, c)| (a.clone(), Static::Text(c.clone()))).collect());
        Static::Map(slots.iter().map(|(s, all)| (s.clone(), Static::List(all.iter().map(place).collect()))).collect())
    }

    /// Returns the places of a slot.
    pub fn of(&self, slot: &str) -> Arc<[Place]> {
        self.0.iter().find(|(n, _)| n == slot).map_or_else(|| Vec::new().into(), |(_, p)| p.clone().into())
    }
}

words! {
    /// What is shown of pooled values.
    pub enum Show {
        /// Mean and standard deviation (of the sample, n - 1).
        Sd = "sd",
        /// Mean, and each value by itself.
        All = "all",
        /// Mean and its standard error.
        Se = "se",
        /// Mean and its 95 % confidence interval (Student's t).
        Ci = "ci",
        /// Median, quartiles, and the 5 % and 95 % quantiles.
        Quantiles = "quantiles",
    }
}

words! {
    /// How several values share the panels.
    pub enum Sharing {
        /// Each has a row of panels.
        Apart = "apart",
        /// All stand in the same panels.
        Together = "together",
        /// Two stand in the same panels, the second against an axis of its own at the right.
        Twin = "twin",
    }
}

words! {
    /// What the heights of a histogram are.
    pub enum Heights {
        /// The number of values.
        Count = "count",
        /// Their share of all values of the same colour and facet.
        Share = "share",
        /// That share divided by the width of the bin: the area is 1.
        Density = "density",
    }
}

words! {
    /// How numbers are laid along an axis.
    pub enum Scaling {
        /// Logarithmic where positive numbers spread like powers, else linear.
        Auto = "auto",
        /// Linear.
        Linear = "linear",
        /// Logarithmic.
        Log = "log",
    }
}

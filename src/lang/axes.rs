//! Axes: named, finite, ordered dimensions, each identified by its origin.

use super::scope::DefId;
use super::static_value::Static;
use crate::base::{Decimal, Span};
use std::collections::BTreeMap;
use std::fmt;

/// An axis's index in [`Axes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AxisId(pub usize);

/// What an axis is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// An `axis` declaration.
    Declared,
    /// The classes of a data set, in the order of labels.
    Class,
    /// The taps of a network, or the files of `load_stages`.
    Stage,
    /// The epochs of a training run: rows of its history.
    Epoch,
    /// The epochs after which a training run keeps its weights.
    Snapshot,
    /// Numbers 0..count that an operation adds: bins, folds.
    Count,
}

impl Role {
    /// Returns the role's word, as kernels see it.
    pub fn word(self) -> &'static str {
        match self {
            Role::Declared | Role::Count => "declared",
            Role::Class => "class",
            Role::Stage => "stage",
            Role::Epoch => "epoch",
            Role::Snapshot => "snapshot",
        }
    }
}

/// Where an axis comes from. Equal origins are one axis, whatever the name.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// An `axis` declaration, by the place of its name.
    Declaration(Span),
    /// The classes of what a call reads, by the place of the call.
    Classes(Span),
    /// The taps of networks: their declarations, and the taps that their arguments give them.
    Taps(Vec<DefId>, Vec<String>),
    /// The epochs of a training run, by the place of the call.
    Epochs(Span),
    /// The kept weights of a training run, by the place of the call.
    Snapshots(Span),
    /// The epochs or kept weights of several training runs together; the classes of several data sets, which are no one axis.
    Several(Vec<AxisId>),
    /// An axis that a call adds, by the place of the call.
    Call(Span),
    /// The second of a pair of axes.
    Other(AxisId),
    /// Some coordinates of an axis.
    Part(AxisId, Vec<Pick>),
}

/// A coordinate as a selection names it.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// By name or written value.
    Named(String),
    /// By exact value.
    Value(Decimal),
    /// `first`
    First,
    /// `last`
    Last,
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pick::Named(name) => f.write_str(name),
            Pick::Value(value) => write!(f, "{value}"),
            Pick::First => f.write_str("first"),
            Pick::Last => f.write_str("last"),
        }
    }
}

/// A coordinate.
#[derive(Clone, Debug, PartialEq)]
pub struct Coordinate {
    /// Its name, or its value as written: what tables and figures show.
    pub text: String,
    /// What enters streams: a name as it is, a number as an exact decimal. `20%` and `0.2` are the same.
    pub canonical: String,
    /// Its value, where that is known before the run.
    pub value: Option<Static>,
}

impl Coordinate {
    /// Returns a coordinate that is a name alone.
    pub fn named(name: impl Into<String>) -> Self {
        let text: String = name.into();
        Coordinate { canonical: text.clone(), value: Some(Static::Word(text.clone())), text }
    }

    /// Returns a numeric coordinate as written.
    pub fn number(value: f64, text: String) -> Self {
        let canonical = Decimal::from_f64(value).map_or_else(|| text.clone(), |d| d.to_string());
        Coordinate { text, canonical, value: Some(Static::Number(value)) }
    }

    /// Returns whether a selection means this coordinate.
    pub fn is(&self, pick: &Pick) -> bool {
        match pick {
            Pick::Named(name) => self.text == *name,
            Pick::Value(value) => {
                matches!(&self.value, Some(Static::Number(x)) if Decimal::from_f64(*x).as_ref() == Some(value))
                    || self.text == value.to_string()
            }
            Pick::First | Pick::Last => false,
        }
    }
}

/// An axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Its name, for reading.
    pub name: String,
    /// What it is made of.
    pub role: Role,
    /// Where it comes from.
    pub origin: Origin,
    /// Its coordinates, where they are known before files are read.
    pub coordinates: Option<Vec<Coordinate>>,
    /// Where it was first needed.
    pub span: Span,
}

/// Axes that cells carry inside, to be brought out with `by:`, `at:`, or a selection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attached {
    /// Classes.
    pub class: Option<AxisId>,
    /// Taps.
    pub stage: Option<AxisId>,
    /// Epochs of the history.
    pub epoch: Option<AxisId>,
    /// Epochs after which weights are kept.
    pub snapshot: Option<AxisId>,
}

impl Attached {
    /// Returns these axes, filled up from others.
    pub fn or(&self, other: &Attached) -> Attached {
        Attached {
            class: self.class.or(other.class),
            stage: self.stage.or(other.stage),
            epoch: self.epoch.or(other.epoch),
            snapshot: self.snapshot.or(other.snapshot),
        }
    }

    /// Returns these axes, each changed as told.
    pub fn map(&self, f: impl Fn(AxisId) -> AxisId) -> Attached {
        Attached {
            class: self.class.map(&f),
            stage: self.stage.map(&f),
            epoch: self.epoch.map(&f),
            snapshot: self.snapshot.map(&f),
        }
    }

    /// Returns the axes that there are.
    pub fn iter(&self) -> impl Iterator<Item = AxisId> {
        [self.class, self.stage, self.epoch, self.snapshot].into_iter().flatten()
    }
}

/// All axes of a script.
#[derive(Clone, Debug, Default)]
pub struct Axes {
    all: Vec<Axis>,
    /// Axes made by an operation at each place of others, with those.
    nested: BTreeMap<AxisId, Vec<AxisId>>,
}

impl Axes {
    /// Returns the axis of that origin, made now where there is none yet.
    pub fn intern(&mut self, axis: Axis) -> AxisId {
        if let Some(i) = self.all.iter().position(|a| a.origin == axis.origin) {
            return AxisId(i);
        }
        self.all.push(axis);
        AxisId(self.all.len() - 1)
    }

    /// Returns an axis.
    pub fn get(&self, id: AxisId) -> &Axis {
        &self.all[id.0]
    }

    /// Returns an axis's name.
    pub fn name(&self, id: AxisId) -> &str {
        &self.all[id.0].name
    }

    /// Returns whether any axis has a name.
    pub fn has(&self, name: &str) -> bool {
        self.all.iter().any(|a| *a.name == *name)
    }

    /// Returns the names of an axis's coordinates, where they are names: words, or what stands for something else.
    pub fn names(&self, id: AxisId) -> Option<Vec<String>> {
        let coordinates = self.get(id).coordinates.as_ref()?;
        let word = |t: &str| t.starts_with(|c: char| c.is_alphabetic() || c == '_');
        coordinates.iter().all(|c| word(&c.text)).then(|| coordinates.iter().map(|c| c.text.clone()).collect())
    }

    /// Notes that an axis was made anew at each place of other axes: its coordinates at one place are not those at another.
    pub fn nest(&mut self, inner: AxisId, outer: &[AxisId]) {
        let outer: Vec<AxisId> = outer.iter().map(|a| self.whole(*a)).collect();
        self.nested.insert(inner, outer);
    }

    /// Returns the axes that an axis nests in.
    pub fn within(&self, id: AxisId) -> &[AxisId] {
        self.nested.get(&self.whole(id)).map_or(&[], Vec::as_slice)
    }

    /// Gives an axis another name: a counted axis takes that of its declaration.
    pub fn rename(&mut self, id: AxisId, name: &str) {
        self.all[id.0].name = name.to_string();
    }

    /// Returns the number of axes.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns whether there is no axis.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the axis that pairs `id` with itself: `NAME_other`.
    pub fn other(&mut self, id: AxisId) -> AxisId {
        let axis = self.get(id).clone();
        self.intern(Axis { name: format!("{}_other", axis.name), origin: Origin::Other(id), ..axis })
    }

    /// Returns the axis that pairs `id` with itself, where [`Axes::other`] made one before.
    pub fn known_other(&self, id: AxisId) -> Option<AxisId> {
        self.all.iter().position(|a| a.origin == Origin::Other(id)).map(AxisId)
    }

    /// Returns the axis of some coordinates of `id`, in the order given.
    pub fn part(&mut self, id: AxisId, picks: Vec<Pick>) -> AxisId {
        let axis = self.get(id).clone();
        let coordinates = axis
            .coordinates
            .as_ref()
            .map(|all| picks.iter().filter_map(|p| find(all, p).map(|i| all[i].clone())).collect::<Vec<_>>());
        if coordinates.is_some() && coordinates == axis.coordinates {
            return id;
        }
        // A part of a part is a part of the whole.
        let whole = self.whole(id);
        let of = if coordinates.is_some() { whole } else { id };
        if coordinates.is_some() && coordinates == self.get(whole).coordinates {
            return whole;
        }
        // `0..2`, `[0, 1]` and `[first, 1]` are one part: picks are kept by the names of what they pick.
        let picks = match &coordinates {
            Some(all) if all.len() == picks.len() => all.iter().map(|c| Pick::Named(c.text.clone())).collect(),
            _ => picks,
        };
        self.intern(Axis { origin: Origin::Part(of, picks), coordinates, ..axis })
    }

    /// Returns the axes of something known before the run beside the axes of a result: where the result has a part of an axis, so has it.
    pub fn narrowed(&self, axes: &[AxisId], beside: &[AxisId]) -> Vec<AxisId> {
        let part = |a: &AxisId| beside.iter().copied().find(|b| b != a && self.whole(*b) == *a);
        axes.iter().map(|a| if beside.contains(a) { *a } else { part(a).unwrap_or(*a) }).collect()
    }

    /// Returns the axis that `id` is a part of, or itself.
    pub fn whole(&self, id: AxisId) -> AxisId {
        match self.get(id).origin {
            Origin::Part(parent, _) => self.whole(parent),
            _ => id,
        }
    }
}

/// Returns the index of the coordinate that a selection means. A coordinate that is called `first` or `last` is meant by its name.
pub fn find(coordinates: &[Coordinate], pick: &Pick) -> Option<usize> {
    let called = |name: &str| coordinates.iter().position(|c| c.text == name);
    match pick {
        Pick::First => called("first").or((!coordinates.is_empty()).then_some(0)),
        Pick::Last => called("last").or(coordinates.len().checked_sub(1)),
        _ => coordinates.iter().position(|c| c.is(pick)),
    }
}

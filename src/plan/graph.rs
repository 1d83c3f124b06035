//! The plan as data: cells, what they take, and which declaration they belong to.

pub use super::axis::LabelledAxis;
use super::facts::{Cost, Facts, Policy, Share};
use super::seen::Seen;
use crate::base::{Diags, Hash, Hasher, Name, Span};
use crate::lang::Settings;
use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

/// A cell's index in [`Graph::cells`].
pub type CellId = usize;

/// A plan: cells in topological order (inputs come first), and the declared values that they make up.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Title of the experiment.
    pub title: String,
    /// Root seed of all random streams.
    pub seed: u64,
    /// The cells. Equal cells are one cell, whatever they are called in the script.
    pub cells: Vec<Cell>,
    /// The declared values, in the order of the script.
    pub values: Vec<Declared>,
    /// Parameters whose values were given from outside, in the order given.
    pub overrides: Vec<Override>,
    /// What planning found worth saying though the script can run, beyond what checking said.
    pub warnings: Diags,
}

/// A parameter whose value was given from outside (`--set epochs=20`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The parameter's name, as it was given.
    pub name: String,
    /// The value given, as text.
    pub value: String,
    /// The default that the script writes, as text; `None` if it has none.
    pub default: Option<String>,
}

/// One unit of caching, resuming and scheduling. There may be millions: what cells of one call have in common is held once ([`Common`]) and
/// read as if it were the cell's own.
#[derive(Clone, Debug)]
pub struct Cell {
    /// What it has in common with others.
    pub common: Arc<Common>,
    /// Its inputs by parameter name, in the signature's order.
    pub inputs: Inputs,
    /// Name of its random stream; nothing for operations that draw nothing.
    pub stream: Option<Hash>,
    /// Its coordinates. No part of the key.
    pub at: At,
    /// Key from its inputs' keys: known before anything runs.
    pub key: Hash,
}

/// What a cell has in common with others of its call: those of equal settings about whose inputs equal things are known.
#[derive(Clone, Debug)]
pub struct Common {
    /// The operation.
    pub op: Name,
    /// The operation's version.
    pub version: u32,
    /// Its settings, defaults filled in.
    pub settings: Given,
    /// Files it reads, with the hashes of their contents.
    pub files: Arc<[Seen]>,
    /// What is known of its result.
    pub facts: Arc<Facts>,
    /// What it is expected to take when it runs by itself.
    pub cost: Cost,
    /// Whether that is the most it takes, and it may take far less. No part of the key.
    pub at_most: bool,
    /// Bytes that it takes on the device that networks run on, where that is not the host. No part of the key.
    pub on_device: f64,
    /// The work that it shares with others of the same inputs. No part of the key.
    pub share: Option<Share>,
    /// How its result is kept.
    pub policy: Policy,
    /// Declaration that first needed it, for reading: a name or a title.
    pub label: Name,
    /// The call that made it.
    pub span: Span,
    /// Where its settings are written, by parameter. No part of the key.
    pub places: Arc<[(String, Span)]>,
}

impl Deref for Cell {
    type Target = Common;

    fn deref(&self) -> &Common {
        &self.common
    }
}

/// Settings with the canonical text that keys are made from.
#[derive(Clone, Debug, Default)]
pub struct Given(Arc<(Settings, String)>);

impl Given {
    /// Returns the canonical text: JSON, sorted by name.
    pub fn canonical(&self) -> &str {
        &self.0.1
    }

    /// Returns where they lie in memory: the same for clones, another for all others that there are at the time.
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }
}

impl From<Settings> for Given {
    fn from(settings: Settings) -> Self {
        let text = settings.to_json().to_string();
        Given(Arc::new((settings, text)))
    }
}

impl Deref for Given {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.0.0
    }
}

/// Names of axes with those of their coordinates, outermost first: the space that the cells of a call lie in.
pub type Space = Arc<[(Name, Arc<[Name]>)]>;

/// Where a cell lies: one place of a space, counted with the last axis fastest.
#[derive(Clone, Debug, Default)]
pub struct At {
    space: Space,
    index: usize,
}

impl At {
    /// Returns the place of a space with this number.
    pub fn new(space: Space, index: usize) -> Self {
        At { space, index }
    }

    /// Returns the space.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Returns the number of the place in its space.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns whether there are no axes.
    pub fn is_empty(&self) -> bool {
        self.space.is_empty()
    }

    /// Returns the coordinates, outermost axis first: axis name, coordinate.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        let mut rest = self.index;
        let mut out: Vec<(&str, &str)> = self
            .space
            .iter()
            .rev()
            .map(|(name, coordinates)| {
                let n = coordinates.len().max(1);
                let here = coordinates.get(rest % n).map_or("", Name::as_str);
                rest /= n;
                (name.as_str(), here)
            })
            .collect();
        out.reverse();
        out
    }

    /// Returns the coordinates as texts of their own.
    pub fn to_vec(&self) -> Vec<(String, String)> {
        self.pairs().into_iter().map(|(a, c)| (a.to_string(), c.to_string())).collect()
    }

    /// Returns the same place with further axes inside it, of which it is the place `index`. `joined` holds the last space that was made
    /// so, with what it was made from.
    pub fn inside(&self, further: &Space, index: usize, joined: &mut Option<(Space, Space)>) -> At {
        let count: usize = further.iter().map(|(_, c)| c.len()).product();
        let space = match joined {
            Some((from, space)) if Arc::ptr_eq(from, &self.space) => space.clone(),
            _ => {
                let space: Space = self.space.iter().chain(further.iter()).cloned().collect();
                *joined = Some((self.space.clone(), space.clone()));
                space
            }
        };
        At { space, index: self.index * count + index }
    }
}

impl From<Vec<(String, String)>> for At {
    fn from(pairs: Vec<(String, String)>) -> Self {
        At { space: pairs.into_iter().map(|(a, c)| (a.into(), Arc::from([Name::from(c)]))).collect(), index: 0 }
    }
}

/// What a parameter is given: one entry, or one for each combination of coordinates of the axes taken in whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Axes taken in whole, outermost first; none for a single value.
    pub axes: Arc<[LabelledAxis]>,
    /// The entries in row-major order.
    pub entries: Vec<Entry>,
}

/// What the inputs of a call's cells have in common: for each parameter its name, the axes taken in whole, and how many entries it is given.
pub type Layout = Arc<[(Name, Arc<[LabelledAxis]>, usize)]>;

/// The inputs of a cell: the entries of all parameters end to end, beside the layout that says whose they are.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    layout: Layout,
    entries: Box<[Entry]>,
}

/// An input of a cell, as [`Inputs::iter`] hands it out.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Axes taken in whole, outermost first; none for a single value.
    pub axes: &'a Arc<[LabelledAxis]>,
    /// The entries in row-major order.
    pub entries: &'a [Entry],
}

impl<'a> From<&'a Slot> for Input<'a> {
    fn from(slot: &'a Slot) -> Self {
        Input { axes: &slot.axes, entries: &slot.entries }
    }
}

impl Inputs {
    /// Returns inputs given by parameter. `last` holds the layout that was made last, which is used again where it fits.
    pub fn new(slots: Vec<(Name, Slot)>, last: &mut Layout) -> Inputs {
        let fits = last.len() == slots.len()
            && last.iter().zip(&slots).all(|((name, axes, count), (own, slot))| {
                *count == slot.entries.len() && Arc::ptr_eq(axes, &slot.axes) && name == own
            });
        if !fits {
            *last = slots.iter().map(|(name, slot)| (name.clone(), slot.axes.clone(), slot.entries.len())).collect();
        }
        Inputs { layout: last.clone(), entries: slots.into_iter().flat_map(|(_, slot)| slot.entries).collect() }
    }

    /// Returns the inputs by parameter, in the signature's order.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, Input<'_>)> {
        let mut rest: &[Entry] = &self.entries;
        self.layout.iter().map(move |(name, axes, count)| {
            let (entries, after) = rest.split_at(*count);
            rest = after;
            (name, Input { axes, entries })
        })
    }

    /// Returns the entries of all parameters, one after the other.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

impl From<Vec<(Name, Slot)>> for Inputs {
    fn from(slots: Vec<(Name, Slot)>) -> Self {
        Inputs::new(slots, &mut Layout::default())
    }
}

/// One place of a labelled array.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A cell's result.
    Cell(CellId),
    /// A number known before the run.
    Number(f64),
    /// A truth value known before the run.
    Truth(bool),
    /// A word known before the run.
    Word(String),
    /// Nothing, for a reason.
    Absent(String),
}

/// A declared value: one entry for each combination of coordinates of its axes.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The keyword: `model`, `analysis`, `figure`, …
    pub keyword: String,
    /// Name of the declaration, or the title of a figure or claim.
    pub name: String,
    /// Its kind in words, such as `model` or `number per example`.
    pub kind: String,
    /// The text of the declaration in the script.
    pub source: String,
    /// Its place.
    pub span: Span,
    /// Doc comment.
    pub doc: Option<String>,
    /// Its axes, outermost first.
    pub axes: Arc<[LabelledAxis]>,
    /// Its entries in row-major order.
    pub entries: Vec<Entry>,
}

/// Why the diagonal of pairs is absent.
pub const WITH_ITSELF: &str = "it would be compared with itself";

impl Declared {
    /// Returns what an entry is called, given its index: `p[stage: stage1, class: 3]`.
    pub fn place(&self, index: usize) -> String {
        let mut rest = index;
        let mut at: Vec<String> = Vec::new();
        for axis in self.axes.iter().rev() {
            let n = axis.coordinates.len().max(1);
            at.push(format!("{}: {}", axis.name, axis.coordinates.get(rest % n).map_or("?", |c| c.as_str())));
            rest /= n;
        }
        at.reverse();
        if at.is_empty() { self.name.clone() } else { format!("{}[{}]", self.name, at.join(", ")) }
    }
}

impl Cell {
    /// Returns the key of the cell, given the hash that stands for each input cell.
    ///
    /// With the inputs' keys it is the plan key; with their content hashes it is the content key, under which artifacts lie,
    /// so that a recomputed input that comes out equal does not make its consumers run again.
    /// Names of declarations and axes do not enter, nor places in the script; coordinates of gathered inputs do.
    pub fn hash_with(&self, input: &dyn Fn(CellId) -> Hash) -> Hash {
        let mut h = Hasher::new("cfx.cell.1");
        h.text(&self.op).int(self.version as u64).text(self.settings.canonical());
        match &self.stream {
            Some(stream) => h.int(1).hash(stream),
            None => h.int(0),
        };
        h.int(self.files.len() as u64);
        for file in self.files.iter() {
            h.hash(&file.hash);
        }
        for (name, slot) in self.inputs.iter() {
            h.text(name).int(slot.axes.len() as u64);
            for axis in slot.axes.iter() {
                h.int(axis.coordinates.len() as u64);
                axis.coordinates.iter().for_each(|c| {
                    h.text(c);
                });
                for (i, _) in slot.axes.iter().enumerate().filter(|(_, a)| axis.within.contains(&a.name)) {
                    h.text("within").int(i as u64);
                }
                for (i, _) in slot.axes.iter().enumerate().filter(|(_, a)| axis.pairs.as_ref() == Some(&a.name)) {
                    h.text("pairs").int(i as u64);
                }
                if axis.shared {
                    h.text("shared");
                }
            }
            for entry in slot.entries {
                match entry {
                    Entry::Cell(id) => h.text("cell").hash(&input(*id)),
                    Entry::Number(x) => h.text("number").int(x.to_bits()),
                    Entry::Truth(b) => h.text("truth").int(*b as u64),
                    Entry::Word(w) => h.text("word").text(w),
                    Entry::Absent(_) => h.text("absent"),
                };
            }
        }
        h.finish()
    }

    /// Returns the cells it takes, in order, each as often as it is taken.
    pub fn takes(&self) -> impl Iterator<Item = CellId> {
        self.inputs.entries().iter().filter_map(|e| if let Entry::Cell(id) = e { Some(*id) } else { None })
    }

    /// Returns the cells it takes, each once, in order of first use.
    pub fn dependencies(&self) -> Vec<CellId> {
        let all: Vec<CellId> = self.takes().collect();
        // Cells of one call come one after the other.
        if all.is_sorted_by(|a, b| a < b) {
            return all;
        }
        let mut seen = BTreeSet::new();
        all.into_iter().filter(|id| seen.insert(*id)).collect()
    }

    /// Returns what the cell is called in messages: `p[stage: stage1, class: 3]`.
    pub fn title(&self) -> String {
        if self.at.is_empty() {
            return format!("{} ({})", self.label, self.op);
        }
        let at: Vec<_> = self.at.pairs().iter().map(|(a, c)| format!("{a}: {c}")).collect();
        format!("{}[{}] ({})", self.label, at.join(", "), self.op)
    }
}

//! What lowering knows while it walks.

use crate::base::{ByHash, Diag, Diags, Name, Span};
use crate::lang::axes::{AxisId, Coordinate};
use crate::lang::scope::Program;
use crate::lang::typed::Script;
use crate::plan::array::Array;
use crate::plan::facts::Operations;
use crate::plan::files::Files;
use crate::plan::graph::{Cell, Entry, LabelledAxis, Space};
use crate::plan::seen::Seen;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// The most cells that a plan may have. A cell takes up to half a kilobyte while it is planned, an entry that is no cell a sixteenth of that.
pub(super) const MOST_CELLS: usize = 4_000_000;

/// Entries that weigh as much as a cell.
pub(super) const ENTRIES_PER_CELL: usize = 16;

/// How it is told that a message is true of more coordinates.
const ALIKE: &str = "and so at";

/// What is known of an axis's coordinates, in the forms that are asked for. There may be a million of them.
#[derive(Clone)]
pub(super) struct Known {
    /// The coordinates.
    pub all: Rc<[Rc<Coordinate>]>,
    /// Their names.
    pub names: Arc<[Name]>,
    /// Where they are, once asked for.
    pub index: Rc<OnceCell<Places>>,
}

/// Where coordinates are found.
pub(super) struct Places {
    /// The first coordinate of each name.
    pub names: BTreeMap<Name, usize>,
    /// The first coordinate of each number, which is written as an exact decimal.
    pub values: BTreeMap<Name, usize>,
}

pub(super) struct Lowering<'a> {
    pub program: &'a Program,
    pub script: &'a Script,
    pub operations: &'a dyn Operations,
    pub files: Option<&'a Files>,
    /// Coordinates that operations told.
    pub told: BTreeMap<AxisId, Vec<Coordinate>>,
    /// Coordinates of axes asked for so far.
    pub known: RefCell<BTreeMap<AxisId, Known>>,
    /// Axes as kernels see them, asked for so far.
    pub labelled: RefCell<BTreeMap<Vec<AxisId>, Arc<[LabelledAxis]>>>,
    /// Spaces asked for so far.
    pub spaces: RefCell<BTreeMap<Vec<AxisId>, Space>>,
    pub cells: Vec<Cell>,
    pub by_key: ByHash,
    /// Entries of arrays made so far.
    pub entries: usize,
    pub memo: Vec<Option<Rc<Array>>>,
    pub diags: Diags,
    /// What was said of cells at a place, by its pattern: messages that differ by the cells' coordinates.
    pub alike: BTreeMap<(Span, String), BTreeSet<String>>,
    /// Files hashed so far.
    pub seen: BTreeMap<PathBuf, Seen>,
    /// The declaration that is being laid out.
    pub label: Name,
}

impl<'a> Lowering<'a> {
    pub fn new(program: &'a Program, script: &'a Script, operations: &'a dyn Operations, files: Option<&'a Files>) -> Self {
        Lowering {
            program,
            script,
            operations,
            files,
            told: BTreeMap::new(),
            known: RefCell::default(),
            labelled: RefCell::default(),
            spaces: RefCell::default(),
            cells: Vec::new(),
            by_key: ByHash::default(),
            entries: 0,
            memo: vec![None; script.values.len()],
            diags: Diags::default(),
            alike: BTreeMap::new(),
            seen: BTreeMap::new(),
            label: Name::default(),
        }
    }

    /// Returns the cells, the values and the messages.
    pub fn end(self) -> (Vec<Cell>, Vec<Option<Rc<Array>>>, Diags) {
        (self.cells, self.memo, self.diags)
    }

    /// Says what is wrong with a cell. What is wrong at several coordinates of one thing is said of the first, with how many more there are.
    pub fn tell(&mut self, diag: Diag) {
        let (span, pattern) = (diag.span(), pattern(&diag.message));
        let said = self.alike.entry((span, pattern.clone())).or_default();
        if !said.insert(diag.message.clone()) {
            return;
        }
        let more = said.len() - 1;
        let first = self.diags.0.iter_mut().find(|d| more > 0 && d.span() == span && self::pattern(&d.message) == pattern);
        match first.and_then(|d| d.labels.first_mut()) {
            Some(label) if label.1.is_empty() || label.1.starts_with(ALIKE) => {
                label.1 = format!("{ALIKE} {more} more coordinate{}", if more == 1 { "" } else { "s" });
            }
            Some(_) => {}
            None => self.diags.push(diag),
        }
    }

    /// Returns whether a value over these axes would be too large, and says so.
    pub fn too_many(&mut self, axes: &[AxisId], span: Span) -> bool {
        let count = axes.iter().fold(1usize, |n, a| n.saturating_mul(self.known(*a).all.len()));
        let many = count.saturating_add(self.cells.len() + self.entries / ENTRIES_PER_CELL) > MOST_CELLS;
        if many {
            self.diags.push(
                Diag::error("cfx::plan::too_many", span, format!("this makes more than {MOST_CELLS} cells"))
                    .help("select fewer coordinates, or split the experiment"),
            );
        } else {
            self.entries += count;
        }
        many
    }
}

/// Returns a message without its numbers and without what stands in backticks.
fn pattern(message: &str) -> String {
    message.split('`').step_by(2).flat_map(str::chars).filter(|c| !c.is_ascii_digit() && !matches!(c, '.' | '-')).collect()
}

/// Returns an array that is absent everywhere.
pub(super) fn absent(why: &str) -> Rc<Array> {
    Rc::new(Array::single(Entry::Absent(why.into())))
}

//! What a run is expected to do for each declaration of a script.

use crate::base::Span;
use crate::engine::Standing;
use crate::plan::facts::Policy;
use crate::plan::graph::{Declared, Entry, Graph};
use crate::plan::share;
use std::collections::BTreeMap;

/// What a run is expected to do for one declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// Its name or title.
    pub name: String,
    /// Its kind in words, such as `number per example`.
    pub kind: String,
    /// Its axes: name, number of coordinates; outermost first.
    pub axes: Vec<(String, usize)>,
    /// Its entries.
    pub entries: usize,
    /// Entries that are absent.
    pub absent: usize,
    /// Cells that the store may keep: those of its entries, and those made on the way to them.
    pub cells: usize,
    /// Those of them that are in the store.
    pub kept: usize,
    /// Those that are to run.
    pub to_run: usize,
    /// Those that are not needed, since what is made of them is kept.
    pub spared: usize,
    /// Seconds of one core that those to run are expected to take.
    pub seconds: f64,
    /// Whether that is the most they take, and they may take far less.
    pub at_most: bool,
}

/// Returns what a run is expected to do for each declaration: first for what other files declare that the script uses and for axes over results, then in
/// the order of the script.
pub fn expected(graph: &Graph, standings: &[Standing]) -> Vec<Expected> {
    let rows = Rows::of(graph);
    let counted = |name: &str, kind: &str, entries: usize, cells: &[usize]| {
        let cells: Vec<usize> = cells.iter().copied().filter(|c| graph.cells[*c].policy != Policy::Inline).collect();
        let runs = |s: Standing| matches!(s, Standing::Run | Standing::Undecided);
        let left: Vec<usize> = cells.iter().copied().filter(|c| runs(standings[*c])).collect();
        let count = |wanted: Standing| cells.iter().filter(|c| standings[**c] == wanted).count();
        Expected {
            name: name.to_string(),
            kind: kind.to_string(),
            axes: Vec::new(),
            entries,
            absent: 0,
            cells: cells.len(),
            kept: count(Standing::Cached),
            to_run: left.len(),
            spared: count(Standing::NotNeeded),
            seconds: share::seconds(graph, &left).iter().sum(),
            at_most: left.iter().any(|c| graph.cells[*c].at_most),
        }
    };
    // An axis of data sets is declared, and is no value.
    let axis = |name: &str| graph.values.iter().any(|v| v.axes.iter().any(|a| *a.name == *name));
    let kind = |name: &str| if axis(name) { "axis" } else { "from another file" };
    let imported = rows.imported().map(|(name, cells)| counted(name, kind(name), cells.len(), cells));
    let declared = graph.values.iter().map(|value| Expected {
        axes: value.axes.iter().map(|a| (a.name.to_string(), a.coordinates.len())).collect(),
        absent: value.entries.iter().filter(|e| matches!(e, Entry::Absent(_))).count(),
        ..counted(&value.name, &value.kind, value.entries.len(), &rows.cells(value))
    });
    imported.chain(declared).collect()
}

/// Cells by the declarations that made them, and what other files declare that the script uses.
struct Rows<'a> {
    graph: &'a Graph,
    by_label: BTreeMap<&'a str, Vec<usize>>,
    names: BTreeMap<&'a str, usize>,
}

impl<'a> Rows<'a> {
    fn of(graph: &'a Graph) -> Self {
        let mut rows = Rows { graph, by_label: BTreeMap::new(), names: BTreeMap::new() };
        for (id, cell) in graph.cells.iter().enumerate() {
            rows.by_label.entry(&cell.label).or_default().push(id);
        }
        graph.values.iter().for_each(|v| *rows.names.entry(&v.name).or_insert(0) += 1);
        rows
    }

    /// Returns the cells of a declaration: those of its entries, and those made on the way to them. A claim and a figure may share a
    /// title; then the place in the script tells whose a cell is.
    fn cells(&self, value: &Declared) -> Vec<usize> {
        let alone = self.names.get(value.name.as_str()).is_none_or(|n| *n < 2);
        let within = |span: Span| value.span.start <= span.start && span.end <= value.span.end;
        let own = self.by_label.get(value.name.as_str()).into_iter().flatten().copied();
        let own = own.filter(|c| alone || within(self.graph.cells[*c].span));
        let entries = value.entries.iter().filter_map(|e| if let Entry::Cell(id) = e { Some(*id) } else { None });
        let mut out: Vec<usize> = entries.chain(own).collect();
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Returns what other files declare, with its cells.
    fn imported(&self) -> impl Iterator<Item = (&'a str, &Vec<usize>)> {
        self.by_label.iter().filter(|(label, _)| !self.names.contains_key(*label)).map(|(label, ids)| (*label, ids))
    }
}

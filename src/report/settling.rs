//! Which densities settled, and what is made from those that did not: words for the terminal, claims, figures and the report.

use super::formats::place_words;
use crate::engine::value::{Pack, Value};
use crate::ops::density::{ABOUT_CHAINS, OF_CHAINS, OF_OWN_FITS};
use crate::plan::doubt::Doubts;
use crate::plan::graph::{CellId, Entry, Graph};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be known of a density's chains.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// The density, as it is named in the script.
    pub name: String,
    /// The verdict in words, such as `settled`.
    pub verdict: String,
    /// Largest R-hat over the scalars watched; `None` if all are constant, infinite where chains stand still apart.
    pub r_hat: Option<f64>,
    /// Smallest effective sample size.
    pub ess: Option<f64>,
    /// What else is to be said.
    pub note: String,
    /// How many chains there are.
    pub chains: usize,
    /// How many fits this is about: one, or those that an operation makes for itself.
    pub fits: usize,
}

impl Diagnostic {
    /// Returns the word that readers see, and the class of its badge.
    pub fn badge(&self) -> (&'static str, &'static str) {
        match self.verdict.as_str() {
            SETTLED => ("settled", "good"),
            DISAGREE => ("disagree", "bad"),
            UNKNOWN if self.chains == 1 => ("one chain", ""),
            UNKNOWN => ("cannot tell", ""),
            _ => ("too short to tell", "fair"),
        }
    }

    /// Returns R-hat as it is written.
    pub fn r_hat_words(&self) -> String {
        match self.r_hat {
            None if self.fits > 1 => String::new(),
            None => "constant".to_string(),
            Some(r) if r.is_infinite() => "infinite".to_string(),
            Some(r) if r > 1000.0 => "above 1000".to_string(),
            Some(r) => format!("{r:.3}"),
        }
    }
}

/// A fitted density with its verdict.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Its cell.
    pub cell: CellId,
    /// What is to be known of it.
    pub diagnostic: Diagnostic,
}

impl Fit {
    fn verdict(&self) -> &str {
        &self.diagnostic.verdict
    }

    /// Returns whether its chains were seen not to settle: they disagree, or are too short to tell.
    pub fn unsettled(&self) -> bool {
        self.verdict() != SETTLED && self.verdict() != UNKNOWN
    }

    /// Returns whether its chains disagree.
    pub fn disagrees(&self) -> bool {
        self.verdict() == DISAGREE
    }

    /// Returns how bad it is: those that disagree before those that are too short, the largest R-hat first.
    fn rank(&self) -> (bool, bool, f64) {
        (self.verdict() != DISAGREE, !self.unsettled(), -self.diagnostic.r_hat.unwrap_or(0.0))
    }
}

const SETTLED: &str = "settled";
const DISAGREE: &str = "disagree";
const UNKNOWN: &str = "cannot tell";
const SHORT: &str = "too short to tell";

/// Most densities that the terminal names.
const NAMED: usize = 3;

/// The densities of a run, and where those that did not settle are felt.
#[derive(Clone, Debug, Default)]
pub struct Settling {
    /// The densities that there are, in the plan's order.
    pub fits: Vec<Fit>,
    /// Where those that were seen not to settle are felt.
    pub unsettled: Doubts,
    /// Where those are felt of which nothing tells whether they settled.
    pub unknown: Doubts,
    /// Where any density is felt.
    every: Doubts,
    /// Tables of chains, which are not in doubt themselves.
    chains: BTreeSet<CellId>,
}

impl Settling {
    /// Returns the verdicts on the densities of a run. `value` reads results.
    pub fn of(graph: &Graph, value: &dyn Fn(&Entry) -> Value) -> Settling {
        // Densities have the names of their declarations; those made within an expression are called by their place.
        let mut names: BTreeMap<CellId, String> = BTreeMap::new();
        for declared in graph.values.iter().filter(|v| v.keyword == "density") {
            for (i, entry) in declared.entries.iter().enumerate() {
                if let Entry::Cell(id) = entry {
                    names.entry(*id).or_insert_with(|| format!("{}{}", declared.name, place_words(declared, i)));
                }
            }
        }
        for (id, cell) in graph.cells.iter().enumerate().filter(|(_, c)| c.facts.density.is_some()) {
            let at: Vec<String> = cell.at.pairs().iter().map(|(a, c)| format!("{a}: {c}")).collect();
            let place = if at.is_empty() { String::new() } else { format!(" [{}]", at.join(", ")) };
            names.entry(id).or_insert_with(|| format!("{}{place}", cell.label));
        }
        let mut fits = Vec::new();
        for (id, cell) in graph.cells.iter().enumerate().filter(|(_, c)| OF_OWN_FITS.contains(&c.op.as_str())) {
            let Value::Record(parts) = value(&Entry::Cell(id)) else { continue };
            let name = format!("{} (its own)", cell.title());
            fits.extend(of_own_fits(&parts, name).map(|diagnostic| Fit { cell: id, diagnostic }));
        }
        for (cell, name) in names {
            let Value::Pack(pack) = value(&Entry::Cell(cell)) else { continue };
            fits.extend(diagnostic(&pack, name).map(|diagnostic| Fit { cell, diagnostic }));
        }
        fits.sort_by_key(|f: &Fit| f.cell);
        let ends = |c: &crate::plan::graph::Cell| ABOUT_CHAINS.contains(&c.op.as_str());
        let doubts = |keep: &dyn Fn(&Fit) -> bool| {
            let cells: Vec<CellId> = fits.iter().filter(|f| keep(f)).map(|f| f.cell).collect();
            Doubts::of(graph, &cells, &ends)
        };
        let unsettled = doubts(&Fit::unsettled);
        let unknown = doubts(&|f| f.verdict() == UNKNOWN);
        let every = doubts(&|_| true);
        let of_chains = |(_, c): &(CellId, &crate::plan::graph::Cell)| OF_CHAINS.contains(&c.op.as_str());
        let chains = graph.cells.iter().enumerate().filter(of_chains).map(|(id, _)| id).collect();
        Settling { fits, unsettled, unknown, every, chains }
    }

    /// Returns those that did not settle, the worst first.
    pub fn worst(&self) -> Vec<&Fit> {
        let mut out: Vec<&Fit> = self.fits.iter().filter(|f| f.unsettled()).collect();
        out.sort_by(|a, b| a.rank().partial_cmp(&b.rank()).unwrap_or(std::cmp::Ordering::Equal));
        out
    }

    fn count(&self, verdict: &str, among: &dyn Fn(CellId) -> bool) -> usize {
        self.fits.iter().filter(|f| f.verdict() == verdict && among(f.cell)).count()
    }

    /// Returns what a run says at its end: how many densities did not settle, which, and what to do. Nothing where all settled.
    pub fn summary(&self) -> Option<String> {
        let all = |_| true;
        let (worst, unknown) = (self.worst(), self.count(UNKNOWN, &all));
        let total = self.fits.len();
        let densities = if total == 1 { "density" } else { "densities" };
        if worst.is_empty() {
            return (unknown > 0).then(|| {
                let of =
                    if unknown == total { format!("{total} {densities}") } else { format!("{unknown} of {total} {densities}") };
                format!(
                    "it is not known whether {of} settled: there is one chain, or the chains never moved from one start\n  to \
                     find out, run several chains from `start: dispersed`, as the default sampler does"
                )
            });
        }
        let kinds = self.kinds(&all);
        let names: Vec<&str> = worst.iter().take(NAMED).map(|f| f.diagnostic.name.as_str()).collect();
        let more = if worst.len() > NAMED { format!(" and {} more", worst.len() - NAMED) } else { String::new() };
        let rest = if unknown > 0 { format!("; of {unknown} more it is not known") } else { String::new() };
        Some(format!(
            "{} of {total} {densities} did not settle ({kinds}): {}{more}{rest}\n  \
             more passes (`passes:`, or a `budget:` until they settle), another sampler or prior (`merge_split()`, \
             `hierarchical()`), or chains weighted by their predictions (`pooling: stacked`); the report shows the chains",
            worst.len(),
            names.join(", ")
        ))
    }

    /// Returns the counts of verdicts of those that did not settle, among some: `2 disagree, 1 too short to tell`.
    fn kinds(&self, among: &dyn Fn(CellId) -> bool) -> String {
        let disagree = self.count(DISAGREE, among);
        let short = self.fits.iter().filter(|f| f.unsettled() && among(f.cell)).count() - disagree;
        let words = [(disagree, DISAGREE), (short, "too short to tell")];
        words.iter().filter(|(n, _)| *n > 0).map(|(n, w)| format!("{n} {w}")).collect::<Vec<_>>().join(", ")
    }

    /// Returns whether none of several densities behind a value settled, so that a mark at each would tell none apart.
    pub fn all_behind(&self, id: CellId) -> bool {
        let (bad, all) = (self.unsettled.behind(id).len(), self.every.behind(id).len());
        bad == all && all > 1
    }

    /// Returns the fits that a value is made from, in the plan's order; none for tables of chains.
    pub fn fits_behind(&self, entry: &Entry) -> Vec<&Fit> {
        let Entry::Cell(id) = entry else { return Vec::new() };
        if self.chains.contains(id) {
            return Vec::new();
        }
        let behind: BTreeSet<CellId> = self.every.behind(*id).into_iter().collect();
        self.fits.iter().filter(|f| behind.contains(&f.cell)).collect()
    }

    /// Returns what is to be said of a value made from densities that did not settle, in one sentence; `None` if there are none.
    pub fn behind(&self, entry: &Entry) -> Option<String> {
        self.behind_all(std::slice::from_ref(entry))
    }

    /// Returns the same of several values together.
    pub fn behind_all(&self, entries: &[Entry]) -> Option<String> {
        let cells = || entries.iter().filter_map(|e| if let Entry::Cell(id) = e { Some(*id) } else { None });
        let union = |of: &dyn Fn(CellId) -> Vec<CellId>| {
            let mut all: Vec<CellId> = cells().filter(|id| !self.chains.contains(id)).flat_map(of).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        let (bad, unknown) = (union(&|id| self.unsettled.behind(id)), union(&|id| self.unknown.behind(id)));
        let total = union(&|id| self.every.behind(id)).len();
        let named = |ids: &[CellId]| {
            let names: Vec<&str> =
                self.fits.iter().filter(|f| ids.contains(&f.cell)).take(NAMED).map(|f| f.diagnostic.name.as_str()).collect();
            let more = if ids.len() > NAMED { format!(" and {} more", ids.len() - NAMED) } else { String::new() };
            format!("{}{more}", names.join(", "))
        };
        let mut out = Vec::new();
        if !bad.is_empty() {
            let kinds = self.kinds(&|c| bad.contains(&c));
            out.push(match (bad.len(), total) {
                (_, 1) => format!("its density did not settle ({kinds}): {}", named(&bad)),
                (n, all) if n == all => format!("none of its {all} densities settled ({kinds})"),
                (n, all) => format!("{n} of its {all} densities did not settle ({kinds}): {}", named(&bad)),
            });
        }
        if !unknown.is_empty() {
            let which = match (unknown.len(), total) {
                (_, 1) => "its density".to_string(),
                (n, all) if n == all => format!("any of its {all} densities"),
                (n, all) => format!("{n} of its {all} densities ({})", named(&unknown)),
            };
            out.push(format!("it is not known whether the chains of {which} agree"));
        }
        (!out.is_empty()).then(|| out.join("; "))
    }
}

/// Returns what a density says of itself.
fn diagnostic(pack: &Pack, name: String) -> Option<Diagnostic> {
    let verdict = pack.meta.get("verdict")?.as_str()?;
    let real = |name: &str| match pack.meta.get(name) {
        Some(v) if v.as_str() == Some("infinite") => Some(f64::INFINITY),
        v => v.and_then(|v| v.as_f64()),
    };
    Some(Diagnostic {
        name,
        verdict: verdict.to_string(),
        r_hat: real("r_hat"),
        ess: real("ess"),
        note: pack.meta.get("note").and_then(|v| v.as_str()).unwrap_or_default().to_string(),
        chains: pack.array("trace").and_then(|a| a.shape.first().copied()).unwrap_or(0),
        fits: 1,
    })
}

/// Returns what an operation says of the fits that it made for itself.
fn of_own_fits(parts: &[(String, Value)], name: String) -> Option<Diagnostic> {
    let member = |name: &str| parts.iter().find(|(n, _)| n == name).map(|(_, v)| v);
    let (verdict, note, fits) = match (member("settled")?, member("disagree")?) {
        (Value::Number(settled), Value::Number(disagree)) => {
            let fits = settled.count? as f64;
            let (some, not) = ((settled.value * fits).round(), (disagree.value * fits).round());
            let verdict = if not > 0.0 {
                DISAGREE
            } else if some == fits {
                SETTLED
            } else {
                SHORT
            };
            (verdict, format!("of {fits} fits {some} settled, {not} disagree"), fits as usize)
        }
        (Value::Absent(why), _) => (UNKNOWN, why.clone(), 2),
        _ => return None,
    };
    let verdict = verdict.to_string();
    Some(Diagnostic { name, verdict, r_hat: None, ess: None, note, chains: 0, fits })
}

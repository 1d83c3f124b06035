//! What a kernel of this topic finds in an input: present cells, with `by:` applied, each pair once, and absences counted.

use super::align::{Aligned, align};
use super::drawn::{AXES, Origin};
use super::loaded;
use super::pairs::Pairing;
use super::sample::{Sample, Statistic};
use super::settings::At;
use super::standing::Standing;
use crate::engine::kernel::{Context, Failure, Job, Labelled, LabelledAxis, mismatch};
use crate::engine::parts;
use crate::engine::value::{NO_EXAMPLES, Number, ROW_IDS, Scores, Truth, Value};
use crate::plan::facts::{Cost, KnownInput};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A value that is there.
#[derive(Clone, Debug)]
pub enum Cell {
    /// A number.
    Number(Number),
    /// A truth value.
    Truth(Truth),
    /// A word.
    Word(String),
    /// One number per example.
    Scores(Arc<Scores>),
}

impl Cell {
    /// Returns the cell that a value is; empty if it is absent (a number that is NaN is).
    pub fn of(slot: &str, value: &Value) -> Result<Result<Cell, String>, Failure> {
        Ok(match value {
            Value::Number(n) if n.value.is_nan() => Err("not a number".to_string()),
            Value::Number(n) => Ok(Cell::Number(n.clone())),
            Value::Truth(t) => Ok(Cell::Truth(t.clone())),
            Value::Word(w) => Ok(Cell::Word(w.clone())),
            Value::Scores(s) => Ok(Cell::Scores(s.clone())),
            Value::Absent(why) => Err(why.clone()),
            other => return Err(mismatch(slot, "number", Some(other))),
        })
    }

    /// Returns the number; a truth value is 1 or 0.
    pub fn number(&self) -> Option<Number> {
        match self {
            Cell::Number(n) => Some(n.clone()),
            Cell::Truth(t) => Some(Number::exact(t.holds as u8 as f64)),
            Cell::Word(_) | Cell::Scores(_) => None,
        }
    }

    /// Returns the word for what this is.
    pub fn word(&self) -> &'static str {
        match self {
            Cell::Number(_) => "number",
            Cell::Truth(_) => "truth",
            Cell::Word(_) => "word",
            Cell::Scores(_) => "number per example",
        }
    }

    /// Returns whether two cells hold the same, errors included: the two orders of a symmetric measure do, but for rounding (`slack`).
    pub fn same(&self, other: &Cell, slack: f64) -> bool {
        let near = |a: f64, b: f64| a == b || (a - b).abs() <= slack || (a.is_nan() && b.is_nan());
        match (self, other) {
            (Cell::Number(a), Cell::Number(b)) => {
                let errors = a.error.is_some() == b.error.is_some() && near(a.error.unwrap_or(0.0), b.error.unwrap_or(0.0));
                near(a.value, b.value) && errors && a.count == b.count
            }
            (Cell::Truth(a), Cell::Truth(b)) => (a.holds, a.within_error) == (b.holds, b.within_error),
            (Cell::Word(a), Cell::Word(b)) => a == b,
            (Cell::Scores(a), Cell::Scores(b)) => {
                Arc::ptr_eq(a, b) || (a.ids == b.ids && a.values.iter().zip(&b.values).all(|(x, y)| near(*x, *y)))
            }
            _ => false,
        }
    }

    /// Returns how far numbers of this size may differ by rounding: some thousand units in the last place.
    pub fn slack<'a>(cells: impl Iterator<Item = &'a Cell>) -> f64 {
        let size = |cell: &Cell| match cell {
            Cell::Number(n) => n.value.abs(),
            Cell::Scores(s) => s.values.iter().fold(0.0, |m, v| v.abs().max(m)),
            Cell::Truth(_) | Cell::Word(_) => 0.0,
        };
        1e-12 * cells.map(size).filter(|v| v.is_finite()).fold(0.0, f64::max)
    }
}

/// The present cells of an input.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// The axes: those of the input, then those that only the data sets of `by:` have.
    pub axes: Vec<LabelledAxis>,
    /// Place in row-major order of the axes, and what is there.
    pub cells: Vec<(usize, Cell)>,
    /// For each cell the two units that it pairs; empty where no axes are paired.
    pub units: Vec<(u32, u32)>,
    /// Axes, as positions, at each of whose places the examples were chosen anew: bins of each run's scores.
    pub outer: Vec<usize>,
    /// Whether values along one of the axes share units of pairs whose other side was taken in before.
    pub dependent: bool,
    /// How many were absent.
    pub absent: usize,
    /// Why the first of them was.
    pub reason: Option<String>,
}

/// What one axis of `by:` leaves of an input in this cell.
enum Part {
    /// The examples of one label.
    Label(u32),
    /// The examples with the ids of data sets.
    Sets(Sets),
    /// Nothing that an input without examples could be split by.
    Unknown,
}

/// Data sets over axes that were taken in whole.
struct Sets {
    /// Their axes.
    axes: Vec<LabelledAxis>,
    /// The ids of each in row-major order, sorted, or why there are none.
    ids: Vec<Result<Vec<u32>, String>>,
}

/// Returns the present cells of an input, restricted to the cell's coordinate of `by`, each pair of paired axes once.
///
/// `by` restricts scores to the ids of the data set in the slot `by`, else to the label of a class coordinate; numbers stay whole.
/// Where the data sets lie over axes themselves (bins of each run), each place of the input meets the data set at its own coordinates.
pub fn gather(job: &Job, slot: &str) -> Result<Gathered, Failure> {
    let mut out = gather_all(job, slot)?;
    out.pair();
    Ok(out)
}

/// Returns the present cells as [`gather`] does, pairs in both their orders.
pub fn gather_all(job: &Job, slot: &str) -> Result<Gathered, Failure> {
    let input = job.labelled(slot).ok_or_else(|| mismatch(slot, "number", None))?;
    let parts: Vec<Part> =
        At::all(&job.settings).into_iter().map(|(name, by)| part(job, &name, &by)).collect::<Result<_, _>>()?;
    let mut axes = input.axes.clone();
    let mut outer = Vec::new();
    for axis in parts.iter().flat_map(|p| if let Part::Sets(s) = p { s.axes.as_slice() } else { &[] }) {
        let at = axes.iter().position(|a| a.name == axis.name).unwrap_or_else(|| {
            axes.push(axis.clone());
            axes.len() - 1
        });
        if !outer.contains(&at) {
            outer.push(at);
        }
    }
    let pairing = Pairing::of(&axes);
    let repeats: usize = axes[input.axes.len()..].iter().map(|a| a.coordinates.len()).product();
    let crossed = pairing.as_ref().is_some_and(|p| p.crossed(&axes));
    let dependent = crossed || axes.iter().any(|a| a.shared && a.coordinates.len() > 1);
    let mut out = Gathered { axes, outer, dependent, ..Gathered::default() };
    for place in 0..input.values.len() * repeats {
        let at = position(&out.axes, place);
        let mut cell = Cell::of(slot, &input.values[place / repeats])?;
        for part in &parts {
            cell = match cell {
                Ok(Cell::Scores(s)) => restrict(&s, part, &out.axes, &at)?.map(Cell::Scores),
                other => other,
            };
        }
        match cell {
            Ok(cell) => out.cells.push((place, cell)),
            // A unit is not compared with itself: nothing is missing there.
            Err(_) if pairing.as_ref().is_some_and(|p| p.is_self(&out.axes, &at)) => {}
            Err(why) => {
                out.absent += 1;
                out.reason.get_or_insert(why);
            }
        }
    }
    Ok(out)
}

fn part(job: &Job, slot: &str, by: &At) -> Result<Part, Failure> {
    if let Some(input) = job.labelled(slot) {
        let ids = |v: &Value| match v {
            Value::Dataset(d) => {
                let mut ids = d.ids.to_vec();
                ids.sort_unstable();
                Ok(Ok(ids))
            }
            Value::Absent(why) => Ok(Err(why.clone())),
            other => Err(mismatch(slot, "dataset", Some(other))),
        };
        let ids = input.values.iter().map(ids).collect::<Result<Vec<_>, Failure>>()?;
        if let ([], [Err(why)]) = (input.axes.as_slice(), ids.as_slice()) {
            return Err(Failure::Absent(why.clone()));
        }
        return Ok(Part::Sets(Sets { axes: input.axes.clone(), ids }));
    }
    Ok(if by.role == "class" { Part::Label(by.index as u32) } else { Part::Unknown })
}

impl Sets {
    /// Returns the ids at a place of an input: of the data set at the same coordinates.
    fn at(&self, axes: &[LabelledAxis], at: &[usize]) -> Result<&[u32], String> {
        let mut place = 0;
        for own in &self.axes {
            let text = axes.iter().zip(at).find(|(a, _)| a.name == own.name).map(|(a, i)| &a.coordinates[*i]);
            let found = text.and_then(|t| own.coordinates.iter().position(|c| c == t));
            let i = found.ok_or_else(|| format!("there is no data set at this {}", own.name))?;
            place = place * own.coordinates.len() + i;
        }
        self.ids[place].as_deref().map_err(String::clone)
    }
}

/// Returns the examples of scores that belong to the part, or the reason why there are none.
fn restrict(
    scores: &Arc<Scores>,
    part: &Part,
    axes: &[LabelledAxis],
    at: &[usize],
) -> Result<Result<Arc<Scores>, String>, Failure> {
    let keep: Vec<usize> = match part {
        Part::Label(_) if scores.labels.is_empty() => {
            return Err(Failure::new("these scores carry no labels to split them by")
                .help("make them from a data set with labels, or leave out `by: class`"));
        }
        Part::Label(label) => (0..scores.labels.len()).filter(|i| scores.labels[*i] == *label).collect(),
        Part::Sets(sets) => match sets.at(axes, at) {
            Ok(ids) => (0..scores.ids.len()).filter(|i| ids.binary_search(&scores.ids[*i]).is_ok()).collect(),
            Err(why) => return Ok(Err(why)),
        },
        Part::Unknown => {
            return Err(Failure::new("the axis in `by:` does not split examples, and there is one number for each example")
                .help("split by `class`, or by an axis of data sets (bins, groups)"));
        }
    };
    if keep.is_empty() {
        return Ok(Err(NO_EXAMPLES.to_string()));
    }
    let labels = if scores.labels.is_empty() { Vec::new() } else { keep.iter().map(|i| scores.labels[*i]).collect() };
    Ok(Ok(Arc::new(Scores {
        values: keep.iter().map(|i| scores.values[*i]).collect(),
        ids: Arc::new(keep.iter().map(|i| scores.ids[*i]).collect()),
        labels: Arc::new(labels),
        classes: scores.classes.clone(),
        missing: scores.missing.clone(),
        loadings: scores.loadings.select(&keep),
        about: scores.about.clone(),
    })))
}

/// Returns the coordinate positions of a place in row-major order, outermost axis first.
pub fn position(axes: &[LabelledAxis], place: usize) -> Vec<usize> {
    let mut rest = place;
    let mut out: Vec<usize> = axes
        .iter()
        .rev()
        .map(|a| {
            let n = a.coordinates.len().max(1);
            let at = rest % n;
            rest /= n;
            at
        })
        .collect();
    out.reverse();
    out
}

/// Returns the place of coordinate positions in row-major order.
pub fn place_of(axes: &[LabelledAxis], at: &[usize]) -> usize {
    axes.iter().zip(at).fold(0, |place, (a, i)| place * a.coordinates.len().max(1) + i)
}

/// Returns a place in words: `run: 3, stage: stage1`.
pub fn place_in_words(axes: &[LabelledAxis], place: usize) -> String {
    let at = position(axes, place);
    let words: Vec<_> = axes.iter().zip(at).map(|(a, i)| format!("{}: {}", a.name, a.coordinates[i])).collect();
    words.join(", ")
}

impl Gathered {
    /// Returns whether any of the cells is one number per example.
    pub fn per_example(&self) -> bool {
        self.cells.iter().any(|(_, c)| matches!(c, Cell::Scores(_)))
    }

    /// Leaves of each pair of a symmetric measure one order, and notes the units of all.
    fn pair(&mut self) {
        let Some(pairing) = Pairing::of(&self.axes) else { return };
        let places: Vec<Vec<usize>> = self.cells.iter().map(|(place, _)| position(&self.axes, *place)).collect();
        let slack = Cell::slack(self.cells.iter().map(|(_, c)| c));
        let once = pairing.once(&self.axes, &places, |i, j| self.cells[i].1.same(&self.cells[j].1, slack));
        let mut keep = once.keep.iter();
        self.cells.retain(|_| *keep.next().unwrap_or(&true));
        self.units = once.units.into_iter().zip(once.keep).filter(|(_, k)| *k).map(|(u, _)| u).collect();
    }

    /// Returns the cells at each place of some axes (positions), in row-major order of these, each as gathered alone.
    pub fn groups(&self, axes: &[usize]) -> Vec<Gathered> {
        let mut out: BTreeMap<Vec<usize>, Gathered> = BTreeMap::new();
        for (k, (place, cell)) in self.cells.iter().enumerate() {
            let at = position(&self.axes, *place);
            let group = out.entry(axes.iter().map(|a| at[*a]).collect()).or_insert_with(|| Gathered {
                axes: self.axes.clone(),
                dependent: self.dependent,
                ..Gathered::default()
            });
            group.cells.push((*place, cell.clone()));
            group.units.extend(self.units.get(k));
        }
        out.into_values().collect()
    }

    /// Returns the cells with inner axes reduced first by `inner`: bins of each run before runs. The cells as they are where no axis of the
    /// input nests in another. Numbers per example are averaged example by example.
    pub fn inner_first(&self, inner: &dyn Fn(&Sample) -> Option<Number>) -> Result<Gathered, Failure> {
        let all: Vec<usize> = (0..self.axes.len()).collect();
        let mut out = self.clone();
        for level in LabelledAxis::inner_first(&self.axes, &all) {
            let rest: Vec<usize> = all.iter().copied().filter(|a| !level.contains(a)).collect();
            let mut cells = Vec::new();
            let mut units = Vec::new();
            for group in out.groups(&rest) {
                let Some((place, _)) = group.cells.first() else { continue };
                let mut at = position(&out.axes, *place);
                level.iter().for_each(|a| at[*a] = 0);
                let cell = match group.per_example() {
                    true => Some(Cell::Scores(Arc::new(group.mean_each()?))),
                    false => inner(&group.pooled()?).map(Cell::Number),
                };
                if let Some(cell) = cell {
                    cells.push((place_of(&out.axes, &at), cell));
                    units.extend(group.units.first());
                }
            }
            (out.cells, out.units) = (cells, units);
        }
        Ok(out)
    }

    /// Returns the mean of each example over the cells that have it.
    fn mean_each(&self) -> Result<Scores, Failure> {
        let mut found: BTreeMap<u32, (u32, Vec<f64>)> = BTreeMap::new();
        let (mut classes, mut about) = (Vec::new(), None);
        for (_, cell) in &self.cells {
            let Cell::Scores(s) = cell else { return Err(mixed(cell)) };
            if classes.is_empty() {
                (classes, about) = (s.classes.clone(), s.about.clone());
            }
            for (i, id) in s.ids.iter().enumerate().filter(|(i, _)| !s.values[*i].is_nan()) {
                let label = s.labels.get(i).copied().unwrap_or_default();
                found.entry(*id).or_insert_with(|| (label, Vec::new())).1.push(s.values[i]);
            }
        }
        let labelled = self.cells.iter().all(|(_, c)| matches!(c, Cell::Scores(s) if !s.labels.is_empty()));
        Ok(Scores {
            values: found.values().map(|(_, v)| crate::base::statistics::mean(v)).collect(),
            ids: Arc::new(found.keys().copied().collect()),
            labels: Arc::new(if labelled { found.values().map(|(l, _)| *l).collect() } else { Vec::new() }),
            classes,
            about,
            ..Scores::default()
        })
    }

    /// Returns all numbers in one sample, examples included, with their origins where some were not drawn one by one.
    pub fn pooled(&self) -> Result<Sample, Failure> {
        let mut sample =
            Sample { absent: self.absent, reason: self.reason.clone(), dependent: self.dependent, ..Sample::default() };
        let per_example = self.per_example();
        let standing = self.standing(self.units.is_empty());
        let ends = self.sources_of_pairs();
        for (k, (_, cell)) in self.cells.iter().enumerate() {
            let units = self.units.get(k).copied();
            let origin = |example| Origin { cell: k as u32, at: standing.at[k], example, units };
            let drawn = match units {
                Some(_) => ends.get(k).copied(),
                None => (standing.axes > 0 && standing.named).then_some(standing.units[k]),
            };
            match cell {
                Cell::Scores(s) => {
                    let told = self.cells.len() > 1 || units.is_some();
                    let example = parts::examples(s.about.as_deref().unwrap_or_default(), &s.classes);
                    for (i, (v, id)) in s.values.iter().zip(s.ids.iter()).enumerate() {
                        if !v.is_nan() {
                            sample.load(&s.loadings, i);
                        }
                        sample.push_example(*v, told.then(|| origin(Some(*id % ROW_IDS))), drawn, example(*id));
                        if v.is_nan() && sample.reason.is_none() {
                            sample.reason = s.reason(i).map(str::to_string);
                        }
                    }
                }
                other if per_example => return Err(mixed(other)),
                other => {
                    let number = other.number().ok_or_else(|| not_a_number(other))?;
                    let told = units.is_some() || standing.axes > 1;
                    sample.push_at(number, told.then(|| origin(None)), drawn);
                }
            }
        }
        Ok(sample)
    }

    /// Returns the statistic of all numbers, and the sample it is of. Where examples were chosen anew at places of outer axes (bins of each
    /// run), or axes nest in others, the inner reduction comes first, and the outer one takes its results.
    pub fn reduced(&self, statistic: Statistic) -> Result<(Option<Number>, Sample), Failure> {
        let Some(inner) = statistic.inner() else {
            let sample = self.pooled()?;
            return Ok((sample.statistic(statistic), sample));
        };
        let within = |g: &Gathered| g.inner_first(&|s| s.as_unit(inner))?.pooled();
        let sample = match self.chosen_anew() {
            false => within(self)?,
            true => self.at_outer(|g| Ok(within(g)?.statistic(inner)))?.pooled()?,
        };
        Ok((sample.statistic(statistic), sample))
    }

    /// Returns what `of` makes of the cells at each place of the outer axes, as gathered numbers over these.
    pub fn at_outer(&self, of: impl Fn(&Gathered) -> Result<Option<Number>, Failure>) -> Result<Gathered, Failure> {
        let mut cells = Vec::new();
        for group in self.groups(&self.outer) {
            let (Some((place, _)), Some(number)) = (group.cells.first(), of(&group)?) else { continue };
            let mut at = position(&self.axes, *place);
            (0..at.len()).filter(|k| !self.outer.contains(k)).for_each(|k| at[k] = 0);
            cells.push((place_of(&self.axes, &at), Cell::Number(number)));
        }
        let (axes, absent, dependent, reason) = (self.axes.clone(), self.absent, self.dependent, None);
        Ok(Gathered { axes, cells, absent, dependent, reason, ..Gathered::default() })
    }

    /// Returns where the cells stand on the axes along which they differ; what these coordinates are as sources of error, where `told` asks for it.
    pub fn standing(&self, told: bool) -> Standing {
        let all: Vec<Vec<usize>> = self.cells.iter().map(|(place, _)| position(&self.axes, *place)).collect();
        Standing::of(&self.axes, &all, told)
    }

    /// Returns for each cell the sources of error that its two units are: see [`Pairing::sources`].
    fn sources_of_pairs(&self) -> Vec<[u64; AXES]> {
        let all: Vec<Vec<usize>> = self.cells.iter().map(|(place, _)| position(&self.axes, *place)).collect();
        Pairing::of(&self.axes).map_or_else(Vec::new, |pairing| pairing.sources(&self.axes, &all))
    }

    /// Returns whether examples were chosen anew at places of outer axes: bins of each run.
    pub fn chosen_anew(&self) -> bool {
        !self.outer.is_empty() && self.per_example()
    }

    /// Returns one number for each example, made by `of` from the sample of its numbers in all cells; numbers without examples
    /// count for each of them.
    pub fn each(&self, cx: &dyn Context, mut of: impl FnMut(&Sample) -> f64) -> Result<Scores, Failure> {
        let scores: Vec<&Scores> =
            self.cells.iter().filter_map(|(_, c)| if let Cell::Scores(s) = c { Some(s.as_ref()) } else { None }).collect();
        let aligned = align(&scores)?;
        tell_dropped(cx, &aligned);
        let mut values = Vec::with_capacity(aligned.ids.len());
        let mut sample = Sample::default();
        for row in 0..aligned.ids.len() {
            sample.clear(self.absent);
            let mut which = 0;
            for (_, cell) in &self.cells {
                match cell {
                    Cell::Scores(s) => {
                        sample.push_value(aligned.value(s, which, row));
                        which += 1;
                    }
                    other => sample.push(other.number().ok_or_else(|| not_a_number(other))?, None),
                }
            }
            values.push(of(&sample));
        }
        Ok(aligned.scores(values))
    }

    /// Returns the mean of each example over all cells, with what the means err by together: the coordinates that were drawn, and what cells share.
    pub fn mean_of_each(&self, cx: &dyn Context) -> Result<Scores, Failure> {
        let scores = self.each(cx, |s| s.statistic(Statistic::Mean).map_or(f64::NAN, |n| n.value))?;
        let Some(all) = self.all_scores() else { return Ok(scores) };
        let loadings = loaded::of_mean(&all, &align(&all)?, &self.standing(true));
        Ok(Scores { loadings, ..scores })
    }

    /// Returns the statistic of each example over all cells, with what these err by together: see [`loaded::of_statistic`].
    pub fn statistic_of_each(&self, cx: &dyn Context, which: Statistic) -> Result<Scores, Failure> {
        if which == Statistic::Mean {
            return self.mean_of_each(cx);
        }
        let scores = self.each(cx, |s| s.statistic(which).map_or(f64::NAN, |n| n.value))?;
        // Of sums the coordinates are these very ones: only what each value errs by with others moves them.
        if matches!(which, Statistic::Total | Statistic::Holding) {
            return self.with_slopes(scores, |x| vec![1.0; x.len()]);
        }
        let extreme = match which {
            Statistic::Minimum | Statistic::Quantile(0.0) => Some(false),
            Statistic::Maximum | Statistic::Quantile(1.0) => Some(true),
            _ => None,
        };
        let Some(all) = self.all_scores() else {
            return match extreme {
                Some(largest) => self.with_slopes(scores, |x| at_extreme(x, largest)),
                None => Ok(scores),
            };
        };
        if let Some(largest) = extreme {
            let loadings = loaded::of_extreme(&all, &align(&all)?, &self.standing(true), largest);
            return Ok(Scores { loadings, ..scores });
        }
        if all.len() < 2 {
            return Ok(scores);
        }
        let (aligned, standing) = (align(&all)?, self.standing(true));
        let loadings = loaded::of_statistic(&all, &aligned, &standing, which);
        // What a few coordinates say of a quantile of theirs tells little of how far they are off: where some are missing, they move it as they move the mean.
        let whole = |row| (0..all.len()).all(|cell| !aligned.value(all[cell], cell, row).is_nan());
        let complete: Vec<bool> = (0..aligned.ids.len()).map(whole).collect();
        let loadings = match which {
            Statistic::Median | Statistic::Quantile(_) if complete.contains(&false) => {
                loadings.or(&complete, &loaded::of_mean(&all, &aligned, &standing))
            }
            _ => loadings,
        };
        Ok(Scores { loadings, ..scores })
    }

    /// Returns scores made of those of the cells, example by example, with what they err by together: `slopes` gives the derivatives by the values of
    /// the cells.
    pub fn with_slopes(&self, scores: Scores, slopes: impl Fn(&[f64]) -> Vec<f64>) -> Result<Scores, Failure> {
        let all: Vec<&Scores> =
            self.cells.iter().filter_map(|(_, c)| if let Cell::Scores(s) = c { Some(s.as_ref()) } else { None }).collect();
        if self.dependent || all.len() < self.cells.len() {
            return Ok(scores);
        }
        let loadings = loaded::of_slopes(&all, &align(&all)?, false, slopes);
        Ok(Scores { loadings, ..scores })
    }

    /// Returns whether all, or any, of each example's values hold, with what these outcomes err by together: see [`loaded::of_quantifier`].
    pub fn quantified(&self, cx: &dyn Context, all_of_them: bool) -> Result<Scores, Failure> {
        let scores = self.each(cx, |s| match (s.is_empty(), all_of_them) {
            (true, _) => f64::NAN,
            (_, true) => s.values.iter().all(|v| *v != 0.0) as u8 as f64,
            (_, false) => s.values.iter().any(|v| *v != 0.0) as u8 as f64,
        })?;
        let Some(all) = self.all_scores() else { return Ok(scores) };
        let loadings = loaded::of_quantifier(&all, &align(&all)?, &self.standing(true), all_of_them);
        Ok(Scores { loadings, ..scores })
    }

    /// Returns the scores of all cells where none is a number, which stands at no coordinate, and none is a pair.
    fn all_scores(&self) -> Option<Vec<&Scores>> {
        let one = |(_, c): &'_ (usize, Cell)| matches!(c, Cell::Scores(_));
        if !self.units.is_empty() || self.dependent || !self.cells.iter().all(one) {
            return None;
        }
        self.cells.iter().map(|(_, c)| if let Cell::Scores(s) = c { Some(s.as_ref()) } else { None }).collect()
    }

    /// Returns the failure for an input none of whose cells is there.
    pub fn nothing(&self) -> Failure {
        Failure::Absent(match (&self.reason, self.absent) {
            (Some(why), 1) => why.clone(),
            (Some(why), n) => format!("all {n} values are absent: {why}"),
            (None, _) => "no values".to_string(),
        })
    }
}

/// Returns 1 at the first of the largest (or smallest) values, NaN aside, and 0 elsewhere.
fn at_extreme(values: &[f64], largest: bool) -> Vec<f64> {
    let mut out = vec![0.0; values.len()];
    let there = (0..values.len()).filter(|i| !values[*i].is_nan());
    let beats = |a: f64, b: f64| if largest { a > b } else { a < b };
    if let Some(best) = there.reduce(|best, i| if beats(values[i], values[best]) { i } else { best }) {
        out[best] = 1.0;
    }
    out
}

/// Returns the failure for a word where a number is needed.
pub fn not_a_number(cell: &Cell) -> Failure {
    Failure::new(format!("there is a {} where a number is needed", cell.word()))
}

/// Returns the failure for a number among scores.
fn mixed(cell: &Cell) -> Failure {
    Failure::new(format!("there is a {} among numbers per example: they cannot be pooled", cell.word()))
        .help("reduce over `example` first, then over the other axes")
}

/// Tells how many examples were left out because they are not in all cells.
pub fn tell_dropped(cx: &dyn Context, aligned: &Aligned) {
    if aligned.dropped > 0 {
        cx.progress(1, 1, &[("examples dropped", aligned.dropped as f64)]);
    }
}

/// Returns what a pass over all numbers of the inputs takes, with `each` seconds a number.
pub fn pass_cost(inputs: &[KnownInput], each: f64) -> Cost {
    let numbers: usize = inputs.iter().flat_map(|(_, f)| f.iter()).map(|f| f.rows.unwrap_or(1)).sum();
    Cost { seconds: 1e-6 + each * numbers as f64, memory: 16.0 * numbers as f64, disk: 0.0 }
}

/// Returns the input of a slot.
pub fn labelled<'a>(job: &'a Job, slot: &str) -> Result<&'a Labelled, Failure> {
    job.labelled(slot).ok_or_else(|| mismatch(slot, "number", None))
}

//! Comparisons of numbers and words, their combination by `and`, `or` and `not`, and the choice between two values.

use super::align::{Aligned, align};
use super::arithmetic::{Operand, Outcome, zip};
use super::gather::{Cell, pass_cost, tell_dropped};
use super::reduce::keep_classes;
use super::{words, write};
use crate::base::statistics::norm;
use crate::engine::kernel::{Context, Failure, Job, Kernel, mismatch};
use crate::engine::loadings::{Load, Loadings};
use crate::engine::value::{Number, Scores, Truth, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem};
use crate::plan::files::Files;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A comparison of two sides.
#[derive(Clone, Copy)]
enum Compare {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}

/// A combination of truth values.
#[derive(Clone, Copy)]
enum Combine {
    Both,
    Either,
}

/// `negation`.
struct Negation;

/// `choose`.
struct Choose;

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![
        ("less", Box::new(Compare::Less)),
        ("less_equal", Box::new(Compare::LessEqual)),
        ("greater", Box::new(Compare::Greater)),
        ("greater_equal", Box::new(Compare::GreaterEqual)),
        ("equal", Box::new(Compare::Equal)),
        ("not_equal", Box::new(Compare::NotEqual)),
        ("both", Box::new(Combine::Both)),
        ("either", Box::new(Combine::Either)),
        ("negation", Box::new(Negation)),
        ("choose", Box::new(Choose)),
    ]
}

impl Compare {
    /// Returns the sign as written.
    fn sign(self) -> &'static str {
        match self {
            Compare::Less => "<",
            Compare::LessEqual => "<=",
            Compare::Greater => ">",
            Compare::GreaterEqual => ">=",
            Compare::Equal => "==",
            Compare::NotEqual => "!=",
        }
    }

    /// Returns whether it holds of two numbers.
    fn holds(self, a: f64, b: f64) -> bool {
        match self {
            Compare::Less => a < b,
            Compare::LessEqual => a <= b,
            Compare::Greater => a > b,
            Compare::GreaterEqual => a >= b,
            Compare::Equal => a == b,
            Compare::NotEqual => a != b,
        }
    }

    /// Returns what the outcomes of examples err by together. An outcome has no derivative: a source moves it by half the difference of the outcomes
    /// with the sides one standard error of the source up and down. Over many examples the mean of that is the derivative of their share.
    fn loadings(self, a: &Operand, b: &Operand, count: usize) -> Result<Loadings, Failure> {
        let (a, b) = (Side::of(a), Side::of(b));
        if a.loadings.is_empty() && b.loadings.is_empty() {
            return Ok(Loadings::default());
        }
        let aligned = match (&a.scores, &b.scores) {
            (Some(x), Some(y)) => Some(align(&[x, y])?),
            _ => None,
        };
        let (a, b) = (a.aligned(aligned.as_ref(), 0), b.aligned(aligned.as_ref(), 1));
        let loads =
            |side: &Side| side.loadings.iter().map(|(source, load)| (source, load.clone())).collect::<BTreeMap<u64, Load>>();
        let (of_a, of_b) = (loads(&a), loads(&b));
        let at = |of: &BTreeMap<u64, Load>, source: &u64, i: usize| of.get(source).map_or(0.0, |load| load.at(i));
        let mut out = Loadings::default();
        let (alone_a, alone_b) = (alone(&a, &of_a, &of_b), alone(&b, &of_b, &of_a));
        for (shares, left) in [(&alone_a, true), (&alone_b, false)] {
            let whole = norm(shares.values().copied());
            let one = |i: usize| {
                let (x, y) = (a.value(i), b.value(i));
                let turned = |by: f64| if left { self.holds(x + by, y) } else { self.holds(x, y + by) };
                if x.is_nan() || y.is_nan() { 0.0 } else { (turned(whole) as i8 - turned(-whole) as i8) as f64 / 2.0 }
            };
            let each: Vec<f64> = if shares.is_empty() { Vec::new() } else { (0..count).map(one).collect() };
            for (source, share) in shares.iter().filter(|_| each.iter().any(|x| *x != 0.0)) {
                out.add(*source, Load::Each(Arc::new(each.iter().map(|x| x * share / whole).collect())));
            }
        }
        let apart = |s: &&u64| !alone_a.contains_key(*s) && !alone_b.contains_key(*s);
        for source in of_a.keys().chain(of_b.keys().filter(|s| !of_a.contains_key(s))).filter(apart) {
            let one = |i: usize| {
                let (x, y) = (a.value(i), b.value(i));
                let (dx, dy) = (at(&of_a, source, i), at(&of_b, source, i));
                match x.is_nan() || y.is_nan() {
                    true => 0.0,
                    false => (self.holds(x + dx, y + dy) as i8 - self.holds(x - dx, y - dy) as i8) as f64 / 2.0,
                }
            };
            let each: Vec<f64> = (0..count).map(one).collect();
            if each.iter().any(|x| *x != 0.0) {
                out.add(*source, Load::Each(Arc::new(each)));
            }
        }
        Ok(out.standing(a.loadings.wholes().iter().chain(b.loadings.wholes()).map(|(name, all)| (*name, all.clone())).collect()))
    }

    /// Returns the outcome for two numbers: within error where they are closer than two standard errors of their difference.
    fn of(self, a: Number, b: Number) -> Truth {
        let (error, parts) = Number::propagated(&[(1.0, &a), (-1.0, &b)]);
        let no_error = error.is_none() && !parts.is_exact();
        let error = error.unwrap_or(0.0);
        Truth {
            holds: self.holds(a.value, b.value),
            within_error: (a.value - b.value).abs() < 2.0 * error,
            no_error,
            text: format!("{} {} {}", write::number(&a), self.sign(), write::number(&b)),
        }
    }
}

/// Returns the sources of a number that the other side has not, with its shares of them. They move the number together: of many small ones each would move
/// few examples or none.
fn alone(side: &Side, own: &BTreeMap<u64, Load>, other: &BTreeMap<u64, Load>) -> BTreeMap<u64, f64> {
    let number = side.scores.is_none() && own.len() > 1;
    let shares = own.iter().filter(|(source, load)| number && !other.contains_key(*source) && load.at(0) != 0.0);
    shares.map(|(source, load)| (*source, load.at(0))).collect()
}

/// A side of a comparison of examples.
struct Side {
    scores: Option<Arc<Scores>>,
    number: f64,
    /// Where each common example lies in the scores.
    rows: Option<Vec<usize>>,
    loadings: Loadings,
}

impl Side {
    fn of(operand: &Operand) -> Side {
        match operand {
            Operand::Number(n) => Side { scores: None, number: n.value, rows: None, loadings: Loadings::of(&n.parts) },
            Operand::Scores(s) => Side { scores: Some(s.clone()), number: f64::NAN, rows: None, loadings: s.loadings.clone() },
        }
    }

    /// Returns it for the common examples.
    fn aligned(self, aligned: Option<&Aligned>, which: usize) -> Side {
        match (&self.scores, aligned) {
            (Some(s), Some(both)) => Side { rows: both.rows[which].clone(), loadings: both.loadings(s, which), ..self },
            _ => self,
        }
    }

    fn value(&self, i: usize) -> f64 {
        match (&self.scores, &self.rows) {
            (Some(s), Some(rows)) => s.values[rows[i]],
            (Some(s), None) => s.values[i],
            (None, _) => self.number,
        }
    }
}

impl Planned for Compare {
    /// 2: what both sides err by counts once; it is told where no error is known. 3: outcomes of examples remember what their sides err by together. 4: the sources of a
    /// number move it together.
    fn version(&self) -> u32 {
        4
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        if matches!(self, Compare::Equal | Compare::NotEqual) {
            words::comparable(inputs)?;
        }
        Ok(keep_classes(inputs))
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-8)
    }
}

impl Kernel for Compare {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        if let (Some(Value::Word(a)), Some(Value::Word(b))) = (job.input("a"), job.input("b")) {
            let holds = match self {
                Compare::Equal => a == b,
                Compare::NotEqual => a != b,
                _ => {
                    return Err(Failure::new(format!("`{a}` and `{b}` are words, which have no order"))
                        .help("compare words with == or !="));
                }
            };
            return Ok(Value::Truth(Truth {
                holds,
                within_error: false,
                no_error: false,
                text: format!("{a} {} {b}", self.sign()),
            }));
        }
        let (a, b) = (Operand::of(job, "a")?, Operand::of(job, "b")?);
        if let (Operand::Number(a), Operand::Number(b)) = (&a, &b) {
            return Ok(Value::Truth(self.of(a.clone(), b.clone())));
        }
        let outcome = zip(&a, &b, cx, |a, b| Some(self.holds(a.value, b.value)), |h| h as u8 as f64)?;
        match outcome {
            Outcome::Each(scores) => {
                let loadings = self.loadings(&a, &b, scores.ids.len())?;
                Ok(Value::Scores(Arc::new(Scores { loadings, ..scores })))
            }
            Outcome::One(_) => Err(Failure::new("two numbers were compared as scores")),
        }
    }
}

/// A truth value, or one (1 or 0) per example.
enum Condition {
    One(Truth),
    Each(Arc<Scores>),
}

impl Condition {
    /// Returns the condition in a slot; an absent one makes the result absent.
    fn of(job: &Job, slot: &str) -> Result<Condition, Failure> {
        let value = job.input(slot).ok_or_else(|| mismatch(slot, "truth", None))?;
        match Cell::of(slot, value)?.map_err(Failure::Absent)? {
            Cell::Truth(t) => Ok(Condition::One(t)),
            Cell::Scores(s) => Ok(Condition::Each(s)),
            Cell::Number(_) | Cell::Word(_) => Err(mismatch(slot, "truth", Some(value))),
        }
    }
}

impl Combine {
    /// Returns the outcome of two truth values, of which either may be unknown: one side may decide alone.
    fn of(self, a: Option<bool>, b: Option<bool>) -> Option<bool> {
        let decides = matches!(self, Combine::Either);
        match (a, b) {
            (Some(a), _) if a == decides => Some(decides),
            (_, Some(b)) if b == decides => Some(decides),
            (Some(_), Some(_)) => Some(!decides),
            _ => None,
        }
    }

    /// Returns the word between the sides.
    fn word(self) -> &'static str {
        if matches!(self, Combine::Both) { "and" } else { "or" }
    }

    /// Returns the outcome with both sides written out, an absent one by its reason; within error where turning sides that are so would
    /// turn it or leave it open. The reason of an absent side where the other does not decide.
    fn truth(self, a: &Result<Truth, String>, b: &Result<Truth, String>) -> Result<Truth, String> {
        let known = |x: &Result<Truth, String>| x.as_ref().ok().map(|t| t.holds);
        let Some(holds) = self.of(known(a), known(b)) else {
            let why = |x: &Result<Truth, String>| x.as_ref().err().cloned();
            return Err(why(a).or(why(b)).unwrap_or_default());
        };
        let turned = |x: &Result<Truth, String>, doubt: fn(&Truth) -> bool| match x {
            Ok(t) if doubt(t) => vec![Some(t.holds), Some(!t.holds)],
            other => vec![known(other)],
        };
        let turns = |doubt| turned(a, doubt).iter().any(|x| turned(b, doubt).iter().any(|y| self.of(*x, *y) != Some(holds)));
        let (within_error, no_error) = (turns(|t| t.within_error), turns(|t| t.no_error));
        let text = |x: &Result<Truth, String>| x.as_ref().map_or_else(|why| format!("absent: {why}"), |t| t.text.clone());
        Ok(Truth { holds, within_error, no_error, text: format!("({}) {} ({})", text(a), self.word(), text(b)) })
    }
}

impl Planned for Combine {
    /// 2: one side may decide where the other is absent. 3: it is told where no error is known. 4: outcomes of examples remember what they err by together.
    fn version(&self) -> u32 {
        4
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn takes_absent(&self, _slot: &str) -> bool {
        true
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(keep_classes(inputs))
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-8)
    }
}

impl Kernel for Combine {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let side = |slot| match Condition::of(job, slot) {
            Err(Failure::Absent(why)) => Ok(Err(why)),
            other => other.map(Ok),
        };
        let scores = match (side("a")?, side("b")?) {
            (Ok(Condition::Each(a)), Ok(Condition::Each(b))) => {
                let aligned = align(&[&a, &b])?;
                tell_dropped(cx, &aligned);
                let count = aligned.ids.len();
                let both = |i| (aligned.value(&a, 0, i), aligned.value(&b, 1, i));
                let values = (0..count).map(|i| self.score(both(i).0, both(i).1)).collect();
                // A side moves the outcome of an example where the other leaves it open.
                let open =
                    |of: &dyn Fn((f64, f64)) -> f64| Load::Each(Arc::new((0..count).map(|i| self.open(of(both(i)))).collect()));
                let (of_a, of_b) = (aligned.loadings(&a, 0), aligned.loadings(&b, 1));
                let loadings = of_a.times(&open(&|v| v.1), count).plus(of_b.times(&open(&|v| v.0), count));
                Scores { loadings, ..aligned.scores(values) }
            }
            (Ok(Condition::Each(s)), other) | (other, Ok(Condition::Each(s))) => {
                let one = match &other {
                    Ok(Condition::One(t)) => t.holds as u8 as f64,
                    _ => f64::NAN,
                };
                let loadings = s.loadings.times(&Load::All(self.open(one)), s.ids.len());
                Scores { loadings, ..s.with(s.values.iter().map(|v| self.score(*v, one)).collect()) }
            }
            (a, b) => {
                let one = |x| match x {
                    Ok(Condition::One(t)) => Ok(t),
                    Ok(Condition::Each(_)) => Err("one truth value per example".to_string()),
                    Err(why) => Err(why),
                };
                return self.truth(&one(a), &one(b)).map(Value::Truth).map_err(Failure::Absent);
            }
        };
        Ok(Value::Scores(Arc::new(scores)))
    }
}

impl Combine {
    /// Returns 1 where a side that is so (1, 0, or NaN where absent) leaves the outcome to the other, else 0.
    fn open(self, side: f64) -> f64 {
        (!side.is_nan() && (side != 0.0) != matches!(self, Combine::Either)) as u8 as f64
    }

    /// Returns the outcome for an example, of sides that are 1, 0, or NaN where absent.
    fn score(self, a: f64, b: f64) -> f64 {
        let known = |x: f64| (!x.is_nan()).then_some(x != 0.0);
        self.of(known(a), known(b)).map_or(f64::NAN, |h| h as u8 as f64)
    }
}

impl Planned for Negation {
    /// 2: outcomes of examples remember what they err by together.
    fn version(&self) -> u32 {
        2
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }
}

impl Kernel for Negation {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        match Condition::of(job, "x")? {
            Condition::One(t) => Ok(Value::Truth(Truth { holds: !t.holds, text: format!("not ({})", t.text), ..t })),
            Condition::Each(s) => {
                let turn = |x: &f64| if x.is_nan() { f64::NAN } else { (*x == 0.0) as u8 as f64 };
                let loadings = s.loadings.times(&Load::All(-1.0), s.ids.len());
                Ok(Value::Scores(Arc::new(Scores { loadings, ..s.with(s.values.iter().map(turn).collect()) })))
            }
        }
    }
}

impl Planned for Choose {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn takes_absent(&self, slot: &str) -> bool {
        slot != "condition"
    }

    /// 2: one number stands for each example where the other side has one for each. 3: what a condition of examples errs by is remembered.
    fn version(&self) -> u32 {
        3
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(words::keep(inputs, &["yes", "no"], keep_classes(inputs)))
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-8)
    }
}

impl Kernel for Choose {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let condition = match Condition::of(job, "condition")? {
            Condition::One(t) => {
                let (slot, other) = if t.holds { ("yes", "no") } else { ("no", "yes") };
                return match job.input(slot) {
                    Some(Value::Absent(why)) => Err(Failure::Absent(why.clone())),
                    // One number for each example, as the other side would have had.
                    Some(Value::Number(n)) if let Some(Value::Scores(s)) = job.input(other) => {
                        let values = vec![n.value; s.ids.len()];
                        let scores = Scores { missing: Arc::default(), loadings: Loadings::of(&n.parts), ..s.with(values) };
                        Ok(Value::Scores(Arc::new(scores)))
                    }
                    Some(value) => Ok(value.clone()),
                    None => Err(mismatch(slot, "number", None)),
                };
            }
            Condition::Each(s) => s,
        };
        let (yes, no) = (Operand::of(job, "yes")?, Operand::of(job, "no")?);
        let mut all: Vec<&Scores> = vec![&condition];
        [&yes, &no].into_iter().for_each(|o| {
            if let Operand::Scores(s) = o {
                all.push(s);
            }
        });
        let aligned = align(&all)?;
        tell_dropped(cx, &aligned);
        let no_at = if matches!(yes, Operand::Scores(_)) { 2 } else { 1 };
        let side = |o: &Operand, which: usize, row: usize| match o {
            Operand::Number(n) => n.value,
            Operand::Scores(s) => aligned.value(s, which, row),
        };
        let values = (0..aligned.ids.len())
            .map(|row| match aligned.value(&condition, 0, row) {
                c if c.is_nan() => f64::NAN,
                c if c != 0.0 => side(&yes, 1, row),
                _ => side(&no, no_at, row),
            })
            .collect();
        // What a side errs by goes with the examples that it is chosen for.
        let chosen = |o: &Operand, which: usize, holds: bool| {
            let all = match o {
                Operand::Number(n) => Loadings::of(&n.parts),
                Operand::Scores(s) => aligned.loadings(s, which),
            };
            let one = |row| {
                let c = aligned.value(&condition, 0, row);
                (!c.is_nan() && (c != 0.0) == holds) as u8 as f64
            };
            match all.is_empty() {
                true => all,
                false => all.times(&Load::Each(Arc::new((0..aligned.ids.len()).map(one).collect())), aligned.ids.len()),
            }
        };
        // What the condition errs by turns the choice.
        let of_condition = aligned.loadings(&condition, 0);
        let turned = |row| Some(side(&yes, 1, row) - side(&no, no_at, row)).filter(|d: &f64| d.is_finite()).unwrap_or(0.0);
        let turning = match of_condition.is_empty() {
            true => of_condition,
            false => {
                let each = (0..aligned.ids.len()).map(turned).collect();
                of_condition.times(&Load::Each(Arc::new(each)), aligned.ids.len())
            }
        };
        let loadings = chosen(&yes, 1, true).plus(chosen(&no, no_at, false)).plus(turning);
        Ok(Value::Scores(Arc::new(Scores { loadings, ..aligned.scores(values) })))
    }
}

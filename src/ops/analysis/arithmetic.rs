//! Arithmetic of numbers and of numbers per example, with first-order propagation of standard errors.

use super::align::align;
use super::gather::{Cell, not_a_number, pass_cost, tell_dropped};
use super::reduce::keep_classes;
use super::settings::RoundSettings;
use crate::engine::kernel::{Context, Failure, Job, Kernel, OVERFLOWS, mismatch};
use crate::engine::loadings::{Load, Loadings};
use crate::engine::value::{Number, Scores, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem};
use crate::plan::files::Files;
use std::sync::Arc;

/// An operation on two numbers.
#[derive(Clone, Copy)]
enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

/// A function of one number.
#[derive(Clone, Copy)]
enum Unary {
    Negate,
    Log,
    Exp,
    Sqrt,
    Abs,
    Round,
}

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![
        ("add", Box::new(Binary::Add)),
        ("subtract", Box::new(Binary::Subtract)),
        ("multiply", Box::new(Binary::Multiply)),
        ("divide", Box::new(Binary::Divide)),
        ("power", Box::new(Binary::Power)),
        ("negate", Box::new(Unary::Negate)),
        ("log", Box::new(Unary::Log)),
        ("exp", Box::new(Unary::Exp)),
        ("sqrt", Box::new(Unary::Sqrt)),
        ("abs", Box::new(Unary::Abs)),
        ("round", Box::new(Unary::Round)),
    ]
}

impl Binary {
    /// Returns the value and the derivatives by both operands.
    fn apply(self, a: f64, b: f64) -> (f64, f64, f64) {
        match self {
            Binary::Add => (a + b, 1.0, 1.0),
            Binary::Subtract => (a - b, 1.0, -1.0),
            Binary::Multiply => (a * b, b, a),
            Binary::Divide => (a / b, 1.0 / b, -(a / b) / b),
            Binary::Power => {
                let value = libm::pow(a, b);
                (value, b * libm::pow(a, b - 1.0), value * libm::log(a))
            }
        }
    }

    /// Returns the sign between the operands.
    fn sign(self) -> &'static str {
        match self {
            Binary::Add => "+",
            Binary::Subtract => "-",
            Binary::Multiply => "*",
            Binary::Divide => "/",
            Binary::Power => "to the power",
        }
    }

    /// Returns whether the result of two finite numbers is above the largest one, or 0 to a power below 0.
    fn overflows(self, a: f64, b: f64) -> bool {
        a.is_finite() && b.is_finite() && self.apply(a, b).0.is_infinite()
    }

    /// Returns why there is no result.
    fn why(self, a: f64, b: f64) -> &'static str {
        let zero = match self {
            Binary::Divide => b == 0.0,
            Binary::Power => a == 0.0,
            Binary::Add | Binary::Subtract | Binary::Multiply => false,
        };
        if !zero && self.overflows(a, b) { OVERFLOWS } else { "is not defined" }
    }

    /// Returns what the results of examples err by together, to first order.
    fn loadings(self, a: &Operand, b: &Operand, count: usize) -> Result<Loadings, Failure> {
        let none = |o: &Operand| match o {
            Operand::Number(n) => n.error.is_none(),
            Operand::Scores(s) => s.loadings.is_empty(),
        };
        if none(a) && none(b) {
            return Ok(Loadings::default());
        }
        let aligned = match (a, b) {
            (Operand::Scores(a), Operand::Scores(b)) => Some(align(&[a, b])?),
            _ => None,
        };
        let value = |o: &Operand, which: usize, row: usize| match (o, &aligned) {
            (Operand::Number(n), _) => n.value,
            (Operand::Scores(s), Some(both)) => both.value(s, which, row),
            (Operand::Scores(s), None) => s.values[row],
        };
        let slopes = |of: &dyn Fn((f64, f64, f64)) -> f64| match self {
            Binary::Add | Binary::Subtract => Load::All(of(self.apply(0.0, 0.0))),
            _ => Load::Each(Arc::new((0..count).map(|i| usable(of(self.apply(value(a, 0, i), value(b, 1, i))))).collect())),
        };
        let of = |o: &Operand, which: usize| match (o, &aligned) {
            (Operand::Number(n), _) => Loadings::of(&n.parts),
            (Operand::Scores(s), Some(both)) => both.loadings(s, which),
            (Operand::Scores(s), None) => s.loadings.clone(),
        };
        Ok(of(a, 0).times(&slopes(&|d| d.1), count).plus(of(b, 1).times(&slopes(&|d| d.2), count)))
    }

    /// Returns the result; `None` if it is not defined or above the largest number.
    ///
    /// The error is of first order: sqrt((da e_a)^2 + (db e_b)^2) of operands that err independently; what both err by counts once.
    fn of(self, a: Number, b: Number) -> Option<Number> {
        let (value, da, db) = self.apply(a.value, b.value);
        let undefined = value.is_nan() || (matches!(self, Binary::Divide) && b.value == 0.0) || self.overflows(a.value, b.value);
        let (no_a, no_b) = match self {
            Binary::Divide => (false, a.value == 0.0),
            Binary::Power => (a.value == 0.0 || b.value == 0.0, a.value == 0.0 || a.value == 1.0),
            Binary::Add | Binary::Subtract | Binary::Multiply => (true, true),
        };
        (!undefined).then(|| {
            let (error, parts) = Number::propagated(&[(kept(da, no_a), &a), (kept(db, no_b), &b)]);
            Number { value, error, count: fewest(&a, &b), parts }
        })
    }
}

impl Unary {
    /// Returns the value and its derivative.
    fn apply(self, x: f64, digits: i64) -> (f64, f64) {
        match self {
            Unary::Negate => (-x, -1.0),
            Unary::Log => (libm::log(x), 1.0 / x),
            Unary::Exp => {
                let value = libm::exp(x);
                (value, value)
            }
            Unary::Sqrt => (x.sqrt(), 0.5 / x.sqrt()),
            Unary::Abs => (x.abs(), if x < 0.0 { -1.0 } else { 1.0 }),
            Unary::Round => (round(x, digits), 1.0),
        }
    }

    /// Returns the result; `None` if it is not defined or above the largest number.
    fn of(self, x: Number, digits: i64) -> Option<Number> {
        let (value, slope) = self.apply(x.value, digits);
        let undefined = value.is_nan() || (matches!(self, Unary::Log) && x.value <= 0.0) || overflown(x.value, value);
        (!undefined).then(|| {
            let (error, parts) = Number::propagated(&[(slope, &x)]);
            Number { value, error, count: x.count, parts }
        })
    }
}

/// Returns a derivative; nothing where it is too small to be kept and is not nothing (`flat`), since what it makes of a large error is not known then.
fn kept(slope: f64, flat: bool) -> f64 {
    if slope.abs() < f64::MIN_POSITIVE && !flat { f64::NAN } else { slope }
}

/// Returns a derivative where an example has one; those without a result move nothing.
fn usable(slope: f64) -> f64 {
    if slope.is_finite() { slope } else { 0.0 }
}

/// Returns whether a finite number became an infinite one.
fn overflown(x: f64, value: f64) -> bool {
    x.is_finite() && value.is_infinite()
}

/// Returns the number rounded to `digits` decimals (below 0: to tens, hundreds), halves of its exact value to the even neighbour, as Python does.
fn round(x: f64, digits: i64) -> f64 {
    // More digits than a number can have leave it as it is.
    if !x.is_finite() || x == 0.0 || digits > 1100 {
        return x;
    }
    let exponent = format!("{x:e}").rsplit('e').next().and_then(|e| e.parse::<i64>().ok()).unwrap_or(0);
    let keep = exponent.saturating_add(1).saturating_add(digits);
    match keep {
        // All digits go, but more than half a unit is one: the exact value, which has fewer than 800 digits, is above 5 at its first one.
        0 => {
            let exact = format!("{:.800e}", x.abs());
            let digits = exact.split('e').next().unwrap_or_default().trim_end_matches('0');
            let one = || format!("1e{}", exponent + 1).parse().unwrap_or(f64::INFINITY);
            if digits > "5." { f64::copysign(one(), x) } else { 0.0f64.copysign(x) }
        }
        ..0 => 0.0f64.copysign(x),
        _ => format!("{x:.*e}", keep as usize - 1).parse().unwrap_or(x),
    }
}

/// Returns the smaller of the counts that are known.
fn fewest(a: &Number, b: &Number) -> Option<u64> {
    match (a.count, b.count) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// An operand: a number, or one per example.
pub enum Operand {
    /// One number.
    Number(Number),
    /// One per example.
    Scores(Arc<Scores>),
}

impl Operand {
    /// Returns the operand in a slot; an absent one makes the result absent.
    pub fn of(job: &Job, slot: &str) -> Result<Operand, Failure> {
        let value = job.input(slot).ok_or_else(|| mismatch(slot, "number", None))?;
        match Cell::of(slot, value)?.map_err(Failure::Absent)? {
            Cell::Scores(s) => Ok(Operand::Scores(s)),
            cell => cell.number().map(Operand::Number).ok_or_else(|| not_a_number(&cell)),
        }
    }
}

/// What a function of two operands gives.
pub enum Outcome<T> {
    /// Of two numbers; `None` if it is not defined.
    One(Option<T>),
    /// Of numbers per example.
    Each(Scores),
}

/// Returns the function of two operands: of two numbers one result, else scores of the examples that both have.
/// `of` gives `None` where it is not defined: an example's score is then NaN.
pub fn zip<T>(
    a: &Operand,
    b: &Operand,
    cx: &dyn Context,
    of: impl Fn(Number, Number) -> Option<T>,
    plain: impl Fn(T) -> f64,
) -> Result<Outcome<T>, Failure> {
    let score = |x: f64, y: f64| {
        if x.is_nan() || y.is_nan() { f64::NAN } else { of(Number::exact(x), Number::exact(y)).map_or(f64::NAN, &plain) }
    };
    Ok(match (a, b) {
        (Operand::Number(a), Operand::Number(b)) => Outcome::One(of(a.clone(), b.clone())),
        (Operand::Scores(a), Operand::Number(b)) => Outcome::Each(a.with(a.values.iter().map(|x| score(*x, b.value)).collect())),
        (Operand::Number(a), Operand::Scores(b)) => Outcome::Each(b.with(b.values.iter().map(|y| score(a.value, *y)).collect())),
        (Operand::Scores(a), Operand::Scores(b)) => {
            let aligned = align(&[a, b])?;
            tell_dropped(cx, &aligned);
            let row = |i| score(aligned.value(a, 0, i), aligned.value(b, 1, i));
            Outcome::Each(aligned.scores((0..aligned.ids.len()).map(row).collect()))
        }
    })
}

impl Planned for Binary {
    /// 6 of quotients, 5 of powers: a derivative too small to be kept leaves no error known. One below, 4 of others: numbers per example remember what all
    /// err by. Two below: what both operands err by counts once. Three below: above the largest number there is no result.
    fn version(&self) -> u32 {
        match self {
            Binary::Divide => 6,
            Binary::Power => 5,
            Binary::Add | Binary::Subtract | Binary::Multiply => 4,
        }
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(keep_classes(inputs))
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-8)
    }
}

impl Kernel for Binary {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (a, b) = (Operand::of(job, "a")?, Operand::of(job, "b")?);
        match zip(&a, &b, cx, |a, b| self.of(a, b), |n| n.value)? {
            Outcome::One(Some(n)) => Ok(Value::Number(n)),
            Outcome::One(None) => {
                let side = |o: &Operand| if let Operand::Number(n) = o { n.value } else { f64::NAN };
                let (a, b) = (side(&a), side(&b));
                let (left, right) = (super::write::plain(a), super::write::plain(b));
                Err(Failure::Absent(format!("{left} {} {right} {}", self.sign(), self.why(a, b))))
            }
            Outcome::Each(scores) => {
                let loadings = self.loadings(&a, &b, scores.ids.len())?;
                Ok(Value::Scores(Arc::new(Scores { loadings, ..scores })))
            }
        }
    }
}

impl Planned for Unary {
    /// The last: numbers per example remember what all err by. One below: what an error is made of. 2 of rounding: to tens and hundreds too; 5: of the exact value. 2 of
    /// `exp`: nothing above the largest number.
    fn version(&self) -> u32 {
        match self {
            Unary::Round => 5,
            Unary::Exp => 4,
            _ => 3,
        }
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-8)
    }
}

impl Kernel for Unary {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let digits = if matches!(self, Unary::Round) { RoundSettings::read(&job.settings).digits } else { 0 };
        match Operand::of(job, "x")? {
            Operand::Number(x) => self.of(x.clone(), digits).map(Value::Number).ok_or_else(|| {
                let why =
                    if overflown(x.value, self.apply(x.value, digits).0) && x.value > 0.0 { OVERFLOWS } else { "is not defined" };
                Failure::Absent(format!("{} of {} {why}", job.op, super::write::plain(x.value)))
            }),
            Operand::Scores(s) => {
                let one = |x: &f64| self.of(Number::exact(*x), digits).map_or(f64::NAN, |n| n.value);
                let slopes = s.values.iter().map(|x| usable(self.apply(*x, digits).1)).collect();
                let loadings = match s.loadings.is_empty() {
                    true => Loadings::default(),
                    false => s.loadings.times(&Load::Each(Arc::new(slopes)), s.ids.len()),
                };
                Ok(Value::Scores(Arc::new(Scores { loadings, ..s.with(s.values.iter().map(one).collect()) })))
            }
        }
    }
}

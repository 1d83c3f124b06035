//! Learning rates as functions of the step.

use super::given::{EPOCHS, Given};
use crate::lang::Static;
use crate::settings;

settings! {
    /// Fields of `constant`.
    struct Constant("constant") { value: Given }
}
settings! {
    /// Fields of `triangular`.
    struct Triangular("triangular") { peak: Given, rise: Given, start: Given, end: Given }
}
settings! {
    /// Fields of `cosine`.
    struct Cosine("cosine") { peak: Given, warmup: Given, end: Given }
}
settings! {
    /// Fields of `one_cycle`.
    struct OneCycle("one_cycle") { peak: Given, rise: Given, divide: Given, final_divide: Given }
}
settings! {
    /// Fields of `step`.
    struct Step("step") { start: Given, at: Vec<Given>, factor: Given }
}

/// A schedule.
#[derive(Clone, Debug, PartialEq)]
pub enum Rate {
    /// One rate throughout.
    Constant(f64),
    /// Linearly from `start` to `peak` over the share `rise` of all steps, then linearly to `end` (one cycle).
    Triangular { peak: f64, rise: f64, start: f64, end: f64 },
    /// Linearly from 0 to `peak` over the share `warmup` of all steps, then along half a cosine to `end`.
    Cosine { peak: f64, warmup: f64, end: f64 },
    /// Along half a cosine from `start` to `peak` until the step `rise * total - 1`, then along another to `end` at the last step:
    /// PyTorch's `OneCycleLR`.
    OneCycle { peak: f64, rise: f64, start: f64, end: f64 },
    /// `start`, multiplied by `factor` after each of the epochs `at`.
    Step { start: f64, at: Vec<usize>, factor: f64 },
}

impl Rate {
    /// Returns the largest rate of the schedule.
    pub fn largest(&self) -> f64 {
        match *self {
            Rate::Constant(rate) => rate,
            Rate::Triangular { peak, start, end, .. } | Rate::OneCycle { peak, start, end, .. } => peak.max(start).max(end),
            Rate::Cosine { peak, end, .. } => peak.max(end),
            Rate::Step { start, factor, .. } => start * factor.max(1.0),
        }
    }

    /// Returns the schedule that a setting names; a plain number is a constant one.
    ///
    /// Errors: a value out of its range, in a sentence.
    pub fn parse(setting: &Static) -> Result<Self, String> {
        if let Static::Number(value) = setting {
            return positive("rate", *value).map(Rate::Constant);
        }
        let Some((name, fields)) = setting.make() else { return Err("the learning rate is not a number".into()) };
        let share = |field: &str, value: f64| {
            if (0.0..=1.0).contains(&value) {
                Ok(value)
            } else {
                Err(format!("`{field}: {value}` is not between 0 and 1; a share of {value} in a hundred is `{value}%`"))
            }
        };
        match name {
            "constant" => positive("value", Constant::read(&fields).value.0).map(Rate::Constant),
            "triangular" => {
                let given = Triangular::read(&fields);
                Ok(Rate::Triangular {
                    peak: positive("peak", given.peak.0)?,
                    rise: share("rise", given.rise.0)?,
                    start: positive("start", given.start.0)?,
                    end: positive("end", given.end.0)?,
                })
            }
            "cosine" => {
                let given = Cosine::read(&fields);
                Ok(Rate::Cosine {
                    peak: positive("peak", given.peak.0)?,
                    warmup: share("warmup", given.warmup.0)?,
                    end: positive("end", given.end.0)?,
                })
            }
            "one_cycle" => {
                let given = OneCycle::read(&fields);
                let peak = positive("peak", given.peak.0)?;
                let part = |field: &str, given: Given| match given.0 {
                    x if x >= 1.0 && x.is_finite() => Ok(x),
                    x => Err(format!("`{field}: {x}` is below 1")),
                };
                let start = peak / part("divide", given.divide)?;
                Ok(Rate::OneCycle {
                    peak,
                    rise: share("rise", given.rise.0)?,
                    start,
                    end: start / part("final_divide", given.final_divide)?,
                })
            }
            "step" => {
                let given = Step::read(&fields);
                let whole = |x: &Given| match x.0 {
                    x if x >= 0.0 && x.fract() == 0.0 && x <= EPOCHS as f64 => Ok(x as usize),
                    x => Err(format!("`at: {x}` is not an epoch")),
                };
                let at: Vec<usize> = given.at.iter().map(whole).collect::<Result<_, _>>()?;
                if let Some(pair) = at.windows(2).find(|pair| pair[0] >= pair[1]) {
                    return Err(format!("`at` lists epochs in ascending order, and {} follows {}", pair[1], pair[0]));
                }
                Ok(Rate::Step { start: positive("start", given.start.0)?, at, factor: positive("factor", given.factor.0)? })
            }
            other => Err(format!("there is no schedule `{other}`")),
        }
    }

    /// Returns the rate of a step, counted from 0, of `total`; `epoch` is counted from 0, too.
    pub fn at(&self, step: u64, total: u64, epoch: usize) -> f64 {
        let done = if total == 0 { 0.0 } else { step as f64 / total as f64 };
        match self {
            Rate::Constant(value) => *value,
            Rate::Triangular { peak, rise, start, end } => {
                if done < *rise {
                    start + (peak - start) * done / rise
                } else if *rise >= 1.0 {
                    *peak
                } else {
                    peak + (end - peak) * (done - rise) / (1.0 - rise)
                }
            }
            Rate::Cosine { peak, warmup, end } => {
                if done < *warmup {
                    peak * done / warmup
                } else if *warmup >= 1.0 {
                    *peak
                } else {
                    end + (peak - end) * 0.5 * (1.0 + (std::f64::consts::PI * (done - warmup) / (1.0 - warmup)).cos())
                }
            }
            Rate::OneCycle { peak, rise, start, end } => {
                let (top, last) = (rise * total as f64 - 1.0, total as f64 - 1.0);
                let step = step as f64;
                let between = |a: f64, b: f64, done: f64| b + (a - b) / 2.0 * (1.0 + (std::f64::consts::PI * done).cos());
                if step <= top && top > 0.0 {
                    between(*start, *peak, step / top)
                } else if last > top.max(0.0) {
                    between(*peak, *end, (step - top.max(0.0)) / (last - top.max(0.0)))
                } else {
                    *peak
                }
            }
            Rate::Step { start, at, factor } => start * factor.powi(at.iter().filter(|e| **e <= epoch).count() as i32),
        }
    }
}

fn positive(field: &str, value: f64) -> Result<f64, String> {
    if value >= 0.0 && value.is_finite() { Ok(value) } else { Err(format!("`{field}: {value}` is not a learning rate")) }
}

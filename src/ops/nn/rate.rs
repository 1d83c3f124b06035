//! Learning rates as functions of the step.

use crate::lang::Static;

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
    /// Returns the schedule that a setting names; a plain number is a constant one.
    ///
    /// Errors: a value out of its range, in a sentence.
    pub fn parse(setting: &Static) -> Result<Self, String> {
        if let Static::Number(value) = setting {
            return positive("rate", *value).map(Rate::Constant);
        }
        let Some((name, fields)) = setting.make() else { return Err("the learning rate is missing".into()) };
        let real = |field: &str, default: f64| fields.get(field).number().unwrap_or(default);
        let share = |field: &str, value: f64| {
            if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(format!("`{field}: {value}` is not between 0 and 100 %")) }
        };
        match name {
            "constant" => positive("value", fields.real("value")).map(Rate::Constant),
            "triangular" => Ok(Rate::Triangular {
                peak: positive("peak", fields.real("peak"))?,
                rise: share("rise", real("rise", 0.15))?,
                start: positive("start", real("start", 1e-6))?,
                end: positive("end", real("end", 1e-6))?,
            }),
            "cosine" => Ok(Rate::Cosine {
                peak: positive("peak", fields.real("peak"))?,
                warmup: share("warmup", real("warmup", 0.0))?,
                end: positive("end", real("end", 0.0))?,
            }),
            "one_cycle" => {
                let peak = positive("peak", fields.real("peak"))?;
                let part = |field: &str, default: f64| match real(field, default) {
                    x if x >= 1.0 && x.is_finite() => Ok(x),
                    x => Err(format!("`{field}: {x}` is below 1")),
                };
                let start = peak / part("divide", 25.0)?;
                Ok(Rate::OneCycle {
                    peak,
                    rise: share("rise", real("rise", 0.3))?,
                    start,
                    end: start / part("final_divide", 1e4)?,
                })
            }
            "step" => {
                let at = match fields.get("at") {
                    Static::List(items) => items.iter().filter_map(|i| i.number()).map(|x| x as usize).collect(),
                    _ => Vec::new(),
                };
                Ok(Rate::Step {
                    start: positive("start", fields.real("start"))?,
                    at,
                    factor: positive("factor", real("factor", 0.1))?,
                })
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

//! From numbers to places on an axis, with ticks at round numbers.

use super::font;

/// How numbers map to places.
#[derive(Clone, Debug, PartialEq)]
pub enum Scale {
    /// Evenly.
    Linear { low: f64, high: f64 },
    /// Evenly in the logarithm; both ends positive.
    Log { low: f64, high: f64 },
    /// Named places at 0, 1, 2, …
    Category { names: Vec<String> },
}

/// A tick: where, and what stands there.
pub type Tick = (f64, String);

impl Scale {
    /// Returns a linear scale that holds all finite numbers with a little room; 0..1 where there are none.
    pub fn over(values: impl IntoIterator<Item = f64>) -> Scale {
        let (low, high) = range(values);
        if low > high {
            return Scale::Linear { low: 0.0, high: 1.0 };
        }
        let room = match differ(low, high) {
            true => 0.04 * (high - low),
            false if low == 0.0 => 1.0,
            false => 0.1 * low.abs(),
        };
        Scale::Linear { low: low - room, high: high + room }
    }

    /// Returns a linear scale as [`Scale::over`] that ends exactly at the given bounds where the data stay within them
    /// and come near: shares and accuracies should not seem to go above 1.
    pub fn within(values: impl IntoIterator<Item = f64>, floor: f64, ceiling: f64) -> Scale {
        let values: Vec<f64> = values.into_iter().collect();
        let (low, high) = range(values.iter().copied());
        match Scale::over(values) {
            Scale::Linear { low: l, high: h } => Scale::Linear {
                low: if low >= floor { l.max(floor) } else { l },
                high: if high <= ceiling { h.min(ceiling) } else { h },
            },
            other => other,
        }
    }

    /// Returns a linear scale as [`Scale::over`] that begins at zero: for bars. Of shares it ends at 1 where they come near.
    pub fn from_zero(values: impl IntoIterator<Item = f64>, share: bool) -> Scale {
        let (low, high) = range(values.into_iter().chain([0.0]));
        let room = if high > low { 0.05 * (high - low) } else { 1.0 };
        let top = if high > 0.0 || low == high { high + room } else { 0.0 };
        Scale::Linear {
            low: if low < 0.0 { low - room } else { 0.0 },
            high: if share && high <= 1.0 { top.min(1.0) } else { top },
        }
    }

    /// Returns a logarithmic scale over the positive numbers, or a linear one where there are none.
    pub fn log_over(values: impl IntoIterator<Item = f64>) -> Scale {
        let (low, high) = range(values.into_iter().filter(|v| *v > 0.0));
        if low > high {
            return Scale::Linear { low: 0.0, high: 1.0 };
        }
        let room = if high > low { (high / low).powf(0.04) } else { 2.0 };
        Scale::Log { low: low / room, high: high * room }
    }

    /// Returns a logarithmic scale for bars over the positive numbers, from a power of ten below all of them; a linear one where there are none.
    pub fn from_decade(values: impl IntoIterator<Item = f64>) -> Scale {
        let (low, high) = range(values.into_iter().filter(|v| *v > 0.0));
        if low > high {
            return Scale::Linear { low: 0.0, high: 1.0 };
        }
        // A bar of exactly a power of ten would have no height above that.
        let foot = 10f64.powf((low.log10() - 1e-9).ceil() - 1.0);
        Scale::Log { low: foot, high: high * (high / foot).powf(0.05) }
    }

    /// Returns the place of a number in 0..1 along the axis; NaN where it has none.
    pub fn place(&self, x: f64) -> f64 {
        match self {
            Scale::Linear { low, high } => (x - low) / (high - low),
            Scale::Log { low, high } => {
                if x > 0.0 {
                    (x / low).ln() / (high / low).ln()
                } else {
                    f64::NAN
                }
            }
            Scale::Category { names } => (x + 0.5) / names.len().max(1) as f64,
        }
    }

    /// Returns the number at a place in 0..1: the inverse of [`Scale::place`] for numbers.
    pub fn number(&self, place: f64) -> f64 {
        match self {
            Scale::Linear { low, high } => low + place * (high - low),
            Scale::Log { low, high } => low * (high / low).powf(place),
            Scale::Category { names } => place * names.len().max(1) as f64 - 0.5,
        }
    }

    /// Returns ticks at round numbers, about one for each `spacing` pixels of a `length`.
    pub fn ticks(&self, length: f64, spacing: f64) -> Vec<Tick> {
        let count = (length / spacing).max(3.0);
        match self {
            Scale::Linear { low, high } => {
                let ticks = linear_ticks(*low, *high, count);
                // A single tick says where something is, and nothing of how far anything else is from it.
                if ticks.len() < 2 { linear_ticks(*low, *high, 2.0 * count) } else { ticks }
            }
            Scale::Log { low, high } => log_ticks(*low, *high, count),
            Scale::Category { names } => names.iter().enumerate().map(|(i, n)| (i as f64, n.clone())).collect(),
        }
    }

    /// Returns the ticks of numbers that are whole.
    pub fn whole_ticks(&self, length: f64, spacing: f64) -> Vec<Tick> {
        let ticks = self.ticks(length, spacing).into_iter().filter(|t| t.0.fract() == 0.0);
        ticks.map(|(v, text)| if v.abs() < 1e6 { (v, fixed(v, 0)) } else { (v, text) }).collect()
    }
}

/// Returns whether one number is above another by more than the last digits, in which arithmetic errs.
pub fn differ(low: f64, high: f64) -> bool {
    high - low > 1e-12 * low.abs().max(high.abs())
}

/// Returns the smallest and largest finite number; `(inf, -inf)` where there is none.
pub fn range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    values
        .into_iter()
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

/// Returns the step 1, 2, 2.5 or 5 times a power of ten that cuts a range into at most about `count` parts.
fn nice_step(range: f64, count: f64) -> f64 {
    let raw = range / count;
    let power = 10f64.powf(raw.log10().floor());
    let lead = raw / power;
    let nice = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|n| lead <= n * (1.0 + 1e-9)).unwrap_or(10.0);
    nice * power
}

fn linear_ticks(low: f64, high: f64, count: f64) -> Vec<Tick> {
    if !(low.is_finite() && high.is_finite() && high > low) {
        return Vec::new();
    }
    let step = nice_step(high - low, count);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    if last - first > 1000 {
        return Vec::new();
    }
    let values: Vec<f64> = (first..=last).map(|i| i as f64 * step).collect();
    let largest = values.iter().fold(0f64, |m, v| m.max(v.abs()));
    let exponent = if largest > 0.0 { largest.log10().floor() as i32 } else { 0 };
    if !(-4..6).contains(&exponent) {
        // Powers of ten are written out: 2×10⁶.
        let unit = 10f64.powi(exponent);
        let decimals = decimals_of(step / unit);
        return values
            .into_iter()
            .map(|v| (v, if v == 0.0 { "0".into() } else { format!("{}×{}", fixed(v / unit, decimals), power(exponent)) }))
            .collect();
    }
    let decimals = decimals_of(step);
    values.into_iter().map(|v| (v, fixed(v, decimals))).collect()
}

/// Returns the decimals that write a step exactly.
fn decimals_of(step: f64) -> usize {
    (0..12)
        .find(|d| {
            let scaled = step * 10f64.powi(*d);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1e-9)
        })
        .unwrap_or(12) as usize
}

fn log_ticks(low: f64, high: f64, count: f64) -> Vec<Tick> {
    let (first, last) = ((low.log10() - 1e-9).ceil() as i32, (high.log10() + 1e-9).floor() as i32);
    if last - first < 2 {
        // Under two decades round numbers within a decade read better.
        let mut out = Vec::new();
        for decade in first - 1..=last {
            for lead in [1.0, 2.0, 5.0] {
                let v = lead * 10f64.powi(decade);
                if v >= low * (1.0 - 1e-9) && v <= high * (1.0 + 1e-9) {
                    out.push((v, number(v)));
                }
            }
        }
        if out.len() >= 2 {
            return out;
        }
        return linear_ticks(low, high, count).into_iter().filter(|t| t.0 > 0.0).collect();
    }
    let stride = (((last - first + 1) as f64 / count).ceil() as i32).max(1);
    let plain = first >= -3 && last <= 4;
    (first..=last)
        .filter(|p| p.rem_euclid(stride) == 0)
        .map(|p| (10f64.powi(p), if plain { number(10f64.powi(p)) } else { power(p) }))
        .collect()
}

/// Returns `10ⁿ`.
pub fn power(exponent: i32) -> String {
    let raised = |c: char| match c {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        d => char::from_u32('⁴' as u32 + d as u32 - '4' as u32).unwrap_or(d),
    };
    format!("10{}", exponent.to_string().chars().map(raised).collect::<String>())
}

/// Returns a number with `decimals` decimals and a true minus sign.
pub fn fixed(x: f64, decimals: usize) -> String {
    let text = format!("{x:.decimals$}");
    let zero = text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.');
    match text.strip_prefix('-') {
        Some(rest) if zero => rest.to_string(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// Returns a number for reading: about three significant digits, with a true minus sign.
pub fn number(x: f64) -> String {
    if x.is_nan() {
        return "none".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "∞".into() } else { "−∞".into() };
    }
    if x == 0.0 {
        return "0".into();
    }
    let exponent = x.abs().log10().floor() as i32;
    if !(-4..6).contains(&exponent) {
        let lead = x / 10f64.powi(exponent);
        let text = trim(fixed(lead, 2));
        return if text == "1" { power(exponent) } else { format!("{text}×{}", power(exponent)) };
    }
    trim(fixed(x, (2 - exponent).max(0) as usize))
}

fn trim(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

/// Returns the ticks that can be written side by side without touching: every k-th one; where they lie unevenly and that leaves fewer, the
/// first, the last, and between them each that has space, from the last to the first.
pub fn thin(ticks: Vec<Tick>, size: f64, place: impl Fn(f64) -> f64) -> Vec<Tick> {
    let apart = |a: &Tick, b: &Tick| {
        (place(b.0) - place(a.0)).abs() >= (font::width(&a.1, size, false) + font::width(&b.1, size, false)) / 2.0 + 6.0
    };
    let fits = |step: usize| {
        let kept: Vec<_> = ticks.iter().step_by(step).collect();
        kept.windows(2).all(|w| apart(w[0], w[1]))
    };
    let least = (1..=ticks.len().max(1)).find(|s| fits(*s)).unwrap_or(1);
    let gaps: Vec<f64> = ticks.windows(2).map(|w| (place(w[1].0) - place(w[0].0)).abs()).collect();
    let (narrowest, widest) = range(gaps);
    let even: Vec<Tick> = ticks.iter().step_by(round_step(least)).cloned().collect();
    if widest <= 1.01 * narrowest {
        return even;
    }
    let mut spaced: Vec<Tick> = Vec::new();
    for (i, tick) in ticks.iter().enumerate().rev() {
        let beside_first = i == 0 || spaced.is_empty() || apart(&ticks[0], tick);
        if beside_first && spaced.last().is_none_or(|after| apart(tick, after)) {
            spaced.push(tick.clone());
        }
    }
    spaced.reverse();
    if spaced.len() > even.len() { spaced } else { even }
}

/// Returns the step to write every k-th of many places, at least the one given: readers count in fives and tens.
pub fn round_step(least: usize) -> usize {
    if least <= 5 {
        return least;
    }
    let mut unit = 10;
    loop {
        if let Some(step) = [unit, 2 * unit, 5 * unit].into_iter().find(|s| *s >= least) {
            return step;
        }
        unit *= 10;
    }
}

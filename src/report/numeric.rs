//! Numbers in texts: coordinates that are numbers (0..10, 20%), and numbers as tables write them.

/// Returns the last decimal place that a standard error leaves meaning to, as a power of ten: the error keeps two digits where its first
/// three are 100 to 354, one where they are 355 to 949, and becomes 1000 with two digits above (Particle Data Group, Review of Particle
/// Physics, introduction, 5.3).
pub fn last_place(error: f64) -> i32 {
    let place = error.log10().floor() as i32;
    let lead = (error / 10f64.powi(place - 2)).round();
    // From 950 on the error is one place longer, and keeps two digits of that.
    if lead < 355.0 { place - 1 } else { place }
}

/// A number and its standard error, both written to the place that the error tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rounded {
    /// The number.
    pub value: String,
    /// Its standard error.
    pub error: String,
    /// The power of ten that both are to be multiplied with; 0 where they stand as they are.
    pub exponent: i32,
}

/// Returns a number and its standard error, rounded to [`last_place`]. `None` where one of them is not finite, or the error is not above 0.
pub fn rounded(value: f64, error: f64) -> Option<Rounded> {
    if !(value.is_finite() && error.is_finite() && error > 0.0) {
        return None;
    }
    let last = last_place(error);
    let whole = value.abs().max(error).log10().floor() as i32;
    let (exponent, unit) = if (-4..6).contains(&whole) { (0, 1.0) } else { (whole, 10f64.powi(whole)) };
    let decimals = (exponent - last).max(0) as usize;
    // Above the decimal point rounding leaves zeros.
    let to = |x: f64| if last > exponent { (x / 10f64.powi(last)).round() * 10f64.powi(last) } else { x };
    let text = |x: f64| {
        let text = format!("{:.decimals$}", to(x) / unit);
        if text.contains(|c: char| matches!(c, '1'..='9')) { text } else { text.trim_start_matches('-').to_string() }
    };
    Some(Rounded { value: text(value), error: text(error), exponent })
}

/// Returns the numbers that coordinates write, and whether in per cent; `None` if any is a word.
pub fn numeric(coordinates: &[String], role: &str) -> Option<(Vec<f64>, bool)> {
    if coordinates.is_empty() || matches!(role, "class" | "stage") {
        return None;
    }
    let percent = coordinates.iter().all(|c| c.ends_with('%'));
    let parse = |c: &String| match c.strip_suffix('%') {
        Some(n) => n.trim().parse::<f64>().ok().map(|v| v / 100.0),
        None => c.parse::<f64>().ok(),
    };
    let values: Option<Vec<f64>> = coordinates.iter().map(parse).collect();
    values.filter(|v| v.iter().all(|x| x.is_finite())).map(|v| (v, percent))
}

/// Returns a number as it is written in tables: the shortest text that reads back as the same number; nothing for NaN.
pub fn written(x: f64) -> String {
    match x {
        x if x.is_nan() => String::new(),
        x if x.is_infinite() => if x > 0.0 { "inf" } else { "-inf" }.to_string(),
        0.0 => "0".to_string(),
        x if x.fract() == 0.0 && x.abs() < 1e15 => (x as i64).to_string(),
        x if x.abs() >= 1e-5 && x.abs() < 1e15 => x.to_string(),
        x => format!("{x:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_by_their_errors() {
        let words = |value, error| rounded(value, error).map(|r| (r.value, r.error, r.exponent));
        let text = |a: &str, b: &str, e| Some((a.to_string(), b.to_string(), e));
        assert_eq!(words(0.91234, 0.0127), text("0.912", "0.013", 0));
        assert_eq!(words(-0.0001, 0.01), text("0.000", "0.010", 0));
        assert_eq!(words(1234.5, 47.0), text("1230", "50", 0));
        assert_eq!(words(2.34567e8, 1.2e6), text("2.346", "0.012", 8));
        assert_eq!(words(-3.2e-7, 4.4e-8), text("-3.2", "0.4", -7));
        assert_eq!((words(1.0, 0.0), words(f64::NAN, 0.1), words(1.0, f64::INFINITY)), (None, None, None));
    }
}

//! Numbers with their standard errors, in words.

use crate::engine::value::Number;

/// Returns a number as text: `0.9132 ± 0.0021`, its error with two digits and its value to the same decimal; without an error
/// with six significant digits at most.
pub fn number(n: &Number) -> String {
    match n.error.filter(|e| *e > 0.0 && e.is_finite()) {
        Some(error) if n.value.is_finite() => {
            let decimals = 1 - magnitude(error);
            if !(-6..=6).contains(&decimals) || n.value.abs() >= 1e9 {
                return format!("{} ± {}", plain(n.value), short(error));
            }
            let d = decimals.max(0) as usize;
            format!("{:.d$} ± {:.d$}", n.value, error)
        }
        _ => plain(n.value),
    }
}

/// Returns the exponent of the leading digit once rounded to two digits.
fn magnitude(x: f64) -> i32 {
    format!("{x:.1e}").split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0)
}

/// Returns a number with six significant digits at most and no trailing zeros; whole numbers in full.
pub fn plain(x: f64) -> String {
    if x.fract() == 0.0 && x != 0.0 && x.abs() < 1e15 { x.to_string() } else { digits(x, 6) }
}

/// Returns a number with two significant digits.
fn short(x: f64) -> String {
    digits(x, 2)
}

/// Returns a number with at most `count` significant digits and no trailing zeros.
fn digits(x: f64, count: usize) -> String {
    if !x.is_finite() || x == 0.0 {
        return if x == 0.0 { "0".to_string() } else { x.to_string() };
    }
    let rounded: f64 = format!("{:.*e}", count - 1, x).parse().unwrap_or(x);
    if (1e-4..1e9).contains(&rounded.abs()) { rounded.to_string() } else { format!("{rounded:e}") }
}

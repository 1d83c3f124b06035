//! Exact decimal numbers, as scripts write them: `20%`, `0.2` and `2e-1` are the same coordinate.

use std::fmt;

/// An exact decimal `digits * 10^exponent`, kept in lowest form (no trailing zeros in `digits`; zero has exponent 0).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    digits: i128,
    exponent: i32,
}

impl Decimal {
    /// Returns `digits * 10^exponent`.
    pub fn new(mut digits: i128, mut exponent: i32) -> Self {
        if digits == 0 {
            return Decimal { digits: 0, exponent: 0 };
        }
        while digits % 10 == 0 {
            digits /= 10;
            exponent += 1;
        }
        Decimal { digits, exponent }
    }

    /// Returns the decimal written in the text (`12`, `-0.5`, `1e-4`), or `None` if it is not a decimal or has more than 36 digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(i) => (&text[..i], text[i + 1..].parse::<i32>().ok()?),
            None => (text, 0),
        };
        if exponent.abs() > 400 {
            return None;
        }
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: String = format!("{whole}{fraction}");
        let count = digits.trim_start_matches(['-', '0']).len();
        if count > 36 || fraction.len() > 400 {
            return None;
        }
        Some(Decimal::new(digits.parse().ok()?, exponent - fraction.len() as i32))
    }

    /// Returns the decimal nearest to what `f64` prints as, exact for every number a script can compute from short decimals.
    pub fn from_f64(x: f64) -> Option<Self> {
        x.is_finite().then(|| Decimal::parse(&format!("{x:e}"))).flatten()
    }

    /// Returns the decimal of a whole number.
    pub fn from_int(n: i64) -> Self {
        Decimal::new(n as i128, 0)
    }

    /// Returns the number times a power of ten.
    pub fn scale10(self, power: i32) -> Self {
        if self.digits == 0 { self } else { Decimal { exponent: self.exponent + power, ..self } }
    }

    /// Returns the nearest `f64`.
    pub fn to_f64(self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// Returns the number as an `i64` where it is a whole one that fits.
    pub fn to_int(self) -> Option<i64> {
        if !(0..=18).contains(&self.exponent) {
            return None;
        }
        self.digits.checked_mul(10i128.pow(self.exponent as u32)).and_then(|n| i64::try_from(n).ok())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits.unsigned_abs().to_string();
        let sign = if self.digits < 0 { "-" } else { "" };
        let point = digits.len() as i32 + self.exponent;
        if self.exponent >= 0 && point <= 21 {
            write!(f, "{sign}{digits}{}", "0".repeat(self.exponent as usize))
        } else if self.exponent < 0 && point > 0 {
            let (a, b) = digits.split_at(point as usize);
            write!(f, "{sign}{a}.{b}")
        } else if self.exponent < 0 && point > -6 {
            write!(f, "{sign}0.{}{digits}", "0".repeat(-point as usize))
        } else {
            let (a, b) = digits.split_at(1);
            let dot = if b.is_empty() { "" } else { "." };
            write!(f, "{sign}{a}{dot}{b}e{}", point - 1)
        }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

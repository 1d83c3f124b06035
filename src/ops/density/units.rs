//! Which units of a representation a density is over: those that vary among the rows fitted.

use std::borrow::Cow;

/// The units of a density.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Units {
    /// Units of the representation.
    pub width: usize,
    /// Those that the density is over, ascending.
    pub kept: Vec<usize>,
    /// Those left out as constant, ascending, with the value they have in all rows.
    pub constant: Vec<(usize, f64)>,
}

impl Units {
    /// Returns all of `width` units.
    pub fn all(width: usize) -> Units {
        Units { width, kept: (0..width).collect(), constant: Vec::new() }
    }

    /// Returns the units that vary among row-major rows. A unit is constant where smallest and largest value are equal or differ by rounding
    /// alone (8 units in the last place of the larger one), whatever its value is.
    pub fn varying(x: &[f64], width: usize) -> Units {
        let mut out = Units { width, ..Units::default() };
        for j in 0..width {
            let column = || x.iter().skip(j).step_by(width.max(1)).copied();
            let (low, high) = column().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            // Halves, since the difference of two numbers can be too large for one.
            if 0.5 * high - 0.5 * low > 4.0 * f64::EPSILON * low.abs().max(high.abs()) {
                out.kept.push(j);
            } else {
                out.constant.push((j, x.get(j).copied().unwrap_or(0.0)));
            }
        }
        out
    }

    /// Returns the numbers of row-major rows in the units that the density is over.
    pub fn select<'a>(&self, x: &'a [f64]) -> Cow<'a, [f64]> {
        if self.constant.is_empty() {
            return Cow::Borrowed(x);
        }
        Cow::Owned(x.chunks_exact(self.width).flat_map(|row| self.kept.iter().map(|j| row[*j])).collect())
    }

    /// Returns whole rows of rows in the units that the density is over: constant units have their constant.
    pub fn complete(&self, x: Vec<f64>) -> Vec<f64> {
        if self.constant.is_empty() {
            return x;
        }
        let mut out = Vec::with_capacity(x.len() / self.kept.len().max(1) * self.width);
        for row in x.chunks_exact(self.kept.len().max(1)) {
            let at = out.len();
            out.resize(at + self.width, 0.0);
            self.kept.iter().zip(row).for_each(|(j, v)| out[at + j] = *v);
            self.constant.iter().for_each(|(j, v)| out[at + j] = *v);
        }
        out
    }

    /// Returns the units that are constant here and in other rows, at different values.
    pub fn elsewhere(&self, other: &Units) -> Vec<usize> {
        let at = |j: usize| other.constant.iter().find(|(k, _)| *k == j).map(|(_, v)| *v);
        let differs = |a: f64, b: f64| 0.5 * (a.max(b) - a.min(b)) > 4.0 * f64::EPSILON * a.abs().max(b.abs());
        self.constant.iter().filter(|(j, v)| at(*j).is_some_and(|o| differs(*v, o))).map(|(j, _)| *j).collect()
    }

    /// Returns that the constant units are, in words: `units 3, 7 and 9 are`.
    pub fn named(&self) -> String {
        are(&self.constant.iter().map(|(j, _)| *j).collect::<Vec<_>>())
    }
}

/// Returns units in words, such as `units 3, 7 and 9`; of many the first few.
pub fn names(units: &[usize]) -> String {
    let words: Vec<String> = units.iter().take(5).map(ToString::to_string).collect();
    match (units.len(), words.split_last()) {
        (1, Some((one, _))) => format!("unit {one}"),
        (n, Some(_)) if n > 5 => format!("units {} and {} more", words.join(", "), n - 5),
        (_, Some((last, rest))) => format!("units {} and {last}", rest.join(", ")),
        (_, None) => "no unit".to_string(),
    }
}

/// Returns units in words with their verb: `units 3, 7 and 9 are`.
pub fn are(units: &[usize]) -> String {
    format!("{} {}", names(units), if units.len() == 1 { "is" } else { "are" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_constant_at_different_values_are_told_from_those_at_one() {
        // Columns: varies, 0.1 here and 0.7 there, 0.3 in both, constant here alone, 0.1 + 0.2 beside 0.3 (one unit in the last place apart).
        let here = [1.0, 0.1, 0.3, 5.0, 0.1 + 0.2, 2.0, 0.1, 0.3, 5.0, 0.1 + 0.2];
        let there = [3.0, 0.7, 0.3, 5.0, 0.3, 4.0, 0.7, 0.3, 6.0, 0.3];
        let (here, there) = (Units::varying(&here, 5), Units::varying(&there, 5));
        assert_eq!((here.kept.as_slice(), there.kept.as_slice()), (&[0][..], &[0, 3][..]));
        assert_eq!(here.elsewhere(&there), [1]);
        assert_eq!(there.elsewhere(&here), [1]);
        assert_eq!(here.elsewhere(&here), [] as [usize; 0]);
        // Signs and scales: the same number of either sign is another value, and so is one of another scale.
        for (a, b) in [(1e-90, -1e-90), (0.0, 1e-300), (1e90, 2e90), (0.0, f64::MAX)] {
            let one = |v: f64| Units::varying(&[v, v], 1);
            assert_eq!(one(a).elsewhere(&one(b)), [0], "{a} and {b}");
        }
        assert_eq!(Units::varying(&[0.0, -0.0], 1).constant.len(), 1);
        assert!(Units::varying(&[0.0], 1).elsewhere(&Units::varying(&[-0.0], 1)).is_empty());
    }
}

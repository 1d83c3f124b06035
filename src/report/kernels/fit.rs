//! Straight lines of least squares.

use crate::report::figure::{Color, Mark, scale};
use crate::report::numeric::last_place;

/// A line y = intercept + slope x through points, by ordinary least squares. On a logarithmic axis x or y stand for their logarithms to the
/// base 10. Standard errors from the residuals with n - 2 degrees of freedom.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Of which values; empty where there are no others.
    name: String,
    /// Colour of the line.
    pub ink: Color,
    log: (bool, bool),
    /// Slope.
    pub slope: f64,
    /// Its standard error; NaN below three points.
    pub slope_error: f64,
    /// Intercept.
    pub intercept: f64,
    /// Share of the variance of y that the line explains.
    pub r_squared: f64,
    /// Number of points.
    pub count: usize,
    ends: (f64, f64),
}

impl Fit {
    /// Returns the line; `None` if x has fewer than two values. Points that a logarithmic axis cannot hold are left out.
    pub fn of(points: &[(f64, f64)], log: (bool, bool), name: String, ink: Color) -> Option<Fit> {
        let into = |log: bool, v: f64| if log { v.log10() } else { v };
        let at: Vec<(f64, f64)> = points.iter().map(|p| (into(log.0, p.0), into(log.1, p.1))).collect();
        let at: Vec<(f64, f64)> = at.into_iter().filter(|p| p.0.is_finite() && p.1.is_finite()).collect();
        let n = at.len() as f64;
        let mean = |get: fn(&(f64, f64)) -> f64| at.iter().map(get).sum::<f64>() / n;
        let (mx, my) = (mean(|p| p.0), mean(|p| p.1));
        let sum = |f: &dyn Fn(f64, f64) -> f64| at.iter().map(|p| f(p.0 - mx, p.1 - my)).sum::<f64>();
        let (sxx, sxy, syy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
        if at.len() < 2 || !(sxx > 0.0) {
            return None;
        }
        let slope = sxy / sxx;
        let rest = sum(&|x, y| (y - slope * x) * (y - slope * x));
        Some(Fit {
            name,
            ink,
            log,
            slope,
            slope_error: if at.len() > 2 { (rest / (n - 2.0) / sxx).sqrt() } else { f64::NAN },
            intercept: my - slope * mx,
            r_squared: if syy > 0.0 { 1.0 - rest / syy } else { f64::NAN },
            count: at.len(),
            ends: scale::range(at.iter().map(|p| p.0)),
        })
    }

    /// Returns the line where nothing is known of its error, as of points that were not drawn one by one.
    pub fn without_error(self) -> Fit {
        Fit { slope_error: f64::NAN, ..self }
    }

    /// Returns the line over the range of the points.
    pub fn mark(&self) -> Mark {
        let out = |log: bool, v: f64| if log { 10f64.powf(v) } else { v };
        let at = [self.ends.0, self.ends.1].map(|v| (out(self.log.0, v), out(self.log.1, self.intercept + self.slope * v)));
        Mark::Line { at: at.to_vec(), color: self.ink, width: 1.4, dash: "", opacity: 0.9 }
    }

    /// Returns a number rounded as the error of the slope is.
    fn rounded(&self, x: f64) -> String {
        if !(self.slope_error > 0.0) {
            return scale::number(x);
        }
        match last_place(self.slope_error) {
            place @ -6..=0 => scale::fixed(x, place.unsigned_abs() as usize),
            _ => scale::number(x),
        }
    }

    /// Returns the slope with its error, for the legend.
    pub fn words(&self) -> String {
        let of = if self.name.is_empty() { String::new() } else { format!("{}: ", self.name) };
        match self.slope_error.is_finite() {
            true => format!("{of}least squares, slope {} ± {}", self.rounded(self.slope), self.rounded(self.slope_error)),
            false => format!("{of}least squares, slope {}", scale::number(self.slope)),
        }
    }

    /// Returns what a caption says of the line.
    pub fn sentence(&self) -> String {
        let axis = |log: bool, name: &str| if log { format!("log₁₀ {name}") } else { name.to_string() };
        let of = if self.name.is_empty() { String::new() } else { format!(" of {}", self.name) };
        let error = match self.slope_error.is_finite() {
            true => format!(" ± {} (standard error)", self.rounded(self.slope_error)),
            false => String::new(),
        };
        // Of a y that is the same everywhere there is no variance to explain.
        let explained =
            if self.r_squared.is_finite() { format!(", R² = {}", scale::fixed(self.r_squared, 3)) } else { String::new() };
        format!(
            "Least squares{of}: {} = {} + b {}, b = {}{error}{explained}, n = {}.",
            axis(self.log.1, "y"),
            scale::number(self.intercept),
            axis(self.log.0, "x"),
            if self.slope_error.is_finite() { self.rounded(self.slope) } else { scale::number(self.slope) },
            self.count
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::color::INK;

    #[test]
    fn lines_agree_with_scipy() {
        // scipy.stats.linregress, see tests/data/figures/least_squares.py.
        let text = include_str!("../../../tests/data/figures/least_squares.json");
        let data: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let list =
            |name: &str| data[name].as_array().expect("a list").iter().filter_map(serde_json::Value::as_f64).collect::<Vec<_>>();
        let points: Vec<(f64, f64)> = list("x").into_iter().zip(list("y")).collect();
        for (log, name) in [((false, false), "linear"), ((true, true), "log")] {
            let fit = Fit::of(&points, log, String::new(), INK).expect("a line");
            let expected = |key: &str| data[name][key].as_f64().expect("a number");
            for (own, key) in
                [(fit.slope, "slope"), (fit.slope_error, "stderr"), (fit.intercept, "intercept"), (fit.r_squared, "r_squared")]
            {
                assert!((own - expected(key)).abs() < 1e-10 * expected(key).abs().max(1.0), "{name} {key}: {own}");
            }
        }
        assert!(Fit::of(&[(1.0, 2.0), (1.0, 3.0)], (false, false), String::new(), INK).is_none());
        let two = Fit::of(&[(0.0, 1.0), (2.0, 5.0)], (false, false), String::new(), INK).expect("a line");
        assert!(two.slope == 2.0 && two.slope_error.is_nan() && two.intercept == 1.0);
        // On a line exactly the error is nothing, and rounds nothing.
        let exact = Fit::of(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)], (false, false), String::new(), INK).expect("a line");
        assert_eq!(exact.words(), "least squares, slope 2 ± 0");
        let flat = Fit::of(&[(0.0, 2.0), (1.0, 2.0), (2.0, 2.0)], (false, false), String::new(), INK).expect("a line");
        assert_eq!(flat.sentence(), "Least squares: y = 2 + b x, b = 0 ± 0 (standard error), n = 3.");
    }
}

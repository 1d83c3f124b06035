//! Coordinates and class names as what they write: whole numbers, numbers, or words.

/// What a list of coordinates writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Coordinates {
    /// Whole numbers, written as `3` or `-1`.
    Integers(Vec<i64>),
    /// Finite numbers; `20%` is 0.2.
    Numbers(Vec<f64>),
    /// Anything else, as written.
    Words(Vec<String>),
}

impl Coordinates {
    /// Returns what the coordinates of an axis of this role write. Classes and stages are named, not measured: they are whole numbers or words.
    pub fn of(written: &[String], role: &str) -> Coordinates {
        if let Some(all) = whole(written.iter().map(String::as_str)) {
            return Coordinates::Integers(all);
        }
        let number = |c: &String| match c.strip_suffix('%') {
            Some(n) => n.trim().parse::<f64>().ok().map(|v| v / 100.0),
            None => c.parse::<f64>().ok(),
        };
        let numbers: Option<Vec<f64>> = written.iter().map(|c| number(c).filter(|x| x.is_finite())).collect();
        match numbers {
            Some(all) if !all.is_empty() && !matches!(role, "class" | "stage") => Coordinates::Numbers(all),
            _ => Coordinates::Words(written.to_vec()),
        }
    }

    /// Returns the number of coordinates.
    pub fn len(&self) -> usize {
        match self {
            Coordinates::Integers(x) => x.len(),
            Coordinates::Numbers(x) => x.len(),
            Coordinates::Words(x) => x.len(),
        }
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns them as a list in JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Coordinates::Integers(x) => serde_json::json!(x),
            Coordinates::Numbers(x) => serde_json::json!(x),
            Coordinates::Words(x) => serde_json::json!(x),
        }
    }
}

/// Returns texts as whole numbers where all are, each written the shortest way (`7`, not `07`); nothing for no texts.
pub fn whole<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Vec<i64>> {
    let all: Option<Vec<i64>> = texts.map(|t| t.parse::<i64>().ok().filter(|n| n.to_string() == t)).collect();
    all.filter(|x| !x.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_what_they_write() {
        let of = |written: &[&str], role: &str| Coordinates::of(&written.iter().map(|s| s.to_string()).collect::<Vec<_>>(), role);
        assert_eq!(of(&["0", "10", "-2"], "declared"), Coordinates::Integers(vec![0, 10, -2]));
        assert_eq!(of(&["0%", "20%"], "declared"), Coordinates::Numbers(vec![0.0, 0.2]));
        assert_eq!(of(&["0", "0.5"], "declared"), Coordinates::Numbers(vec![0.0, 0.5]));
        assert_eq!(of(&["0", "1"], "class"), Coordinates::Integers(vec![0, 1]));
        for (written, role) in [(["0", "0.5"], "class"), (["007", "x"], "declared"), (["1", "inf"], "declared")] {
            assert!(matches!(of(&written, role), Coordinates::Words(_)), "{written:?}");
        }
        assert_eq!(of(&["007"], "class"), Coordinates::Words(vec!["007".into()]));
        assert!(of(&[], "declared").is_empty());
    }
}

//! Coordinates that are numbers: 0..10, 20%.

/// Returns the numbers that coordinates write, and whether in per cent; nothing where any is a word.
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

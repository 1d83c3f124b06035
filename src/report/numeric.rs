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

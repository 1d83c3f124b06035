//! Times in words.

/// Returns how long something takes, for tables: `0 s`, `120 ms`, `12.3 s`, `20 min`, `2.0 h`, `3.5 days`; empty if it is not a number.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() => String::new(),
        s if s < 0.0005 => "0 s".to_string(),
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s if s < 90.0 => format!("{s:.1} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} days", s / 86400.0),
    }
}

/// Returns a time that runs, as a clock shows it: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
pub fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..10 => format!("{:.1} s", seconds.max(0.0)),
        10..90 => format!("{whole} s"),
        90..5400 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

//! The differences of two runs in words.

use super::{Change, Diff, Number, TableDiff, Verdict};
use std::fmt::Write;

/// Most values of a table that are written out.
const SHOWN: usize = 10;

/// Returns the differences in words.
pub(super) fn text(diff: &Diff) -> String {
    if diff.is_same() {
        return "the two runs are the same\n".to_string();
    }
    let mut out = String::new();
    section(&mut out, "settings", &diff.settings);
    section(&mut out, "files read", &diff.files);
    section(&mut out, "versions and devices", &diff.versions);
    section(&mut out, "claims", &diff.claims);
    if !diff.tables.is_empty() {
        out.push_str("numbers (beyond: apart by two standard errors of the difference or more, errors taken as independent)\n");
        diff.tables.iter().for_each(|t| table(&mut out, t));
    }
    section(&mut out, "other results", &diff.others);
    out
}

fn section(out: &mut String, title: &str, changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    let _ = writeln!(out, "{title}");
    for change in changes {
        let side = |n: usize| {
            let line = change.lines[n].map_or_else(String::new, |l| format!(" (line {l})"));
            format!("{}{line}", change.sides[n].as_deref().unwrap_or("-"))
        };
        let _ = writeln!(out, "  {}: {} → {}", change.what, side(0), side(1));
    }
}

fn table(out: &mut String, table: &TableDiff) {
    if let Some(words) = &table.unread {
        let _ = writeln!(out, "  {}: not compared: {words}", table.name);
        return;
    }
    let parts = [
        (table.count(Verdict::Beyond), "beyond their errors"),
        (table.count(Verdict::Within), "within their errors"),
        (table.count(Verdict::Unknown), "without known errors"),
        (table.rows[0], "rows only in the first"),
        (table.rows[1], "rows only in the second"),
    ];
    let words: Vec<String> = parts.iter().filter(|p| p.0 > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let _ = writeln!(out, "  {}: of {} values in both: {}", table.name, table.both, words.join(", "));
    for n in table.differ.iter().take(SHOWN) {
        let _ = writeln!(out, "    {}", value(&table.name, n));
    }
    if table.differ.len() > SHOWN {
        let _ = writeln!(out, "    … {} in all; `--json` lists them", table.differ.len());
    }
}

fn value(table: &str, n: &Number) -> String {
    let side = |(text, error): &(String, Option<f64>)| match (text.parse::<f64>(), error) {
        (Ok(x), Some(e)) => format!("{} ± {}", plain(x), plain(*e)),
        (Ok(x), None) => plain(x),
        _ if text.is_empty() => "-".to_string(),
        _ => text.clone(),
    };
    let column = if n.column == table { String::new() } else { format!("{} ", n.column) };
    let apart = n.errors.map_or_else(String::new, |e| format!(" ({} standard errors)", plain(e)));
    let at = if n.at.is_empty() { String::new() } else { format!("{}: ", n.at) };
    format!("{at}{column}{} → {}{apart}", side(&n.sides[0]), side(&n.sides[1]))
}

/// Returns a number with four digits.
fn plain(x: f64) -> String {
    let exponent = if x == 0.0 || !x.is_finite() { 0 } else { x.abs().log10().floor() as i32 };
    match exponent {
        -4..=6 => format!("{x:.*}", (3 - exponent).clamp(0, 8) as usize),
        _ => format!("{x:.3e}"),
    }
}

//! Declared values as LaTeX tables with booktabs, values rounded by their errors.

use super::numeric::{Rounded, rounded as rounded_by};
use crate::base::text::harmless;
use crate::engine::value::{Number, Value};
use crate::plan::graph::Declared;
use std::fmt::Write;

/// Most rows of a table: more fill no page.
const ROWS: usize = 60;

/// Most coordinates of the last axis that stand side by side.
const COLUMNS: usize = 8;

/// Returns a value over its axes as a LaTeX table: a row for each combination of coordinates, parts of a record as columns, and of two
/// axes or more the last one side by side where it has up to eight coordinates. Numbers stand as `0.912 \pm 0.013`, rounded by [`rounded`].
///
/// Nothing for values that are no numbers, words or truths, and above 60 rows.
pub fn tabular(declared: &Declared, values: &[Value]) -> Option<String> {
    let parts = parts(&declared.name, values)?;
    let axes = &declared.axes;
    let across = match axes.last() {
        Some(last) if axes.len() > 1 && last.coordinates.len() * parts.len() <= COLUMNS => last.coordinates.len(),
        _ => 1,
    };
    let lead = if across > 1 { axes.len() - 1 } else { axes.len() };
    let rows = values.len() / across;
    if rows > ROWS || rows == 0 {
        return None;
    }
    let title = declared.doc.as_deref().and_then(|d| d.lines().next()).unwrap_or(&declared.name);
    let mut out = String::from("% \\usepackage{booktabs}\n\\begin{table}\n\\centering\n");
    let _ = writeln!(out, "\\caption{{{}}}\n\\label{{tab:{}}}", escape(title.trim_end_matches('.')), super::slug(&declared.name));
    let _ = writeln!(out, "\\begin{{tabular}}{{{}{}}}\n\\toprule", "l".repeat(lead), "r".repeat(across * parts.len()));
    let names = axes[..lead].iter().map(|a| escape(&a.name));
    let several = parts.len() > 1;
    if across > 1 {
        let last = &axes[lead];
        let heading = |c: &String| format!("\\multicolumn{{{}}}{{c}}{{{}}}", parts.len(), escape(c));
        let of: Vec<String> = last.coordinates.iter().map(heading).collect();
        let over = format!("\\multicolumn{{{}}}{{c}}{{{}}}", across * parts.len(), escape(&last.name));
        line(&mut out, std::iter::repeat_n(String::new(), lead).chain([over]));
        let _ = writeln!(out, "\\cmidrule(lr){{{}-{}}}", lead + 1, lead + across * parts.len());
        match several {
            false => line(&mut out, names.chain(of)),
            true => {
                line(&mut out, std::iter::repeat_n(String::new(), lead).chain(of));
                line(&mut out, names.chain((0..across).flat_map(|_| parts.iter().map(|p| escape(p)))));
            }
        }
    } else {
        line(&mut out, names.chain(parts.iter().map(|p| escape(p))));
    }
    out.push_str("\\midrule\n");
    for row in 0..rows {
        let mut rest = row;
        let mut at: Vec<String> = axes[..lead]
            .iter()
            .rev()
            .map(|a| {
                let n = a.coordinates.len().max(1);
                let text = a.coordinates.get(rest % n).map_or("", String::as_str);
                rest /= n;
                escape(text)
            })
            .collect();
        at.reverse();
        let cells = values[row * across..(row + 1) * across].iter().flat_map(|v| parts.iter().map(move |p| cell(part(v, p))));
        line(&mut out, at.into_iter().chain(cells));
    }
    out.push_str("\\bottomrule\n\\end{tabular}\n\\end{table}\n");
    Some(out)
}

fn line(out: &mut String, cells: impl Iterator<Item = String>) {
    let _ = writeln!(out, "{} \\\\", cells.collect::<Vec<_>>().join(" & "));
}

/// Returns the columns: the parts of records, or the value's own name. Nothing where a value is of another kind, or none is there.
fn parts(name: &str, values: &[Value]) -> Option<Vec<String>> {
    let plain = |v: &Value| matches!(v, Value::Number(_) | Value::Truth(_) | Value::Word(_) | Value::Absent(_));
    if values.iter().all(|v| matches!(v, Value::Absent(_))) {
        return None;
    }
    let record = values.iter().find_map(|v| if let Value::Record(fields) = v { Some(fields) } else { None });
    let Some(fields) = record else { return values.iter().all(plain).then(|| vec![name.to_string()]) };
    let all = |v: &Value| match v {
        Value::Record(fields) => fields.iter().all(|(_, v)| plain(v)),
        other => matches!(other, Value::Absent(_)),
    };
    values.iter().all(all).then(|| fields.iter().map(|(n, _)| n.clone()).collect())
}

fn part<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Record(fields) => fields.iter().find(|(n, _)| n == name).map(|(_, v)| v),
        other => Some(other),
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        Some(Value::Number(n)) => rounded(n),
        Some(Value::Truth(t)) => if t.holds { "yes" } else { "no" }.to_string(),
        Some(Value::Word(w)) => escape(w),
        _ => "---".to_string(),
    }
}

/// Returns a number in LaTeX: value and standard error end at the place that [`super::numeric::last_place`] tells. Without an error four digits are kept.
pub fn rounded(n: &Number) -> String {
    if !n.value.is_finite() {
        return "---".into();
    }
    let Some(error) = n.error.filter(|e| e.is_finite() && *e > 0.0) else { return format!("${}$", digits(n.value)) };
    match rounded_by(n.value, error) {
        Some(Rounded { value, error, exponent: 0 }) => format!("${value} \\pm {error}$"),
        Some(Rounded { value, error, exponent }) => format!("$({value} \\pm {error}) \\times 10^{{{exponent}}}$"),
        None => format!("${}$", digits(n.value)),
    }
}

fn exponent(x: f64) -> i32 {
    if x > 0.0 { x.log10().floor() as i32 } else { 0 }
}

fn digits(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    if x.fract() == 0.0 && x.abs() < 1e6 {
        return format!("{x}");
    }
    let place = exponent(x.abs());
    if !(-4..6).contains(&place) {
        return format!("{:.3} \\times 10^{{{place}}}", x / 10f64.powi(place));
    }
    format!("{:.*}", (3 - place).max(0) as usize, x)
}

/// Returns the text with LaTeX's special characters written out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in harmless(text).chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '<' => out.push_str("$<$"),
            '>' => out.push_str("$>$"),
            '−' => out.push_str("$-$"),
            '×' => out.push_str("$\\times$"),
            '±' => out.push_str("$\\pm$"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;
    use crate::engine::kernel::LabelledAxis;
    use crate::engine::value::Truth;

    fn estimate(value: f64, error: f64) -> Value {
        Value::Number(Number::estimate(value, error))
    }

    fn declared(name: &str, doc: Option<&str>, axes: &[(&str, &[&str])]) -> Declared {
        let axis = |(name, coordinates): &(&str, &[&str])| LabelledAxis {
            name: name.to_string(),
            role: "declared".into(),
            coordinates: coordinates.iter().map(|c| c.to_string()).collect(),
            ..LabelledAxis::default()
        };
        Declared {
            keyword: "analysis".into(),
            name: name.into(),
            kind: "number".into(),
            source: String::new(),
            span: Span::default(),
            doc: doc.map(str::to_string),
            axes: axes.iter().map(axis).collect::<Vec<_>>().into(),
            entries: Vec::new(),
        }
    }

    #[test]
    fn values_are_rounded_by_their_errors() {
        let text = |value: f64, error: f64| rounded(&Number::estimate(value, error));
        // The three cases of the rule, as its text gives them: 0.827 ± 0.119, 0.827 ± 0.367 and 0.827 ± 0.967.
        assert_eq!(text(0.827, 0.119), "$0.83 \\pm 0.12$");
        assert_eq!(text(0.827, 0.367), "$0.8 \\pm 0.4$");
        assert_eq!(text(0.827, 0.967), "$0.8 \\pm 1.0$");
        assert_eq!(text(-1234.5, 67.0), "$-1230 \\pm 70$");
        assert_eq!(text(-1234.5, 14.4), "$-1234 \\pm 14$");
        assert_eq!(text(1.234e-7, 5.6e-9), "$(1.23 \\pm 0.06) \\times 10^{-7}$");
        assert_eq!(text(0.0, 0.02), "$0.000 \\pm 0.020$");
        let exact = |x: f64| rounded(&Number::exact(x));
        assert_eq!(
            (exact(3.0), exact(0.123456), exact(123.456), exact(2.5e9)),
            ("$3$".into(), "$0.1235$".into(), "$123.5$".into(), "$2.500 \\times 10^{9}$".into())
        );
    }

    #[test]
    fn the_last_of_two_axes_stands_side_by_side() {
        let d = declared("test_acc", Some("Accuracy, in %.\nMore."), &[("noise", &["0%", "20%"]), ("arch", &["mlp", "res_net"])]);
        let values = [estimate(0.9, 0.012), estimate(0.95, 0.004), estimate(0.5, 0.03), Value::Absent("too few".into())];
        let text = tabular(&d, &values).expect("a table");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.contains(&"\\caption{Accuracy, in \\%}") && lines.contains(&"\\begin{tabular}{lrr}"), "{text}");
        assert!(lines.contains(&"noise & \\multicolumn{1}{c}{mlp} & \\multicolumn{1}{c}{res\\_net} \\\\"), "{text}");
        assert!(lines.contains(&"0\\% & $0.900 \\pm 0.012$ & $0.950 \\pm 0.004$ \\\\"), "{text}");
        assert!(lines.contains(&"20\\% & $0.500 \\pm 0.030$ & --- \\\\"), "{text}");
    }

    #[test]
    fn parts_of_records_are_columns_and_other_values_no_tables() {
        let d = declared("guess", None, &[("run", &["0", "1"])]);
        let truth = || Value::Truth(Truth { holds: true, within_error: false, no_error: false, text: String::new() });
        let record = |x: f64| Value::Record(vec![("f_score".into(), estimate(x, 0.1)), ("fine".into(), truth())]);
        let text = tabular(&d, &[record(1.0), record(2.0)]).expect("a table");
        assert!(text.contains("run & f\\_score & fine \\\\\n\\midrule\n0 & $1.00 \\pm 0.10$ & yes \\\\\n"), "{text}");
        assert!(tabular(&d, &[Value::List(vec![]), Value::List(vec![])]).is_none());
        assert!(tabular(&d, &[Value::Absent("a".into()), Value::Absent("a".into())]).is_none());
        let long: Vec<String> = (0..61).map(|i| i.to_string()).collect();
        let names: Vec<&str> = long.iter().map(String::as_str).collect();
        let many: Vec<Value> = (0..61).map(|i| estimate(f64::from(i), 0.1)).collect();
        assert!(tabular(&declared("many", None, &[("run", &names)]), &many).is_none());
    }
}

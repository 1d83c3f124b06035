//! The script as it was run, with numbered lines, and what was given from outside.

use super::super::figure::svg::escape;
use super::super::input::ReportInput;
use super::highlight::highlight;
use super::words::scrolled;
use crate::plan::graph::Override;

/// Returns the section; empty where the script is not known.
pub fn script(input: &ReportInput) -> String {
    if input.script.text.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = highlight(&input.script.text)
        .iter()
        .enumerate()
        .map(|(i, l)| format!("<span id=\"line-{0}\"><span class=\"n\">{0}</span>{l}</span>", i + 1))
        .collect();
    format!("{}{}", overrides(input), scrolled("The script", &format!("<pre class=\"whole\">{}</pre>", lines.join("\n"))))
}

/// Returns the parameters whose values were given from outside, beside what the script writes.
fn overrides(input: &ReportInput) -> String {
    if input.graph.overrides.is_empty() {
        return String::new();
    }
    let row = |o: &Override| {
        let written = o.default.as_ref().map_or_else(|| "no default".to_string(), |d| format!("<code>{}</code>", escape(d)));
        format!(
            "<tr><th scope=\"row\"><code>{}</code></th><td><code>{}</code></td><td>{written}</td></tr>\n",
            escape(&o.name),
            escape(&o.value)
        )
    };
    let rows: String = input.graph.overrides.iter().map(row).collect();
    let table = format!(
        "<table><thead><tr><th scope=\"col\">parameter</th><th scope=\"col\">given</th><th scope=\"col\">in the script</th></tr></thead>\
         <tbody>\n{rows}</tbody></table>"
    );
    format!("<p>This run had other values than the script has:</p>\n{}", scrolled("Parameters given from outside", &table))
}

//! The plan: a picture of what takes what, and cells and time by declaration.

use super::super::figure::svg::escape;
use super::super::input::ReportInput;
use super::super::manifest::record;
use super::super::picture;
use super::words::scrolled;
use crate::base::time::duration;
use crate::plan::graph::Entry;
use crate::plan::share;
use std::fmt::Write;

/// A picture of more declarations than this would be no help, and take long to lay out.
const DRAWN: usize = 400;

/// Returns the section; empty where nothing is declared.
pub fn plan(input: &ReportInput) -> String {
    if input.graph.values.is_empty() {
        return String::new();
    }
    let (nodes, edges) = picture::declarations(input.graph);
    let mut body = String::new();
    for (i, declared) in input.graph.values.iter().enumerate() {
        let mut ids: Vec<usize> =
            declared.entries.iter().filter_map(|e| if let Entry::Cell(id) = e { Some(*id) } else { None }).collect();
        ids.sort_unstable();
        ids.dedup();
        let planned: f64 = share::seconds(input.graph, &ids).iter().sum();
        let actual: f64 = ids.iter().map(|id| record(input, *id).seconds).sum();
        let _ = writeln!(
            body,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td></tr>",
            escape(&declared.name),
            escape(nodes.get(i).map_or("", |n| n.about.as_str())),
            ids.len(),
            duration(planned),
            duration(actual)
        );
    }
    let picture = if nodes.len() <= DRAWN {
        format!("<figure class=\"plan\"><div class=\"plate\">{}</div></figure>\n", picture::draw(&nodes, &edges))
    } else {
        format!("<p>{} declarations: too many for a picture here; <code>cfx plan --svg</code> draws them.</p>\n", nodes.len())
    };
    let table = format!(
        "<table>\n<thead><tr><th scope=\"col\">declaration</th><th scope=\"col\">what</th><th scope=\"col\" class=\"r\">cells</th>\
         <th scope=\"col\" class=\"r\">estimated</th><th scope=\"col\" class=\"r\">actual</th></tr></thead>\n<tbody>\n{body}</tbody></table>"
    );
    format!(
        "{picture}<details>\n<summary>Cells and time by declaration</summary>\n{}</details>\n",
        scrolled("Cells and time by declaration", &table)
    )
}

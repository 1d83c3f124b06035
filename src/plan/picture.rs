//! The plan as a picture: declarations and what flows between them, for Graphviz and as SVG.

use super::graph::{Entry, Graph};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// A declaration in the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Box {
    /// Its name or title.
    pub name: String,
    /// Its keyword.
    pub keyword: String,
    /// Its kind and axes, in words.
    pub words: String,
    /// Its column: inputs stand to the left.
    pub column: usize,
}

/// Returns the declarations and, for each that uses another, the pair of their indices.
pub fn outline(graph: &Graph) -> (Vec<Box>, Vec<(usize, usize)>) {
    let index: BTreeMap<&str, usize> = graph.values.iter().enumerate().map(|(i, v)| (v.name.as_str(), i)).collect();
    let mut owner: Vec<Option<usize>> = graph.cells.iter().map(|c| index.get(c.label.as_str()).copied()).collect();
    for (i, v) in graph.values.iter().enumerate() {
        for e in &v.entries {
            if let Entry::Cell(id) = e {
                owner[*id].get_or_insert(i);
            }
        }
    }
    let mut edges: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (id, cell) in graph.cells.iter().enumerate() {
        for d in cell.dependencies() {
            if let (Some(a), Some(b)) = (owner[d], owner[id])
                && a != b
            {
                edges.insert((a, b));
            }
        }
    }
    let mut columns = vec![0usize; graph.values.len()];
    for _ in 0..graph.values.len() {
        let mut moved = false;
        for (a, b) in &edges {
            if columns[*b] <= columns[*a] && columns[*a] < graph.values.len() {
                columns[*b] = columns[*a] + 1;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    let boxes = graph
        .values
        .iter()
        .zip(columns)
        .map(|(v, column)| {
            let axes: Vec<String> = v.axes.iter().map(|a| format!("{} {}", a.coordinates.len(), a.name)).collect();
            let words = if axes.is_empty() { v.kind.clone() } else { format!("{} × {}", v.kind, axes.join(" × ")) };
            Box { name: v.name.clone(), keyword: v.keyword.clone(), words, column }
        })
        .collect();
    (boxes, edges.into_iter().collect())
}

/// Returns the picture in Graphviz's language.
pub fn dot(graph: &Graph) -> String {
    let (boxes, edges) = outline(graph);
    let quote = |t: &str| t.replace('\\', "\\\\").replace('"', "\\\"");
    let mut out = String::from("digraph plan {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
    for (i, b) in boxes.iter().enumerate() {
        let _ = writeln!(out, "  n{i} [label=\"{} {}\\n{}\"];", quote(&b.keyword), quote(&b.name), quote(&b.words));
    }
    for (a, b) in edges {
        let _ = writeln!(out, "  n{a} -> n{b};");
    }
    out.push_str("}\n");
    out
}

/// Returns the picture as SVG.
pub fn svg(graph: &Graph) -> String {
    const WIDTH: f64 = 190.0;
    const HEIGHT: f64 = 44.0;
    const ACROSS: f64 = 250.0;
    const DOWN: f64 = 60.0;
    let (boxes, edges) = outline(graph);
    let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
    let places: Vec<(f64, f64)> = boxes
        .iter()
        .map(|b| {
            let row = rows.entry(b.column).or_insert(0);
            *row += 1;
            (12.0 + b.column as f64 * ACROSS, 12.0 + (*row - 1) as f64 * DOWN)
        })
        .collect();
    let width = places.iter().map(|p| p.0 + WIDTH + 12.0).fold(100.0, f64::max);
    let height = places.iter().map(|p| p.1 + HEIGHT + 12.0).fold(60.0, f64::max);
    let escape = |t: &str| t.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let cut = |t: &str, n: usize| {
        if t.chars().count() > n { format!("{}…", t.chars().take(n - 1).collect::<String>()) } else { t.to_string() }
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"Inter, sans-serif\">\n"
    );
    for (a, b) in edges {
        let (x1, y1) = (places[a].0 + WIDTH, places[a].1 + HEIGHT / 2.0);
        let (x2, y2) = (places[b].0, places[b].1 + HEIGHT / 2.0);
        let bend = (x2 - x1).max(30.0) / 2.0;
        let _ = writeln!(
            out,
            "<path d=\"M{x1:.1} {y1:.1} C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}\" fill=\"none\" stroke=\"#9a9a9a\" stroke-width=\"1.2\"/>",
            x1 + bend,
            x2 - bend
        );
    }
    for (b, (x, y)) in boxes.iter().zip(&places) {
        let colour = match b.keyword.as_str() {
            "dataset" => "#e8f1fa",
            "model" => "#fdf0e1",
            "stages" | "density" => "#e6f4ee",
            "figure" | "claim" => "#f6e8f1",
            _ => "#f4f4f4",
        };
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"5\" fill=\"{colour}\" stroke=\"#777\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"12\" font-weight=\"600\" fill=\"#111\">{}</text>\
             <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"10\" fill=\"#444\">{}</text>",
            x + 8.0,
            y + 18.0,
            escape(&cut(&b.name, 30)),
            x + 8.0,
            y + 34.0,
            escape(&cut(&b.words, 38))
        );
    }
    out.push_str("</svg>\n");
    out
}

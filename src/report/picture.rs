//! The plan as a picture: declarations as boxes in rows by depth, with lines from what each takes.

use super::figure::color::{self, Color};
use super::figure::font;
use super::figure::svg::{Anchor, Svg, TextStyle, coordinate};
use crate::plan::graph::{Entry, Graph};
use std::collections::BTreeSet;

/// A box.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// Name of the declaration.
    pub title: String,
    /// What it is, and over which axes.
    pub about: String,
    /// Keyword, which decides the colour.
    pub keyword: String,
}

/// Returns the declarations of a plan as boxes, and which takes which: `(from, to)`, both indices of boxes.
pub fn declarations(graph: &Graph) -> (Vec<Node>, Vec<(usize, usize)>) {
    let nodes: Vec<Node> = graph
        .values
        .iter()
        .map(|v| {
            let axes: Vec<_> = v.axes.iter().map(|a| format!("{}({})", a.name, a.coordinates.len())).collect();
            let over = if axes.is_empty() { String::new() } else { format!(" over {}", axes.join(" × ")) };
            Node { title: v.name.clone(), about: format!("{}{over}", v.keyword), keyword: v.keyword.clone() }
        })
        .collect();
    let mut owner: Vec<Option<usize>> = vec![None; graph.cells.len()];
    for (d, value) in graph.values.iter().enumerate() {
        for entry in &value.entries {
            if let Entry::Cell(id) = entry
                && let Some(own) = owner.get_mut(*id)
            {
                own.get_or_insert(d);
            }
        }
    }
    let mut edges = BTreeSet::new();
    // For which declaration a cell was looked at last.
    let mut seen: Vec<Option<usize>> = vec![None; graph.cells.len()];
    for (d, value) in graph.values.iter().enumerate() {
        let mut open: Vec<usize> =
            value.entries.iter().filter_map(|e| if let Entry::Cell(id) = e { Some(*id) } else { None }).collect();
        while let Some(id) = open.pop() {
            let Some(last) = seen.get_mut(id) else { continue };
            if last.replace(d) == Some(d) {
                continue;
            }
            match owner[id] {
                Some(o) if o != d => {
                    edges.insert((o, d));
                }
                _ => open.extend(graph.cells.get(id).map(|c| c.dependencies()).unwrap_or_default()),
            }
        }
    }
    (nodes, edges.into_iter().collect())
}

const HEIGHT: f64 = 38.0;
const ROW: f64 = 74.0;
const GAP: f64 = 18.0;

/// A place in the layout: a box, or a point that a long line passes.
struct Spot {
    row: usize,
    width: f64,
    x: f64,
    node: Option<usize>,
    above: Vec<usize>,
    below: Vec<usize>,
}

/// Returns the picture as an SVG document. Lines that would close a cycle are left out.
pub fn draw(nodes: &[Node], edges: &[(usize, usize)]) -> String {
    let edges: Vec<(usize, usize)> =
        edges.iter().copied().filter(|(a, b)| a != b && *a < nodes.len() && *b < nodes.len()).collect();
    let depth = depths(nodes.len(), &edges);
    let mut spots: Vec<Spot> = nodes
        .iter()
        .enumerate()
        .map(|(i, n)| {
            let widest = font::width(&n.title, 11.5, true).max(font::width(&n.about, 9.5, false));
            Spot {
                row: depth[i],
                width: (widest + 22.0).clamp(76.0, 210.0),
                x: 0.0,
                node: Some(i),
                above: Vec::new(),
                below: Vec::new(),
            }
        })
        .collect();
    for &(a, b) in edges.iter().filter(|(a, b)| depth[*a] < depth[*b]) {
        let mut from = a;
        for row in depth[a] + 1..depth[b] {
            spots.push(Spot { row, width: 4.0, x: 0.0, node: None, above: vec![from], below: Vec::new() });
            let new = spots.len() - 1;
            spots[from].below.push(new);
            from = new;
        }
        spots[from].below.push(b);
        spots[b].above.push(from);
    }
    let rows = spots.iter().map(|s| s.row + 1).max().unwrap_or(0);
    let mut order: Vec<Vec<usize>> = (0..rows).map(|r| (0..spots.len()).filter(|i| spots[*i].row == r).collect()).collect();
    for row in &order {
        spread(&mut spots, row);
    }
    for round in 0..16 {
        let down = round % 2 == 0;
        let sweep: Vec<usize> = if down { (0..rows).collect() } else { (0..rows).rev().collect() };
        for r in sweep {
            for i in order[r].clone() {
                let near = if down { &spots[i].above } else { &spots[i].below };
                if !near.is_empty() {
                    spots[i].x = near.iter().map(|n| spots[*n].x).sum::<f64>() / near.len() as f64;
                }
            }
            if round < 12 {
                order[r].sort_by(|a, b| spots[*a].x.total_cmp(&spots[*b].x).then(a.cmp(b)));
            }
            separate(&mut spots, &order[r]);
        }
    }
    let left = spots.iter().map(|s| s.x - s.width / 2.0).fold(f64::INFINITY, f64::min);
    let right = spots.iter().map(|s| s.x + s.width / 2.0).fold(f64::NEG_INFINITY, f64::max);
    let shift = if left.is_finite() { 12.0 - left } else { 12.0 };
    let top = |row: usize| 12.0 + ROW * row as f64;
    let mut svg = Svg::new();
    for s in &spots {
        for &t in &s.below {
            let (x0, y0) = (s.x + shift, top(s.row) + HEIGHT);
            let (x1, y1) = (spots[t].x + shift, top(spots[t].row));
            let mid = (y1 - y0) / 2.0;
            let c = coordinate;
            // A passing line goes straight through its row.
            let through = if spots[t].node.is_none() { format!("V{}", c(y1 + HEIGHT)) } else { String::new() };
            let d =
                format!("M{} {}C{} {} {} {} {} {}{through}", c(x0), c(y0), c(x0), c(y0 + mid), c(x1), c(y1 - mid), c(x1), c(y1));
            svg.path(&d, color::GREY, 1.2);
        }
    }
    for s in &spots {
        let Some(node) = s.node.and_then(|n| nodes.get(n)) else { continue };
        let (x, y) = (s.x + shift - s.width / 2.0, top(s.row));
        let ink = keyword_color(&node.keyword);
        let fill = color::mix(color::WHITE, ink, 0.07);
        svg.group(&format!("{}: {}", node.title, node.about), |svg| {
            svg.boxed(x, y, s.width, HEIGHT, 5.0, fill, color::mix(color::WHITE, ink, 0.55));
            svg.rect(x, y + 5.0, 3.0, HEIGHT - 10.0, ink, 1.0);
            let style = TextStyle { size: 11.5, bold: true, color: color::INK, anchor: Anchor::Middle, turn: 0.0 };
            svg.text((s.x + shift, y + 16.0), &font::fit(&node.title, 11.5, true, s.width - 14.0), style);
            let style = TextStyle { size: 9.5, bold: false, color: color::SOFT, ..style };
            svg.text((s.x + shift, y + 29.5), &font::fit(&node.about, 9.5, false, s.width - 14.0), style);
        });
    }
    let width = if right.is_finite() { right + shift + 12.0 } else { 120.0 };
    svg.finish(width, 12.0 + ROW * rows.max(1) as f64 - (ROW - HEIGHT) + 12.0, "The plan")
}

fn keyword_color(keyword: &str) -> Color {
    match keyword {
        "dataset" => color::OKABE_ITO[2],
        "network" | "layer" | "recipe" => color::OKABE_ITO[6],
        "model" => color::OKABE_ITO[1],
        "stages" => color::OKABE_ITO[4],
        "density" => color::OKABE_ITO[3],
        "figure" | "claim" => color::OKABE_ITO[5],
        _ => color::OKABE_ITO[0],
    }
}

/// Returns the length of the longest way to each node.
fn depths(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut depth = vec![0; count];
    // As many rounds as nodes: longer ways would be cycles.
    for _ in 0..count {
        let mut changed = false;
        for &(a, b) in edges {
            if depth[b] < depth[a] + 1 && depth[a] + 1 < count {
                depth[b] = depth[a] + 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    depth
}

/// Lays a row out side by side about 0.
fn spread(spots: &mut [Spot], row: &[usize]) {
    let total: f64 = row.iter().map(|i| spots[*i].width + GAP).sum::<f64>() - GAP;
    let mut x = -total / 2.0;
    for &i in row {
        spots[i].x = x + spots[i].width / 2.0;
        x += spots[i].width + GAP;
    }
}

/// Moves the spots of a row apart where they overlap, and the row back to where it was on average.
fn separate(spots: &mut [Spot], row: &[usize]) {
    let before: f64 = row.iter().map(|i| spots[*i].x).sum();
    for pair in row.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let least = spots[a].x + (spots[a].width + spots[b].width) / 2.0 + GAP;
        spots[b].x = spots[b].x.max(least);
    }
    let after: f64 = row.iter().map(|i| spots[*i].x).sum();
    let back = (after - before) / row.len().max(1) as f64;
    row.iter().for_each(|i| spots[*i].x -= back);
}

/// Returns the picture in Graphviz's language.
pub fn dot(graph: &Graph) -> String {
    let (nodes, edges) = declarations(graph);
    let quote = |t: &str| t.replace('\\', "\\\\").replace('"', "\\\"");
    let mut out = String::from("digraph plan {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
    for (i, n) in nodes.iter().enumerate() {
        out.push_str(&format!("  n{i} [label=\"{}\\n{}\"];\n", quote(&n.title), quote(&n.about)));
    }
    for (a, b) in edges {
        out.push_str(&format!("  n{a} -> n{b};\n"));
    }
    out.push_str("}\n");
    out
}

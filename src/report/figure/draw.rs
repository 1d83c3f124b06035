//! Lays a plot out, so that no text touches another, and draws it.

use super::color::{self};
use super::font;
use super::marks::{Area, sign};
use super::plot::{Axis, Branches, ColorBar, Legend, Mark, Panel, Plot, Shades, Sign};
use super::scale::{self, Scale, Tick};
use super::svg::{Anchor, Svg, TextStyle};

const MARGIN: f64 = 14.0;
const TITLE: f64 = 14.0;
const LABEL: f64 = 11.5;
const TICK: f64 = 10.5;
const HEADING: f64 = 11.5;
const LINE: f64 = 15.0;
const GAP: f64 = 16.0;

/// Width of a tree beside a panel.
const TREE: f64 = 90.0;

/// Room for the name of a place on an axis; longer names are cut in their middle.
const NAME: f64 = 300.0;

fn style(size: f64, anchor: Anchor) -> TextStyle {
    TextStyle { size, bold: false, color: color::INK, anchor, turn: 0.0 }
}

/// How the labels below a horizontal axis stand.
#[derive(Clone, Copy, PartialEq)]
enum Turn {
    Flat,
    Slant,
    Upright,
}

/// What one panel needs around its data area.
struct Needs {
    /// Ticks of the horizontal axis, thinned.
    x: Vec<Tick>,
    turn: Turn,
    /// Ticks of the vertical axis.
    y: Vec<Tick>,
    /// Whether the tick labels and axis labels are drawn at this panel.
    shows: Shows,
    /// Lines of the heading, of the heading of the row, and of the label of the horizontal axis.
    heading: Vec<String>,
    side: Vec<String>,
    x_label: Vec<String>,
    /// Ticks of the axis at the right.
    second: Vec<Tick>,
    /// Room at the left for ticks and label of the vertical axis.
    beside: f64,
    /// Room at the left for these and for what reaches there from below.
    left: f64,
    bottom: f64,
    right: f64,
}

#[derive(Clone, Copy)]
struct Shows {
    x_ticks: bool,
    x_label: bool,
    y_ticks: bool,
    y_label: bool,
}

impl Plot {
    /// Returns the figure as an SVG document.
    pub fn svg(&self) -> String {
        draw(self)
    }
}

fn draw(plot: &Plot) -> String {
    let (width, height) = plot.size;
    let needs: Vec<Vec<Needs>> = plot
        .rows
        .iter()
        .enumerate()
        .map(|(r, row)| row.iter().enumerate().map(|(c, panel)| measure(plot, r, c, panel)).collect())
        .collect();
    let columns = plot.rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |c: usize, f: &dyn Fn(&Needs) -> f64| needs.iter().filter_map(|row| row.get(c)).map(f).fold(0.0, f64::max);
    let lefts: Vec<f64> = (0..columns).map(|c| widest(c, &|n| n.left)).collect();
    let besides: Vec<f64> = (0..columns).map(|c| widest(c, &|n| n.beside)).collect();
    let rights: Vec<f64> = (0..columns).map(|c| widest(c, &|n| n.right)).collect();
    let mut xs = Vec::new();
    let mut x = MARGIN;
    for c in 0..columns {
        x += lefts[c];
        xs.push(x);
        x += width + rights[c].max(if c + 1 < columns { GAP } else { 0.0 });
    }
    let bar_at = x + 14.0;
    let bar_width = plot.bar.as_ref().map_or(0.0, |b| 14.0 + measure_bar(b, height));
    let total = (x + bar_width + MARGIN).max(240.0);
    let inner = total - 2.0 * MARGIN;

    let mut svg = Svg::new();
    let mut y = MARGIN;
    for line in font::wrap(&plot.title, TITLE, true, inner) {
        svg.text((MARGIN, y + TITLE - 2.0), &line, TextStyle { bold: true, ..style(TITLE, Anchor::Start) });
        y += TITLE + 5.0;
    }
    if !plot.title.is_empty() {
        y += 5.0;
    }
    let mut pen = (MARGIN, y);
    for legend in plot.legends.iter().filter(|l| !l.entries.is_empty()) {
        pen = draw_legend(&mut svg, legend, pen, inner);
        y = pen.1 + LINE + 6.0;
    }
    let top = y;
    let mut first_panel_top = top;
    for (r, row) in plot.rows.iter().enumerate() {
        let headed = needs[r].iter().map(|n| n.heading.len()).max().unwrap_or(0);
        y += if headed > 0 { headed as f64 * (HEADING + 2.5) + 5.5 } else { 6.0 };
        if r == 0 {
            first_panel_top = y;
        }
        for (c, panel) in row.iter().enumerate() {
            let area = Area { x: xs[c], y, width, height, panel };
            draw_panel(&mut svg, &area, &needs[r][c], besides[c]);
            draw_right(&mut svg, &area, &needs[r][c]);
        }
        let mut bottom = needs[r].iter().map(|n| n.bottom).fold(0.0, f64::max);
        if let Some(label) = common_label(row, &needs[r]) {
            // Once for the row, in its middle.
            let (left, right) = (xs[0], xs[row.len() - 1] + width);
            for line in font::wrap(label, LABEL, false, right - left) {
                bottom += LABEL + 3.0;
                svg.text(((left + right) / 2.0, y + height + bottom), &line, style(LABEL, Anchor::Middle));
            }
            bottom += 3.0;
        }
        y += height + bottom + if r + 1 < plot.rows.len() { 10.0 } else { 0.0 };
    }
    if let Some(bar) = &plot.bar {
        draw_bar(&mut svg, bar, bar_at, first_panel_top, height);
    }
    svg.finish(total, y + MARGIN, &plot.title)
}

/// Returns the label of the horizontal axis that all panels of a row have in common, where it is drawn below the row.
fn common_label<'a>(row: &'a [Panel], needs: &[Needs]) -> Option<&'a str> {
    let first = row.first().filter(|_| row.len() > 1)?;
    let same = row.iter().all(|p| p.x.label == first.x.label) && !first.x.label.is_empty();
    // Panels below a part of the row have it themselves, and the others lack it without this.
    (same && needs.iter().any(|n| n.shows.x_label)).then_some(first.x.label.as_str())
}

/// Returns what a panel needs around its data area.
fn measure(plot: &Plot, r: usize, c: usize, panel: &Panel) -> Needs {
    let (width, height) = plot.size;
    let below = plot.rows.get(r + 1).and_then(|row| row.get(c));
    let before = c.checked_sub(1).and_then(|c| plot.rows[r].get(c));
    let shows = Shows {
        x_ticks: !below.is_some_and(|b| b.x.scale == panel.x.scale && b.x.ticks == panel.x.ticks),
        x_label: below.is_none_or(|b| b.x.label != panel.x.label),
        y_ticks: !before.is_some_and(|b| b.y.scale == panel.y.scale && b.y.ticks == panel.y.ticks),
        y_label: before.is_none_or(|b| b.y.label != panel.y.label),
    };
    let place = |v: f64| width * panel.x.place(v);
    let all = panel.x.ticks.clone().unwrap_or_else(|| panel.x.scale.ticks(width, 75.0));
    let all: Vec<Tick> = all.into_iter().map(|(v, t)| (v, font::squeeze(&t, TICK, NAME))).collect();
    let (x, turn) = turned(all, matches!(panel.x.scale, Scale::Category { .. }), place);
    let mut y = panel.y.ticks.clone().unwrap_or_else(|| panel.y.scale.ticks(height, 42.0));
    // Ticks of a vertical axis of words: every k-th where they would touch.
    let step = match (TICK + 1.0) * y.len() as f64 / height {
        share if share <= 1.0 => 1,
        share => scale::round_step((2.0 * share).ceil() as usize),
    };
    if matches!(panel.y.scale, Scale::Category { .. }) {
        y = y.into_iter().step_by(step).map(|(v, t)| (v, font::squeeze(&t, TICK, NAME))).collect();
    }
    let longest = |ticks: &[Tick]| ticks.iter().map(|t| font::width(&t.1, TICK, false)).fold(0.0, f64::max);
    let mut left = 3.0;
    if shows.y_ticks {
        left += longest(&y) + 6.0;
    }
    if shows.y_label && !panel.y.label.is_empty() {
        left += 6.0 + LINE * label_lines(&panel.y.label, height).len() as f64;
    }
    let beside = left;
    let mut bottom = 5.0;
    let mut right = 2.0;
    if shows.x_ticks {
        let reach = longest(&x);
        bottom += match turn {
            Turn::Flat => TICK + 5.0,
            Turn::Slant => 0.643 * reach + 0.766 * TICK + 5.0,
            Turn::Upright => reach + 6.0,
        };
        if let Some(last) = x.last() {
            let over = match turn {
                Turn::Flat => place(last.0) + font::width(&last.1, TICK, false) / 2.0 - width,
                _ => place(last.0) + 6.0 - width,
            };
            right = f64::max(right, over);
        }
        if let (Turn::Slant, Some(first)) = (turn, x.first()) {
            left = left.max(0.766 * font::width(&first.1, TICK, false) - place(first.0) + 4.0);
        }
    }
    let alone = plot.rows[r].len() < 2 || plot.rows[r].iter().any(|p| p.x.label != panel.x.label);
    let x_label = match shows.x_label && alone {
        true => font::wrap(&panel.x.label, LABEL, false, width + 2.0 * left.min(40.0)),
        false => Vec::new(),
    };
    bottom += (LABEL + 3.0) * x_label.len() as f64 + if x_label.is_empty() { 0.0 } else { 3.0 };
    let heading = font::wrap(&panel.heading, HEADING, true, width);
    let side = font::wrap(&panel.side, HEADING, true, height + 10.0);
    let second = panel.right.as_ref().map_or_else(Vec::new, |a| a.ticks.clone().unwrap_or_else(|| a.scale.ticks(height, 42.0)));
    if let Some(axis) = &panel.right {
        right = right.max(8.0 + longest(&second) + 6.0 + LINE * label_lines(&axis.label, height).len() as f64);
    }
    if let Some(tree) = &panel.branches {
        right = right.max(TREE + 20.0);
        bottom = bottom.max(6.0 + TICK + (LABEL + 3.0) * tree_label(tree).len() as f64);
    }
    right += LINE * side.len() as f64 + if side.is_empty() { 0.0 } else { 4.0 };
    Needs { x, turn, y, shows, heading, side, x_label, second, beside, left, bottom, right }
}

/// Returns how the labels of a horizontal axis stand, and which of them are drawn.
fn turned(ticks: Vec<Tick>, words: bool, place: impl Fn(f64) -> f64) -> (Vec<Tick>, Turn) {
    let slot = ticks.windows(2).map(|w| (place(w[1].0) - place(w[0].0)).abs()).fold(f64::INFINITY, f64::min);
    let flat = ticks.windows(2).all(|w| {
        (place(w[1].0) - place(w[0].0)).abs()
            >= (font::width(&w[0].1, TICK, false) + font::width(&w[1].1, TICK, false)) / 2.0 + 6.0
    });
    if flat {
        return (ticks, Turn::Flat);
    }
    // Coordinates that are numbers read on when every k-th is left; names must all be there while they fit.
    let numeric = ticks.iter().all(|t| t.1.trim_end_matches('%').replace('−', "-").parse::<f64>().is_ok());
    if !words || numeric || slot < TICK {
        if numeric || !words || slot * 3.0 < TICK {
            return (scale::thin(ticks, TICK, place), Turn::Flat);
        }
        let stride = scale::round_step((2.0 * TICK / slot).ceil() as usize);
        return (ticks.into_iter().step_by(stride).collect(), Turn::Upright);
    }
    (ticks, if slot >= 17.0 { Turn::Slant } else { Turn::Upright })
}

/// Returns the lines of a label beside a vertical axis.
fn label_lines(label: &str, height: f64) -> Vec<String> {
    font::wrap(label, LABEL, false, height + 10.0)
}

/// Returns the lines of what the heights of a tree are.
fn tree_label(tree: &Branches) -> Vec<String> {
    font::wrap(&tree.label, LABEL, false, TREE + 40.0)
}

fn draw_panel(svg: &mut Svg, area: &Area, needs: &Needs, left: f64) {
    let panel = area.panel;
    let (right, bottom) = (area.x + area.width, area.y + area.height);
    for (i, line) in needs.heading.iter().rev().enumerate() {
        let at = (area.x + area.width / 2.0, area.y - 6.0 - (HEADING + 2.5) * i as f64);
        svg.text(at, line, TextStyle { bold: true, ..style(HEADING, Anchor::Middle) });
    }
    for (from, to, fill, words) in &panel.shades {
        let (a, b) = (area.across(*from).max(area.x), area.across(*to).min(right));
        svg.rect(a, area.y, b - a, area.height, *fill, 0.09);
        if !words.is_empty() && font::width(words, 9.5, false) < b - a {
            let look = TextStyle { color: color::mix(*fill, color::INK, 0.35), ..style(9.5, Anchor::Middle) };
            svg.text(((a + b) / 2.0, area.y + 11.0), words, look);
        }
    }
    let grid = |svg: &mut Svg, axis: &Axis, ticks: &[Tick], across: bool| {
        if axis.grid {
            let lines: Vec<_> = ticks
                .iter()
                .map(|t| {
                    if across {
                        ((area.across(t.0), area.y), (area.across(t.0), bottom))
                    } else {
                        ((area.x, area.up(t.0)), (right, area.up(t.0)))
                    }
                })
                .collect();
            svg.lines(&lines, color::GRID, 1.0, 1.0);
        }
    };
    grid(svg, &panel.x, &needs.x, true);
    grid(svg, &panel.y, &needs.y, false);
    for mark in &panel.marks {
        area.draw(svg, mark);
    }
    let tiles = panel.marks.iter().any(|m| matches!(m, Mark::Tiles { .. } | Mark::Images { .. }));
    if !tiles {
        svg.lines(&[((area.x, area.y), (area.x, bottom)), ((area.x, bottom), (right, bottom))], color::FRAME, 1.0, 1.0);
        let mut ticks: Vec<_> = needs.x.iter().map(|t| ((area.across(t.0), bottom), (area.across(t.0), bottom + 4.0))).collect();
        ticks.extend(needs.y.iter().map(|t| ((area.x - 4.0, area.up(t.0)), (area.x, area.up(t.0)))));
        svg.lines(&ticks, color::FRAME, 1.0, 1.0);
    }
    draw_labels(svg, area, needs, left);
}

fn draw_labels(svg: &mut Svg, area: &Area, needs: &Needs, left: f64) {
    let panel = area.panel;
    let bottom = area.y + area.height;
    if needs.shows.x_ticks {
        for (v, text) in &needs.x {
            let x = area.across(*v);
            match needs.turn {
                Turn::Flat => svg.text((x, bottom + TICK + 5.5), text, style(TICK, Anchor::Middle)),
                Turn::Slant => {
                    svg.text((x + 3.0, bottom + TICK + 2.5), text, TextStyle { turn: -40.0, ..style(TICK, Anchor::End) })
                }
                Turn::Upright => {
                    svg.text((x + 0.36 * TICK, bottom + 6.5), text, TextStyle { turn: -90.0, ..style(TICK, Anchor::End) })
                }
            }
        }
    }
    for (i, line) in needs.x_label.iter().rev().enumerate() {
        let at = (area.x + area.width / 2.0, bottom + needs.bottom - 3.0 - (LABEL + 3.0) * i as f64);
        svg.text(at, line, style(LABEL, Anchor::Middle));
    }
    if needs.shows.y_ticks {
        for (v, text) in &needs.y {
            svg.text((area.x - 7.0, area.up(*v) + 0.36 * TICK), text, style(TICK, Anchor::End));
        }
    }
    if needs.shows.y_label && !panel.y.label.is_empty() {
        for (i, line) in label_lines(&panel.y.label, area.height).iter().enumerate() {
            let at = (area.x - left + LABEL + LINE * i as f64, area.y + area.height / 2.0);
            svg.text(at, line, TextStyle { turn: -90.0, ..style(LABEL, Anchor::Middle) });
        }
    }
}

/// Draws what stands at the right of a panel: a second vertical axis, the heading of a row.
fn draw_right(svg: &mut Svg, area: &Area, needs: &Needs) {
    let right = area.x + area.width;
    let middle = area.y + area.height / 2.0;
    let mut x = right + needs.right;
    for line in needs.side.iter() {
        let style = TextStyle { turn: 90.0, bold: true, ..style(HEADING, Anchor::Middle) };
        svg.text((x - HEADING, middle), line, style);
        x -= LINE;
    }
    if let Some(tree) = &area.panel.branches {
        let across = |height: f64| right + 6.0 + TREE * height / if tree.top > 0.0 { tree.top } else { 1.0 };
        let lines: Vec<_> = tree.lines.iter().map(|(a, b)| ((across(a.0), area.up(a.1)), (across(b.0), area.up(b.1)))).collect();
        svg.lines(&lines, color::INK, if tree.lines.len() > 300 { 0.6 } else { 1.0 }, 1.0);
        let bottom = area.y + area.height;
        svg.line((across(0.0), bottom + 1.0), (across(tree.top), bottom + 1.0), color::FRAME, 1.0);
        for height in [0.0, tree.top] {
            svg.line((across(height), bottom + 1.0), (across(height), bottom + 5.0), color::FRAME, 1.0);
            let anchor = if height > 0.0 { Anchor::End } else { Anchor::Start };
            svg.text((across(height), bottom + TICK + 6.0), &scale::number(height), style(TICK, anchor));
        }
        let at = (right + 6.0 + TREE / 2.0, bottom + TICK + LABEL + 10.0);
        for (i, line) in tree_label(tree).iter().enumerate() {
            svg.text((at.0, at.1 + (LABEL + 3.0) * i as f64), line, style(LABEL, Anchor::Middle));
        }
    }
    let Some(axis) = &area.panel.right else { return };
    svg.line((right, area.y), (right, area.y + area.height), color::FRAME, 1.0);
    for (v, text) in &needs.second {
        let y = area.y + area.height * (1.0 - axis.place(*v));
        svg.line((right, y), (right + 4.0, y), color::FRAME, 1.0);
        svg.text((right + 7.0, y + 0.36 * TICK), text, style(TICK, Anchor::Start));
    }
    let ticks = needs.second.iter().map(|t| font::width(&t.1, TICK, false)).fold(0.0, f64::max);
    for (i, line) in label_lines(&axis.label, area.height).iter().enumerate() {
        let at = (right + 8.0 + ticks + LABEL + LINE * i as f64, middle);
        svg.text(at, line, TextStyle { turn: -90.0, ..style(LABEL, Anchor::Middle) });
    }
}

/// Draws a legend from a place on, in lines; returns the place behind it.
fn draw_legend(svg: &mut Svg, legend: &Legend, from: (f64, f64), room: f64) -> (f64, f64) {
    let sign_width = |s: Sign| if matches!(s, Sign::Line(_) | Sign::Dash(_) | Sign::Band) { 24.0 } else { 12.0 };
    let (mut x, mut y) = from;
    let lines = font::wrap(&legend.title, TICK, false, room);
    let own_line = lines.len() > 1 || lines.first().is_some_and(|l| font::width(l, TICK, false) > 0.6 * room);
    if own_line && x > MARGIN {
        (x, y) = (MARGIN, y + LINE + 1.0);
    }
    for line in &lines {
        svg.text((x, y + TICK), line, TextStyle { color: color::SOFT, ..style(TICK, Anchor::Start) });
        match own_line {
            true => (x, y) = (MARGIN, y + LINE + 1.0),
            false => x += font::width(line, TICK, false) + 12.0,
        }
    }
    let start = x;
    let texts: Vec<Vec<String>> =
        legend.entries.iter().map(|k| font::wrap(&k.text, TICK, false, (room - 32.0).max(40.0))).collect();
    let widest = |t: &Vec<String>| t.iter().map(|l| font::width(l, TICK, false)).fold(0.0, f64::max);
    let widths: Vec<f64> = legend.entries.iter().zip(&texts).map(|(k, t)| sign_width(k.sign) + 5.0 + widest(t)).collect();
    // Entries that need several lines stand in columns.
    let broken = start + widths.iter().map(|w| w + 16.0).sum::<f64>() - 16.0 > MARGIN + room;
    let column = if broken { widths.iter().copied().fold(0.0, f64::max) } else { 0.0 };
    for (i, ((key, text), own)) in legend.entries.iter().zip(&texts).zip(&widths).enumerate() {
        let w = own.max(column);
        let first = i == 0 && legend.title.is_empty();
        if (x > start || first && x > MARGIN) && x + own > MARGIN + room {
            x = if start > MARGIN + room / 3.0 { MARGIN } else { start };
            if first {
                x = MARGIN;
            }
            y += LINE + 1.0;
        }
        let mid = y + TICK * 0.62;
        match key.sign {
            Sign::Point(m) => sign(svg, (x + 6.0, mid), m, 4.0, key.color, 1.0),
            Sign::Line(m) => {
                svg.line((x, mid), (x + 24.0, mid), key.color, 1.8);
                sign(svg, (x + 12.0, mid), m, 3.4, key.color, 1.0);
            }
            Sign::Patch => svg.rect(x, mid - 5.0, 11.0, 10.0, key.color, 1.0),
            Sign::Band => {
                svg.rect(x, mid - 5.0, 24.0, 10.0, key.color, 0.25);
                svg.line((x, mid), (x + 24.0, mid), key.color, 1.7);
            }
            Sign::Bar => {
                let cap = |v: f64| ((x + 2.5, v), (x + 9.5, v));
                svg.lines(&[((x + 6.0, mid - 5.5), (x + 6.0, mid + 5.5)), cap(mid - 5.5), cap(mid + 5.5)], key.color, 1.2, 1.0);
            }
            Sign::Dash(dash) => svg.polyline(&[(x, mid), (x + 24.0, mid)], key.color, 1.3, dash, 1.0),
        }
        for (k, line) in text.iter().enumerate() {
            if k > 0 {
                y += LINE - 1.0;
            }
            svg.text((x + sign_width(key.sign) + 5.0, y + TICK), line, style(TICK, Anchor::Start));
        }
        x += w + 16.0;
    }
    (x + 8.0, y)
}

fn bar_ticks(bar: &ColorBar, height: f64) -> (Scale, Vec<Tick>) {
    let (low, high) = bar.range;
    let scale = match (scale::differ(low, high), bar.shades) {
        (true, Shades::Powers) => Scale::Log { low, high },
        (true, _) => Scale::Linear { low, high },
        (false, _) => Scale::Linear { low: 0.0, high: 1.0 },
    };
    let ticks = match &bar.ticks {
        // Of many names every k-th is written; an even map lets readers find the others.
        Some(ticks) => {
            let least = ticks.len().div_ceil((height / 18.0).max(2.0) as usize);
            ticks.iter().step_by(scale::round_step(least)).cloned().collect()
        }
        None if scale::differ(low, high) && bar.shades == Shades::Whole => scale.whole_ticks(height, 42.0),
        None if scale::differ(low, high) => scale.ticks(height, 42.0),
        // The one number stands at the middle of its one colour.
        None => vec![(0.5, scale::number(low))],
    };
    (scale, ticks)
}

fn measure_bar(bar: &ColorBar, height: f64) -> f64 {
    let (_, ticks) = bar_ticks(bar, height);
    let ticks = ticks.iter().map(|t| font::width(&t.1, TICK, false)).fold(0.0, f64::max);
    let absent = if bar.absent.is_empty() { 0.0 } else { font::width(&bar.absent, TICK, false) - 12.0 };
    let label = if bar.label.is_empty() { 0.0 } else { LINE * label_lines(&bar.label, height).len() as f64 + 4.0 };
    14.0 + 6.0 + (ticks + label).max(absent)
}

fn draw_bar(svg: &mut Svg, bar: &ColorBar, x: f64, y: f64, height: f64) {
    let height = if bar.absent.is_empty() { height } else { height - 26.0 };
    let (scale, ticks) = bar_ticks(bar, height);
    const STEPS: usize = 64;
    let each = height / STEPS as f64;
    for i in 0..STEPS {
        let (low, high) = bar.range;
        let fill = match scale::differ(low, high) {
            true if bar.shades == Shades::Powers => bar.map.at(i as f64 / (STEPS - 1) as f64),
            true => bar.map.of(low + (high - low) * i as f64 / (STEPS - 1) as f64, bar.range),
            false => bar.map.at(0.5),
        };
        svg.rect(x, y + height - (i + 1) as f64 * each - 0.3, 14.0, each + 0.3, fill, 1.0);
    }
    for (v, text) in &ticks {
        let at = y + height * (1.0 - scale.place(*v));
        svg.line((x + 14.0, at), (x + 17.0, at), color::FRAME, 1.0);
        svg.text((x + 20.0, at + 0.36 * TICK), text, style(TICK, Anchor::Start));
    }
    let ticks_width = ticks.iter().map(|t| font::width(&t.1, TICK, false)).fold(0.0, f64::max);
    for (i, line) in label_lines(&bar.label, height).iter().enumerate() {
        let at = (x + 20.0 + ticks_width + LABEL + 3.0 + LINE * i as f64, y + height / 2.0);
        svg.text(at, line, TextStyle { turn: -90.0, ..style(LABEL, Anchor::Middle) });
    }
    if !bar.absent.is_empty() {
        svg.rect(x, y + height + 13.0, 14.0, 12.0, bar.map.ground(), 1.0);
        svg.text((x + 20.0, y + height + 23.0), &bar.absent, style(TICK, Anchor::Start));
    }
}

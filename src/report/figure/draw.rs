//! Lays a plot out, so that no text touches another, and draws it.

use super::color::{self};
use super::font;
use super::marks::{Area, sign};
use super::plot::{Axis, ColorBar, Legend, Mark, Panel, Plot, Sign};
use super::scale::{self, Scale, Tick};
use super::svg::{Anchor, Svg, TextStyle};

const MARGIN: f64 = 14.0;
const TITLE: f64 = 14.0;
const LABEL: f64 = 11.5;
const TICK: f64 = 10.5;
const HEADING: f64 = 11.5;
const LINE: f64 = 15.0;
const GAP: f64 = 16.0;

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
        let headed = row.iter().any(|p| !p.heading.is_empty());
        y += if headed { HEADING + 8.0 } else { 6.0 };
        if r == 0 {
            first_panel_top = y;
        }
        for (c, panel) in row.iter().enumerate() {
            let area = Area { x: xs[c], y, width, height, panel };
            draw_panel(&mut svg, &area, &needs[r][c], lefts[c]);
        }
        let bottom = needs[r].iter().map(|n| n.bottom).fold(0.0, f64::max);
        y += height + bottom + if r + 1 < plot.rows.len() { 10.0 } else { 0.0 };
    }
    if let Some(bar) = &plot.bar {
        draw_bar(&mut svg, bar, bar_at, first_panel_top, height);
    }
    svg.finish(total, y + MARGIN, &plot.title)
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
    let all: Vec<Tick> = all.into_iter().map(|(v, t)| (v, font::squeeze(&t, TICK, 120.0))).collect();
    let (x, turn) = turned(all, matches!(panel.x.scale, Scale::Category { .. }), place);
    let mut y = panel.y.ticks.clone().unwrap_or_else(|| panel.y.scale.ticks(height, 42.0));
    // Ticks of a vertical axis of words: every k-th where they would touch.
    let step = match (TICK + 1.0) * y.len() as f64 / height {
        share if share <= 1.0 => 1,
        share => (2.0 * share).ceil() as usize,
    };
    if matches!(panel.y.scale, Scale::Category { .. }) {
        y = y.into_iter().step_by(step).map(|(v, t)| (v, font::squeeze(&t, TICK, 120.0))).collect();
    }
    let longest = |ticks: &[Tick]| ticks.iter().map(|t| font::width(&t.1, TICK, false)).fold(0.0, f64::max);
    let mut left = 3.0;
    if shows.y_ticks {
        left += longest(&y) + 6.0;
    }
    if shows.y_label && !panel.y.label.is_empty() {
        left += 6.0 + LINE * label_lines(&panel.y.label, height).len() as f64;
    }
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
    if shows.x_label && !panel.x.label.is_empty() {
        bottom += LABEL + 6.0;
    }
    Needs { x, turn, y, shows, left, bottom, right }
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
        let stride = (2.0 * TICK / slot).ceil() as usize;
        return (ticks.into_iter().step_by(stride).collect(), Turn::Upright);
    }
    (ticks, if slot >= 17.0 { Turn::Slant } else { Turn::Upright })
}

/// Returns the lines of a label beside a vertical axis: at most two.
fn label_lines(label: &str, height: f64) -> Vec<String> {
    let room = height + 10.0;
    let mut lines = font::wrap(label, LABEL, false, room);
    if lines.len() > 2 {
        let rest = lines[1..].join(" ");
        lines.truncate(1);
        lines.push(rest);
    }
    lines.into_iter().map(|l| font::fit(&l, LABEL, false, room)).collect()
}

fn draw_panel(svg: &mut Svg, area: &Area, needs: &Needs, left: f64) {
    let panel = area.panel;
    let (right, bottom) = (area.x + area.width, area.y + area.height);
    if !panel.heading.is_empty() {
        let text = font::fit(&panel.heading, HEADING, true, area.width);
        let at = (area.x + area.width / 2.0, area.y - 6.0);
        svg.text(at, &text, TextStyle { bold: true, ..style(HEADING, Anchor::Middle) });
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
    let tiles = panel.marks.iter().any(|m| matches!(m, Mark::Tiles { .. }));
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
    if needs.shows.x_label && !panel.x.label.is_empty() {
        let room = area.width + 2.0 * left.min(60.0);
        let text = font::fit(&panel.x.label, LABEL, false, room);
        svg.text((area.x + area.width / 2.0, bottom + needs.bottom - 3.0), &text, style(LABEL, Anchor::Middle));
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

/// Draws a legend from a place on, in lines; returns the place behind it.
fn draw_legend(svg: &mut Svg, legend: &Legend, from: (f64, f64), room: f64) -> (f64, f64) {
    let sign_width = |s: Sign| if matches!(s, Sign::Line(_)) { 24.0 } else { 12.0 };
    let (mut x, mut y) = from;
    if !legend.title.is_empty() {
        let title = font::fit(&legend.title, TICK, false, room * 0.6);
        svg.text((x, y + TICK), &title, TextStyle { color: color::SOFT, ..style(TICK, Anchor::Start) });
        x += font::width(&title, TICK, false) + 12.0;
    }
    let start = x;
    let texts: Vec<String> = legend.entries.iter().map(|k| font::fit(&k.text, TICK, false, (room - 40.0).max(40.0))).collect();
    let widths: Vec<f64> =
        legend.entries.iter().zip(&texts).map(|(k, t)| sign_width(k.sign) + 5.0 + font::width(t, TICK, false)).collect();
    // Entries that need several lines stand in columns.
    let broken = start + widths.iter().map(|w| w + 16.0).sum::<f64>() - 16.0 > MARGIN + room;
    let column = if broken { widths.iter().copied().fold(0.0, f64::max) } else { 0.0 };
    for ((key, text), own) in legend.entries.iter().zip(&texts).zip(&widths) {
        let w = own.max(column);
        if x > start && x + own > MARGIN + room {
            x = if start > MARGIN + room / 3.0 { MARGIN } else { start };
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
        }
        svg.text((x + sign_width(key.sign) + 5.0, y + TICK), text, style(TICK, Anchor::Start));
        x += w + 16.0;
    }
    (x + 8.0, y)
}

fn bar_ticks(bar: &ColorBar, height: f64) -> (Scale, Vec<Tick>) {
    let (low, high) = bar.range;
    let scale = Scale::Linear { low, high: if high > low { high } else { low + 1.0 } };
    let ticks = if high > low { scale.ticks(height, 42.0) } else { vec![(low, scale::number(low))] };
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
        let fill = bar.map.at(i as f64 / (STEPS - 1) as f64);
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
        svg.rect(x, y + height + 13.0, 14.0, 12.0, color::EMPTY, 1.0);
        svg.text((x + 20.0, y + height + 23.0), &bar.absent, style(TICK, Anchor::Start));
    }
}

//! Draws what stands inside a panel.

use super::color::{self, Color};
use super::font;
use super::plot::{Mark, Marker, Panel};
use super::svg::{Anchor, Svg, TextStyle};

/// The data area of a panel in pixels, and how its numbers map into it.
pub struct Area<'a> {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// The panel.
    pub panel: &'a Panel,
}

impl Area<'_> {
    /// Returns the horizontal pixel of a number.
    pub fn across(&self, v: f64) -> f64 {
        self.x + self.width * self.panel.x.place(v)
    }

    /// Returns the vertical pixel of a number.
    pub fn up(&self, v: f64) -> f64 {
        self.y + self.height * (1.0 - self.panel.y.place(v))
    }

    /// Returns the pixel of a point; `None` if it is not finite, has no place, or lies outside the panel.
    fn seen(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        self.at(x, y).filter(|p| self.holds(*p))
    }

    /// Returns the pixel of a point; `None` if it is not finite or has no place.
    fn at(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let p = (self.across(x), self.up(y));
        (p.0.is_finite() && p.1.is_finite()).then_some(p)
    }

    /// Returns the vertical pixel of a number, kept within the panel: ends of error bars below zero on a log axis.
    fn up_within(&self, v: f64) -> f64 {
        let y = self.up(v);
        if y.is_nan() && !v.is_nan() { self.y + self.height } else { y.clamp(self.y, self.y + self.height) }
    }

    /// Returns the horizontal pixel of a number, kept within the panel.
    fn across_within(&self, v: f64) -> f64 {
        let x = self.across(v);
        if x.is_nan() && !v.is_nan() { self.x } else { x.clamp(self.x, self.x + self.width) }
    }

    /// Returns whether a pixel lies in the panel, its edge included.
    fn holds(&self, (x, y): (f64, f64)) -> bool {
        let slack = 0.75;
        x >= self.x - slack && x <= self.x + self.width + slack && y >= self.y - slack && y <= self.y + self.height + slack
    }

    /// Returns the lines through points that lie in the panel: broken where a point has no place, cut at the edges.
    fn within(&self, pixels: &[Option<(f64, f64)>]) -> Vec<Vec<(f64, f64)>> {
        let mut out: Vec<Vec<(f64, f64)>> = Vec::new();
        for run in pixels.split(|p| p.is_none()) {
            let run: Vec<_> = run.iter().flatten().copied().collect();
            if run.iter().all(|p| self.holds(*p)) {
                out.push(run);
                continue;
            }
            let mut open: Vec<(f64, f64)> = Vec::new();
            for pair in run.windows(2) {
                match self.cut(pair[0], pair[1]) {
                    Some((a, b)) => {
                        if open.last() != Some(&a) {
                            out.push(std::mem::take(&mut open));
                            open.push(a);
                        }
                        open.push(b);
                    }
                    None => out.push(std::mem::take(&mut open)),
                }
            }
            out.push(open);
        }
        out.retain(|run| run.len() > 1);
        out
    }

    /// Returns the part of a closed outline between the left and the right edge (Sutherland & Hodgman 1974).
    fn narrowed(&self, outline: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let mut out = outline.to_vec();
        for (edge, sign) in [(self.x, 1.0), (self.x + self.width, -1.0)] {
            let inside = |p: &(f64, f64)| sign * (p.0 - edge) >= -1e-9;
            if out.iter().all(inside) {
                continue;
            }
            let mut kept = Vec::new();
            for (i, b) in out.iter().enumerate() {
                let a = &out[(i + out.len() - 1) % out.len()];
                if inside(a) != inside(b) {
                    let share = (edge - a.0) / (b.0 - a.0);
                    kept.push((edge, a.1 + share * (b.1 - a.1)));
                }
                if inside(b) {
                    kept.push(*b);
                }
            }
            out = kept;
        }
        out
    }

    /// Returns the part of a line that lies in the panel (Liang & Barsky 1984).
    fn cut(&self, a: (f64, f64), b: (f64, f64)) -> Option<((f64, f64), (f64, f64))> {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let (mut from, mut to) = (0.0f64, 1.0f64);
        let sides = [(-dx, a.0 - self.x), (dx, self.x + self.width - a.0), (-dy, a.1 - self.y), (dy, self.y + self.height - a.1)];
        for (p, q) in sides {
            if p == 0.0 && q < 0.0 {
                return None;
            }
            if p < 0.0 {
                from = from.max(q / p);
            } else if p > 0.0 {
                to = to.min(q / p);
            }
        }
        let at = |t: f64| (a.0 + t * dx, a.1 + t * dy);
        (from < to).then(|| (if from == 0.0 { a } else { at(from) }, if to == 1.0 { b } else { at(to) }))
    }

    /// Draws a mark.
    pub fn draw(&self, svg: &mut Svg, mark: &Mark) {
        match mark {
            Mark::Points { at, colors, marker, radius, opacity } => self.points(svg, at, colors, *marker, *radius, *opacity),
            Mark::Errors { at, color, width, cap, opacity } => {
                let mut lines = Vec::new();
                let seen = |e: &&(f64, f64, f64)| {
                    let x = self.across(e.0);
                    e.1.is_finite() && e.2.is_finite() && x >= self.x - 0.75 && x <= self.x + self.width + 0.75
                };
                for &(x, low, high) in at.iter().filter(seen) {
                    let (px, a, b) = (self.across(x), self.up_within(low), self.up_within(high));
                    lines.push(((px, a), (px, b)));
                    if *cap > 0.0 {
                        lines.extend([((px - cap, a), (px + cap, a)), ((px - cap, b), (px + cap, b))]);
                    }
                }
                svg.lines(&apart(lines), *color, *width, *opacity);
            }
            Mark::Across { at, color, width, opacity } => {
                let lines: Vec<_> = at
                    .iter()
                    .filter_map(|&(low, high, y)| Some((self.at(low, y)?, self.at(high, y)?)))
                    .filter_map(|(a, b)| self.cut(a, b))
                    .collect();
                svg.lines(&apart(lines), *color, *width, *opacity);
            }
            Mark::Line { at, color, width, dash, opacity } => {
                let pixels: Vec<_> = at.iter().map(|&(x, y)| self.at(x, y)).collect();
                for run in self.within(&pixels) {
                    svg.polyline(&run, *color, *width, dash, *opacity);
                }
            }
            Mark::Band { at, color, opacity } => {
                let fine: Vec<_> =
                    at.iter().map(|b| (b.0.is_finite() && b.1.is_finite() && b.2.is_finite()).then_some(*b)).collect();
                for run in fine.split(|p| p.is_none()) {
                    let run: Vec<_> = run.iter().flatten().collect();
                    if run.len() < 2 {
                        // One point has no area: its spread is drawn as a bar.
                        let lines: Vec<_> = run
                            .iter()
                            .filter(|b| b.2 > b.1)
                            .map(|b| ((self.across(b.0), self.up_within(b.1)), (self.across(b.0), self.up_within(b.2))))
                            .collect();
                        svg.lines(&lines, *color, 5.0, *opacity);
                        continue;
                    }
                    // Vertically the ends are kept within the panel; the band is cut at its left and right edge.
                    let upper = run.iter().map(|b| (self.across(b.0), self.up_within(b.2)));
                    let lower = run.iter().rev().map(|b| (self.across(b.0), self.up_within(b.1)));
                    let outline = self.narrowed(&upper.chain(lower).collect::<Vec<_>>());
                    if outline.len() > 2 {
                        svg.polygon(&outline, *color, *opacity);
                    }
                }
            }
            Mark::Bars { at, color } => {
                for &(left, right, foot, head) in at.iter().filter(|b| b.2.is_finite() && b.3.is_finite()) {
                    let (a, b) = (self.across(left), self.across(right));
                    let (y0, y1) = (self.up_within(foot), self.up_within(head));
                    svg.rect(a, y0.min(y1), b - a, (y1 - y0).abs(), *color, 1.0);
                }
            }
            Mark::Upright { x, color, dash } => {
                let x = self.across(*x);
                if x.is_finite() && x >= self.x && x <= self.x + self.width {
                    svg.polyline(&[(x, self.y), (x, self.y + self.height)], *color, 1.0, dash, 1.0);
                }
            }
            Mark::Stripe { low, high, upright, color } => {
                let (left, right) = (self.across_within(*low), self.across_within(*high));
                let (top, bottom) = (self.up_within(*high), self.up_within(*low));
                let (x, w) = if *upright { (left, right - left) } else { (self.x, self.width) };
                let (y, h) = if *upright { (self.y, self.height) } else { (top, bottom - top) };
                svg.rect(x, y, w, h, *color, 0.3);
            }
            Mark::Steps { at, color, fill } => {
                let foot = self.up_within(0.0);
                let edges = |(left, right, head): &(f64, f64, f64)| {
                    let y = self.up_within(*head);
                    [(self.across_within(*left), y), (self.across_within(*right), y)]
                };
                let line: Vec<_> = at.iter().filter(|b| b.2.is_finite()).flat_map(edges).collect();
                let (Some(first), Some(last)) = (line.first(), line.last()) else { return };
                let outline: Vec<_> =
                    std::iter::once((first.0, foot)).chain(line.iter().copied()).chain([(last.0, foot)]).collect();
                svg.polygon(&outline, *color, *fill);
                svg.polyline(&outline, *color, 1.1, "", 1.0);
            }
            Mark::Images { at } => self.images(svg, at),
            Mark::Tiles { at } => self.tiles(svg, at),
            Mark::Names { at } => self.names(svg, at),
            Mark::Note { text } => {
                let style = TextStyle { size: 10.5, bold: false, color: color::SOFT, anchor: Anchor::Middle, turn: 0.0 };
                svg.text((self.x + self.width / 2.0, self.y + self.height / 2.0 + 3.8), text, style);
            }
            Mark::Rule { y, color, dash } => {
                let y = self.up(*y);
                if y.is_finite() && y >= self.y && y <= self.y + self.height {
                    svg.polyline(&[(self.x, y), (self.x + self.width, y)], *color, 1.0, dash, 1.0);
                }
            }
        }
    }

    fn points(&self, svg: &mut Svg, at: &[(f64, f64)], colors: &[Color], marker: Marker, radius: f64, opacity: f64) {
        let color = |i: usize| colors.get(i).or(colors.first()).copied().unwrap_or(color::INK);
        if at.len() > 2000 {
            // Thousands of points: dots on a half-pixel grid, one path for each colour.
            let mut seen: std::collections::BTreeMap<u32, std::collections::BTreeSet<(i64, i64)>> = Default::default();
            for (i, &(x, y)) in at.iter().enumerate() {
                if let Some((px, py)) = self.seen(x, y) {
                    seen.entry(color(i).0).or_default().insert(((px * 2.0).round() as i64, (py * 2.0).round() as i64));
                }
            }
            for (color, cells) in seen {
                let dots: Vec<_> = cells.into_iter().map(|(x, y)| (x as f64 / 2.0, y as f64 / 2.0)).collect();
                svg.dots(&dots, 2.0 * radius.min(1.1), Color(color), opacity.min(0.8));
            }
            return;
        }
        for (i, &(x, y)) in at.iter().enumerate() {
            if let Some(p) = self.seen(x, y) {
                sign(svg, p, marker, radius, color(i), opacity);
            }
        }
    }

    fn images(&self, svg: &mut Svg, at: &[(usize, usize, String)]) {
        let (width, height) = (self.across(1.0) - self.across(0.0), (self.up(1.0) - self.up(0.0)).abs());
        for (column, row, address) in at {
            let (cx, cy) = (self.across(*column as f64), self.up(*row as f64));
            svg.image(cx - width / 2.0 + 1.0, cy - height / 2.0 + 1.0, width - 2.0, height - 2.0, address);
        }
    }

    fn tiles(&self, svg: &mut Svg, at: &[(usize, usize, Color, String)]) {
        let width = self.across(1.0) - self.across(0.0);
        let height = (self.up(1.0) - self.up(0.0)).abs();
        // White seams between tiles only where tiles are large enough to afford them.
        let seam = if width.min(height) > 12.0 { 1.0 } else { 0.0 };
        let size = (height * 0.42).min(11.0);
        // All numbers are written, or none.
        let fits = size >= 7.0 && at.iter().all(|t| font::width(&t.3, size, false) < width - 4.0);
        for (column, row, fill, words) in at {
            let (cx, cy) = (self.across(*column as f64), self.up(*row as f64));
            let (w, h) = (width - seam, height - seam);
            // Without seams, tiles overlap a little against hairlines.
            let extra = if seam == 0.0 { 0.3 } else { 0.0 };
            svg.rect(cx - w / 2.0, cy - h / 2.0, w + extra, h + extra, *fill, 1.0);
            if fits && !words.is_empty() {
                let ink = if color::is_light(*fill) { color::INK } else { color::WHITE };
                let style = TextStyle { size, bold: false, color: ink, anchor: Anchor::Middle, turn: 0.0 };
                svg.text((cx, cy + 0.36 * size), words, style);
            }
        }
    }

    fn names(&self, svg: &mut Svg, at: &[(f64, f64, String)]) {
        const SIZE: f64 = 9.5;
        let pixels: Vec<_> = at.iter().filter_map(|(x, y, n)| self.seen(*x, *y).map(|p| (p, n))).collect();
        let mut taken: Vec<[f64; 4]> = pixels.iter().map(|((x, y), _)| [x - 3.5, y - 3.5, x + 3.5, y + 3.5]).collect();
        for mark in &self.panel.marks {
            let ends: Vec<_> = match mark {
                Mark::Errors { at, .. } => at.iter().map(|&(x, low, high)| ((x, low), (x, high))).collect(),
                Mark::Across { at, .. } => at.iter().map(|&(left, right, y)| ((left, y), (right, y))).collect(),
                _ => continue,
            };
            let bars = ends.iter().filter_map(|(a, b)| Some((self.at(a.0, a.1)?, self.at(b.0, b.1)?)));
            taken.extend(bars.map(|(a, b)| [a.0.min(b.0) - 0.5, a.1.min(b.1) - 0.5, a.0.max(b.0) + 0.5, a.1.max(b.1) + 0.5]));
        }
        for (i, ((x, y), name)) in pixels.iter().enumerate() {
            let w = font::width(name, SIZE, false);
            // Right, left, above, below, then the corners; the first free place wins.
            let places = [
                (x + 6.0, y + 3.4),
                (x - 6.0 - w, y + 3.4),
                (x - w / 2.0, y - 6.5),
                (x - w / 2.0, y + 13.0),
                (x + 4.5, y - 4.5),
                (x - 4.5 - w, y - 4.5),
                (x + 4.5, y + 10.5),
                (x - 4.5 - w, y + 10.5),
            ];
            for (left, base) in places {
                let b = [left - 1.0, base - SIZE + 1.0, left + w + 1.0, base + 2.5];
                let inside =
                    b[0] >= self.x && b[2] <= self.x + self.width + 8.0 && b[1] >= self.y - 6.0 && b[3] <= self.y + self.height;
                let free =
                    taken.iter().enumerate().all(|(j, t)| j == i || b[2] <= t[0] || t[2] <= b[0] || b[3] <= t[1] || t[3] <= b[1]);
                if inside && free {
                    let style = TextStyle { size: SIZE, bold: false, color: color::SOFT, anchor: Anchor::Start, turn: 0.0 };
                    svg.text((left, base), name, style);
                    taken.push(b);
                    break;
                }
            }
        }
    }
}

/// Draws one point.
pub fn sign(svg: &mut Svg, p: (f64, f64), marker: Marker, r: f64, color: Color, opacity: f64) {
    let rim = (r >= 2.6).then_some((color::WHITE, 0.6));
    let (x, y) = p;
    match marker {
        Marker::Circle => svg.circle(p, r, color, rim, opacity),
        Marker::Hollow => svg.circle(p, r * 0.9, color::WHITE, Some((color, (r * 0.4).clamp(0.7, 1.2))), 1.0),
        Marker::Cross => {
            let s = r * 0.8;
            svg.lines(&[((x - s, y - s), (x + s, y + s)), ((x - s, y + s), (x + s, y - s))], color, 1.3, opacity);
        }
        Marker::Square => {
            let s = r * 0.89;
            svg.shape(&[(x - s, y - s), (x + s, y - s), (x + s, y + s), (x - s, y + s)], color, rim, opacity);
        }
        Marker::Triangle => {
            svg.shape(&[(x, y - 1.25 * r), (x + 1.1 * r, y + 0.75 * r), (x - 1.1 * r, y + 0.75 * r)], color, rim, opacity)
        }
        Marker::Down => {
            svg.shape(&[(x, y + 1.25 * r), (x + 1.1 * r, y - 0.75 * r), (x - 1.1 * r, y - 0.75 * r)], color, rim, opacity)
        }
        Marker::Diamond => {
            svg.shape(&[(x, y - 1.25 * r), (x + 1.25 * r, y), (x, y + 1.25 * r), (x - 1.25 * r, y)], color, rim, opacity)
        }
    }
}

/// Returns lines that can be told apart: of thousands, one of those that agree within half a pixel.
fn apart(lines: Vec<((f64, f64), (f64, f64))>) -> Vec<((f64, f64), (f64, f64))> {
    if lines.len() <= 2000 {
        return lines;
    }
    let half = |v: f64| (v * 2.0).round() as i64;
    let mut seen = std::collections::BTreeSet::new();
    lines.into_iter().filter(|(a, b)| seen.insert([half(a.0), half(a.1), half(b.0), half(b.1)])).collect()
}

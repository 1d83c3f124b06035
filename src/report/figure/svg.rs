//! A writer of SVG with fixed number formatting: equal drawings are equal bytes.

use super::color::Color;
use super::font;
use std::fmt::Write;

/// The font family of all text: the embedded one, then what a viewer has.
pub const FAMILY: &str = "Inter, Helvetica, Arial, sans-serif";

/// Texts wider than this keep the width that they are laid out with, whatever font a viewer has: others grow by less than the room around them.
const KEPT: f64 = 40.0;

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The text begins there.
    Start,
    /// The text is centred there.
    Middle,
    /// The text ends there.
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextStyle {
    /// Size in pixels.
    pub size: f64,
    /// Semi-bold.
    pub bold: bool,
    /// Colour.
    pub color: Color,
    /// Where it stands.
    pub anchor: Anchor,
    /// Degrees turned, clockwise, about its point.
    pub turn: f64,
}

/// A picture being drawn, in pixels of 1/96 inch, origin at the top left.
#[derive(Clone, Debug, Default)]
pub struct Svg {
    body: String,
}

/// Returns a coordinate with at most two decimals, and never `-0`.
pub fn coordinate(x: f64) -> String {
    let x = if x.is_finite() { x } else { 0.0 };
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_string() } else { text.to_string() }
}

/// Returns the text with the characters that XML and HTML give a meaning replaced, and what XML forbids left out.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

impl Svg {
    /// Returns an empty drawing.
    pub fn new() -> Self {
        Svg::default()
    }

    /// Adds a rectangle without an outline.
    pub fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: Color, opacity: f64) {
        let (x, y, w, h) = (coordinate(x), coordinate(y), coordinate(width.max(0.0)), coordinate(height.max(0.0)));
        let _ = write!(self.body, r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="{fill}"{}/>"#, fade(opacity));
        self.body.push('\n');
    }

    /// Adds a rounded box with an outline.
    pub fn boxed(&mut self, x: f64, y: f64, width: f64, height: f64, radius: f64, fill: Color, stroke: Color) {
        let (x, y, w, h, r) =
            (coordinate(x), coordinate(y), coordinate(width.max(0.0)), coordinate(height.max(0.0)), coordinate(radius));
        let _ =
            writeln!(self.body, r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="{r}" fill="{fill}" stroke="{stroke}"/>"#);
    }

    /// Adds a straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), color: Color, width: f64) {
        let (x1, y1, x2, y2) = (coordinate(from.0), coordinate(from.1), coordinate(to.0), coordinate(to.1));
        let w = coordinate(width);
        let _ = writeln!(self.body, r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{color}" stroke-width="{w}"/>"#);
    }

    /// Adds many straight lines of one look as a single path.
    pub fn lines(&mut self, lines: &[((f64, f64), (f64, f64))], color: Color, width: f64, opacity: f64) {
        if lines.is_empty() {
            return;
        }
        let mut d = String::new();
        for (a, b) in lines {
            let _ = write!(d, "M{} {}L{} {}", coordinate(a.0), coordinate(a.1), coordinate(b.0), coordinate(b.1));
        }
        let o = if opacity < 1.0 { format!(r#" stroke-opacity="{}""#, coordinate(opacity)) } else { String::new() };
        let _ = writeln!(self.body, r#"<path d="{d}" fill="none" stroke="{color}" stroke-width="{}"{o}/>"#, coordinate(width));
    }

    /// Adds a line through points. `dash` is an SVG dash pattern, empty for a full line.
    pub fn polyline(&mut self, points: &[(f64, f64)], color: Color, width: f64, dash: &str, opacity: f64) {
        if points.len() < 2 {
            return;
        }
        let o = if opacity < 1.0 { format!(r#" stroke-opacity="{}""#, coordinate(opacity)) } else { String::new() };
        let dash = if dash.is_empty() { String::new() } else { format!(r#" stroke-dasharray="{dash}""#) };
        let _ = writeln!(
            self.body,
            r#"<polyline points="{}" fill="none" stroke="{color}" stroke-width="{}" stroke-linejoin="round" stroke-linecap="round"{dash}{o}/>"#,
            join(points),
            coordinate(width)
        );
    }

    /// Adds a filled area.
    pub fn polygon(&mut self, points: &[(f64, f64)], fill: Color, opacity: f64) {
        let _ = writeln!(self.body, r#"<polygon points="{}" fill="{fill}"{}/>"#, join(points), fade(opacity));
    }

    /// Adds a filled circle with an optional outline.
    pub fn circle(&mut self, at: (f64, f64), radius: f64, fill: Color, stroke: Option<(Color, f64)>, opacity: f64) {
        let (x, y, r) = (coordinate(at.0), coordinate(at.1), coordinate(radius));
        let _ = writeln!(self.body, r#"<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}"{}{}/>"#, outline(stroke), fade(opacity));
    }

    /// Adds many dots of one look as a single path: for thousands of points.
    pub fn dots(&mut self, at: &[(f64, f64)], diameter: f64, color: Color, opacity: f64) {
        if at.is_empty() {
            return;
        }
        let mut d = String::new();
        for (x, y) in at {
            let _ = write!(d, "M{} {}h.01", coordinate(*x), coordinate(*y));
        }
        let _ = writeln!(
            self.body,
            r#"<path d="{d}" fill="none" stroke="{color}" stroke-width="{}" stroke-linecap="round" stroke-opacity="{}"/>"#,
            coordinate(diameter),
            coordinate(opacity)
        );
    }

    /// Adds an image whose pixels are not smoothed; `address` holds the PNG file itself.
    pub fn image(&mut self, x: f64, y: f64, width: f64, height: f64, address: &str) {
        let (x, y, w, h) = (coordinate(x), coordinate(y), coordinate(width), coordinate(height));
        let _ = writeln!(
            self.body,
            r#"<image x="{x}" y="{y}" width="{w}" height="{h}" preserveAspectRatio="none" style="image-rendering:pixelated" href="{address}"/>"#
        );
    }

    /// Adds a free path with an outline and no filling.
    pub fn path(&mut self, d: &str, color: Color, width: f64) {
        let _ =
            writeln!(self.body, r#"<path d="{}" fill="none" stroke="{color}" stroke-width="{}"/>"#, escape(d), coordinate(width));
    }

    /// Adds a closed outline with a filling: markers that are not circles.
    pub fn shape(&mut self, points: &[(f64, f64)], fill: Color, stroke: Option<(Color, f64)>, opacity: f64) {
        let _ = writeln!(self.body, r#"<polygon points="{}" fill="{fill}"{}{}/>"#, join(points), outline(stroke), fade(opacity));
    }

    /// Adds a text with its baseline at the point.
    pub fn text(&mut self, at: (f64, f64), text: &str, style: TextStyle) {
        if text.is_empty() {
            return;
        }
        let (x, y) = (coordinate(at.0), coordinate(at.1));
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        // A guessed width would squeeze what the embedded font has no glyphs of.
        let own = font::of(style.bold);
        let length = match font::width(text, style.size, style.bold) {
            w if w > KEPT && text.chars().all(|c| own.glyph(c) > 0) => {
                format!(r#" textLength="{}" lengthAdjust="spacingAndGlyphs""#, coordinate(w))
            }
            _ => String::new(),
        };
        let weight = if style.bold { r#" font-weight="600""# } else { "" };
        let turn =
            if style.turn == 0.0 { String::new() } else { format!(r#" transform="rotate({} {x} {y})""#, coordinate(style.turn)) };
        let _ = writeln!(
            self.body,
            r#"<text x="{x}" y="{y}" font-size="{}" fill="{}"{anchor}{weight}{length}{turn}>{}</text>"#,
            coordinate(style.size),
            style.color,
            escape(text)
        );
    }

    /// Adds a title that viewers show on hovering, as the title of what `draw` adds.
    pub fn group(&mut self, title: &str, draw: impl FnOnce(&mut Svg)) {
        let _ = writeln!(self.body, "<g><title>{}</title>", escape(title));
        draw(self);
        self.body.push_str("</g>\n");
    }

    /// Returns the whole document on a white ground. `title` names the picture for screen readers.
    pub fn finish(self, width: f64, height: f64, title: &str) -> String {
        let (w, h) = (coordinate(width.ceil()), coordinate(height.ceil()));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" font-family=\"{FAMILY}\" \
             role=\"img\" aria-label=\"{}\">\n<rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>\n{}</svg>\n",
            escape(title),
            self.body
        )
    }
}

fn fade(opacity: f64) -> String {
    if opacity < 1.0 { format!(r#" fill-opacity="{}""#, coordinate(opacity)) } else { String::new() }
}

fn outline(stroke: Option<(Color, f64)>) -> String {
    stroke.map_or_else(String::new, |(color, width)| format!(r#" stroke="{color}" stroke-width="{}""#, coordinate(width)))
}

fn join(points: &[(f64, f64)]) -> String {
    points.iter().map(|(x, y)| format!("{},{}", coordinate(*x), coordinate(*y))).collect::<Vec<_>>().join(" ")
}

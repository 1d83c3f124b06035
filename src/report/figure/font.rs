//! Widths of text, read from the embedded font's own tables (OpenType `cmap` format 4, `hmtx`).

use std::sync::OnceLock;

/// The embedded regular font (a subset of Inter; licence in `fonts/OFL.txt`).
pub const REGULAR: &[u8] = include_bytes!("../fonts/Inter-Regular.otf");
/// The embedded semi-bold font.
pub const SEMI_BOLD: &[u8] = include_bytes!("../fonts/Inter-SemiBold.otf");

/// Advance widths of a font's characters.
struct Metrics {
    per_em: f64,
    widths: Vec<u16>,
}

/// Returns the width in pixels of a text at a size.
pub fn width(text: &str, size: f64, bold: bool) -> f64 {
    static FONTS: OnceLock<(Metrics, Metrics)> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| (Metrics::read(REGULAR), Metrics::read(SEMI_BOLD)));
    let font = if bold { &fonts.1 } else { &fonts.0 };
    text.chars().map(|c| font.advance(c)).sum::<f64>() * size
}

/// Returns the text cut to a width with an ellipsis, itself where it fits.
pub fn fit(text: &str, size: f64, bold: bool, room: f64) -> String {
    if width(text, size, bold) <= room {
        return text.to_string();
    }
    let mut chars: Vec<char> = text.chars().collect();
    while chars.pop().is_some() {
        let short: String = chars.iter().collect::<String>().trim_end().to_string() + "…";
        if width(&short, size, bold) <= room {
            return short;
        }
    }
    String::new()
}

/// Returns the text shortened to a width by an ellipsis in its middle: names often differ at their ends.
pub fn squeeze(text: &str, size: f64, room: f64) -> String {
    if width(text, size, false) <= room {
        return text.to_string();
    }
    let chars: Vec<char> = text.chars().collect();
    let mut kept = chars.len().saturating_sub(1);
    loop {
        let (head, tail) = (kept.div_ceil(2), kept / 2);
        let start: String = chars[..head].iter().collect();
        let end: String = chars[chars.len() - tail..].iter().collect();
        let short = format!("{}…{}", start.trim_end(), end.trim_start());
        if kept == 0 || width(&short, size, false) <= room {
            return short;
        }
        kept -= 1;
    }
}

/// Returns the text broken at spaces into lines of at most a width; a longer word is a line of its own.
pub fn wrap(text: &str, size: f64, bold: bool, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size, bold) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

impl Metrics {
    fn advance(&self, c: char) -> f64 {
        // Characters that the font lacks come from a fallback; CJK and the like are one em wide.
        let missing = if (c as u32) < 0x2e80 { 0.62 } else { 1.0 };
        match self.widths.get(c as usize) {
            Some(&w) if w > 0 => w as f64 / self.per_em,
            _ => missing,
        }
    }

    fn read(font: &[u8]) -> Metrics {
        Metrics::parse(font).unwrap_or(Metrics { per_em: 1.0, widths: Vec::new() })
    }

    fn parse(font: &[u8]) -> Option<Metrics> {
        let u16_at = |at: usize| Some(u16::from_be_bytes(font.get(at..at + 2)?.try_into().ok()?) as usize);
        let u32_at = |at: usize| Some(u32::from_be_bytes(font.get(at..at + 4)?.try_into().ok()?) as usize);
        let table = |tag: &[u8]| {
            (0..u16_at(4)?).map(|i| 12 + 16 * i).find(|&at| font.get(at..at + 4) == Some(tag)).and_then(|at| u32_at(at + 8))
        };
        let per_em = u16_at(table(b"head")? + 18)? as f64;
        let long = u16_at(table(b"hhea")? + 34)?;
        let hmtx = table(b"hmtx")?;
        let cmap = table(b"cmap")?;
        let sub = (0..u16_at(cmap + 2)?)
            .filter_map(|i| u32_at(cmap + 8 + 8 * i))
            .map(|offset| cmap + offset)
            .find(|&at| u16_at(at) == Some(4))?;
        let doubled = u16_at(sub + 6)?;
        let (ends, starts) = (sub + 14, sub + 16 + doubled);
        let (deltas, ranges) = (starts + doubled, starts + 2 * doubled);
        let mut widths = vec![0u16; 0x2400];
        for segment in (0..doubled).step_by(2) {
            let (first, last) = (u16_at(starts + segment)?, u16_at(ends + segment)?);
            let (delta, range) = (u16_at(deltas + segment)?, u16_at(ranges + segment)?);
            for c in first..=last.min(widths.len() - 1) {
                let glyph = match range {
                    0 => (c + delta) & 0xffff,
                    _ => match u16_at(ranges + segment + range + 2 * (c - first))? {
                        0 => 0,
                        g => (g + delta) & 0xffff,
                    },
                };
                if glyph > 0 {
                    widths[c] = u16_at(hmtx + 4 * glyph.min(long - 1))? as u16;
                }
            }
        }
        Some(Metrics { per_em, widths })
    }
}

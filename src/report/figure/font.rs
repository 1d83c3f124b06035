//! Widths and glyphs of text, read from the embedded font's own tables (OpenType `cmap` format 4, `hmtx`).

use std::sync::OnceLock;

/// The embedded regular font (a subset of Inter; licence in `fonts/OFL.txt`).
pub const REGULAR: &[u8] = include_bytes!("../fonts/Inter-Regular.otf");
/// The embedded semi-bold font.
pub const SEMI_BOLD: &[u8] = include_bytes!("../fonts/Inter-SemiBold.otf");

/// An embedded font: its glyphs and advance widths by character.
pub struct Font {
    name: &'static str,
    bytes: &'static [u8],
    per_em: f64,
    widths: Vec<u16>,
    glyphs: Vec<u16>,
}

/// Returns the regular or the semi-bold font.
pub fn of(bold: bool) -> &'static Font {
    static FONTS: OnceLock<(Font, Font)> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| (Font::read("Inter-Regular", REGULAR), Font::read("Inter-SemiBold", SEMI_BOLD)));
    if bold { &fonts.1 } else { &fonts.0 }
}

/// Returns the width in pixels of a text at a size.
pub fn width(text: &str, size: f64, bold: bool) -> f64 {
    let font = of(bold);
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

/// Returns the text broken into lines of at most a width: at spaces, and where a single word is longer, behind a mark of punctuation, or
/// anywhere. A line holds one letter at least.
pub fn wrap(text: &str, size: f64, bold: bool, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size, bold) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.extend(pieces(word, size, bold, room)),
        }
    }
    lines
}

/// Returns a word in pieces of at most a width.
fn pieces(word: &str, size: f64, bold: bool, room: f64) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest: Vec<char> = word.chars().collect();
    while !rest.is_empty() {
        let text = |n: usize| rest[..n].iter().collect::<String>();
        let fits = (1..=rest.len()).take_while(|n| width(&text(*n), size, bold) <= room).last().unwrap_or(1);
        let mark = (fits / 2 + 1..fits)
            .rev()
            .find(|n| matches!(rest[*n - 1], '_' | '-' | '.' | ',' | '(' | '[' | '/' | ':' | '*' | '+'));
        let end = if fits == rest.len() { fits } else { mark.unwrap_or(fits) };
        out.push(text(end));
        rest.drain(..end);
    }
    out
}

impl Font {
    /// Returns the name in PostScript.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the file.
    pub fn bytes(&self) -> &'static [u8] {
        self.bytes
    }

    /// Returns the glyph of a character; 0 where the font has none.
    pub fn glyph(&self, c: char) -> u16 {
        self.glyphs.get(c as usize).copied().unwrap_or(0)
    }

    /// Returns the advance width of a character, in sizes of the font.
    pub fn advance(&self, c: char) -> f64 {
        // Characters that the font lacks come from a fallback; CJK and the like are one em wide.
        let missing = if (c as u32) < 0x2e80 { 0.62 } else { 1.0 };
        match self.widths.get(c as usize) {
            Some(&w) if w > 0 => w as f64 / self.per_em,
            _ => missing,
        }
    }

    fn read(name: &'static str, bytes: &'static [u8]) -> Font {
        Font::parse(name, bytes).unwrap_or(Font { name, bytes, per_em: 1.0, widths: Vec::new(), glyphs: Vec::new() })
    }

    fn parse(name: &'static str, font: &'static [u8]) -> Option<Font> {
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
        let mut glyphs = vec![0u16; widths.len()];
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
                    glyphs[c] = glyph as u16;
                    widths[c] = u16_at(hmtx + 4 * glyph.min(long - 1))? as u16;
                }
            }
        }
        Some(Font { name, bytes: font, per_em, widths, glyphs })
    }
}

//! Pieces of the page that several parts use: numbers, badges, lines of the script, boxes that scroll.

use super::super::figure::{scale, svg::escape};
use super::super::input::ReportInput;
use super::super::numeric::rounded;
use super::highlight::highlight;
use crate::base::Span;
use crate::plan::graph::Declared;

/// Returns a number for a table: up to five significant digits.
pub fn short(x: f64) -> String {
    match x {
        x if x.is_nan() => String::new(),
        x if !x.is_finite() => scale::number(x),
        x if x.fract() == 0.0 && x.abs() < 1e7 => scale::fixed(x, 0),
        x => {
            let exponent = x.abs().log10().floor() as i32;
            if (-4..7).contains(&exponent) {
                let text = scale::fixed(x, (4 - exponent).clamp(0, 8) as usize);
                if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
            } else {
                scale::number(x)
            }
        }
    }
}

/// Returns a number with its standard error, both rounded to the place that the error tells: `0.912 ± 0.013`. Without an error as [`short`].
pub fn with_error(value: f64, error: f64) -> String {
    let Some(r) = rounded(value, error) else { return short(value) };
    let plain = |text: &str| text.replace('-', "−");
    match r.exponent {
        0 => format!("{} ± {}", plain(&r.value), plain(&r.error)),
        n => format!("({} ± {}) × 10<sup>{}</sup>", plain(&r.value), plain(&r.error), plain(&n.to_string())),
    }
}

/// Returns sentences for the page, in which what stands between backticks is code.
pub fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let part = |(i, part): (usize, &&str)| if i % 2 == 0 { escape(part) } else { format!("<code>{}</code>", escape(part)) };
    parts.iter().enumerate().map(part).collect()
}

/// Returns a word on a coloured ground. `class`: `good`, `fair`, `bad`, or empty.
pub fn badge(class: &str, words: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" {class}") };
    format!("<span class=\"badge{class}\">{words}</span>")
}

/// Returns a box that scrolls sideways where its content is wide, which the keyboard reaches. `name`: what it holds, for screen readers.
pub fn scrolled(name: &str, content: &str) -> String {
    format!("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\">{content}</div>\n", escape(name))
}

/// Returns the line of the script on which a place lies.
pub fn line(input: &ReportInput, span: Span) -> Option<usize> {
    let at = (span.start as usize).checked_sub(input.script.base)?;
    input.script.text.get(..at).map(|before| before.matches('\n').count() + 1)
}

/// Returns a link to the line of the script on which a place lies.
pub fn line_link(input: &ReportInput, span: Span) -> String {
    line(input, span).map_or_else(String::new, |n| format!("<a class=\"soft\" href=\"#line-{n}\">line {n}</a>"))
}

/// Returns the text of a declaration with its line numbers.
pub fn source(input: &ReportInput, declared: &Declared) -> String {
    let first = line(input, declared.span);
    let lines: Vec<String> = highlight(&declared.source)
        .into_iter()
        .enumerate()
        .map(|(i, l)| match first {
            Some(n) => format!("<span class=\"n\">{}</span>{l}", n + i),
            None => l,
        })
        .collect();
    scrolled(&format!("Script of {}", declared.name), &format!("<pre>{}</pre>", lines.join("\n")))
}

/// Returns bytes in base 64 (RFC 4648).
pub fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().enumerate().fold(0u32, |n, (i, b)| n | (*b as u32) << (16 - 8 * i));
        for i in 0..4 {
            out.push(if i <= chunk.len() { SIGNS[(n >> (18 - 6 * i)) as usize & 63] as char } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code() {
        assert_eq!(prose("the `svd` & <b>"), "the <code>svd</code> &amp; &lt;b&gt;");
        assert_eq!(prose("`<i>`"), "<code>&lt;i&gt;</code>");
        assert_eq!(prose("one ` alone"), "one ` alone");
    }
}

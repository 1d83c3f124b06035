//! Numbers and strings: what they mean, and what is wrong with them.

use super::ast::{ExprKind, Text, Unit};
use super::builder::Builder;
use super::grammar::Rule;
use crate::base::text::is_control;
use crate::base::{Decimal, Diag, Span};
use pest::iterators::Pair;

/// Returns the number that a hexadecimal, octal or binary one stands for.
fn radix(text: &str) -> Option<u64> {
    let (digits, radix) = match text.get(..2)? {
        "0x" | "0X" => (&text[2..], 16),
        "0o" | "0O" => (&text[2..], 8),
        "0b" | "0B" => (&text[2..], 2),
        _ => return None,
    };
    u64::from_str_radix(digits, radix).ok()
}

impl Builder<'_> {
    /// Returns a number as written; what is none is reported.
    pub(super) fn number(&mut self, text: &str, span: Span, bad: bool) -> ExprKind {
        let (digits, unit, power) = match text.as_bytes().last() {
            Some(b'%') => (&text[..text.len() - 1], Unit::Percent, -2),
            Some(b'k') => (&text[..text.len() - 1], Unit::Kilo, 3),
            Some(b'M') => (&text[..text.len() - 1], Unit::Mega, 6),
            _ => (text, Unit::None, 0),
        };
        let value = if bad { None } else { Decimal::parse(digits) };
        if value.is_none() {
            let help = match text {
                _ if !bad => "numbers have at most 36 digits, and exponents up to 400".to_string(),
                t if radix(t).is_some() => format!("write `{}`", radix(t).unwrap_or_default()),
                t if t.contains('_') => format!("write `{}`", t.replace('_', "")),
                t if t.ends_with('K') => format!("thousands are written `{}k`", &t[..t.len() - 1]),
                t if t.ends_with('m') => format!("millions are written `{}M`", &t[..t.len() - 1]),
                _ => {
                    "numbers are written `12`, `0.5`, `1e-4`, `20%`, `10k` or `2M`; a name cannot begin with a digit".to_string()
                }
            };
            let message = if bad { format!("`{text}` is not a number") } else { format!("`{text}` cannot be kept exactly") };
            self.report(Diag::error("cfx::syntax::number", span, message).help(help));
        }
        let value = value.unwrap_or(Decimal::new(0, 0)).scale10(power);
        ExprKind::Number { value, unit, text: text.to_string() }
    }

    /// Returns a title: a string of one line.
    pub(super) fn title(&mut self, pair: Pair<'_, Rule>) -> Text {
        let text = self.text(pair);
        if text.value.contains(['\n', '\t']) {
            let diag = Diag::error("cfx::syntax::string", text.span, "a title is one line");
            self.report(
                diag.help("leave out `\\n` and `\\t`; what is to be said besides stands above, in lines that begin with `##`"),
            );
        }
        text
    }

    /// Returns a string with its escapes resolved.
    pub(super) fn text(&mut self, pair: Pair<'_, Rule>) -> Text {
        let span = self.span(&pair);
        let literal = pair.as_str();
        let mut value = String::new();
        let mut chars = literal.get(1..literal.len().saturating_sub(1)).unwrap_or("").char_indices();
        while let Some((at, c)) = chars.next() {
            if is_control(c) && c != '\t' {
                let start = span.start as usize + 1 + at;
                let place = Span::new(start, start + c.len_utf8());
                let words = format!("the control character U+{:04X} cannot stand in a string", u32::from(c));
                self.report(
                    Diag::error("cfx::syntax::string", place, words).help("take it out: it would change how text is shown"),
                );
            }
            if c != '\\' {
                value.push(c);
                continue;
            }
            match chars.next().map(|(_, c)| c) {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some(c @ ('"' | '\\')) => value.push(c),
                other => {
                    let c = other.unwrap_or(' ');
                    let start = span.start as usize + 1 + at;
                    let place = Span::new(start, start + 1 + c.len_utf8());
                    let diag = Diag::error("cfx::syntax::string", place, format!("`\\{c}` means nothing in a string"));
                    self.diags
                        .push(diag.help("a string knows `\\\"`, `\\\\`, `\\n` and `\\t`; a backslash itself is written `\\\\`"));
                }
            }
        }
        Text { value, span }
    }
}

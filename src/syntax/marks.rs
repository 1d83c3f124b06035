//! Marks that are no part of the language: what stands there in other languages, and how it is written here.

use super::scan::{Kind, Token, Wrong};
use super::slice::{Explain, Failure, Slice, foreign};
use crate::base::Diag;

impl Explain<'_> {
    /// Returns what to say of something that is no part of the language.
    pub(super) fn wrong(&self, slice: &Slice, token: &Token) -> Diag {
        let span = self.span(token.start, token.end);
        let text = self.text(token);
        let Kind::Wrong(wrong) = token.kind else {
            return Diag::error("cfx::syntax::character", span, "this is no part of the language");
        };
        if let Some(diag) = self.foreign_mark(slice, token, wrong) {
            return diag;
        }
        let other = |message: &str, help: String| Diag::error("cfx::syntax::foreign", span, message).help(help);
        match wrong {
            Wrong::OpenText => Diag::error("cfx::syntax::string", span, "this string has no closing quote")
                .help("a string begins and ends with `\"` on one line"),
            Wrong::SingleQuotes => {
                let inner = text.trim_matches('\'').replace('"', "\\\"");
                let help = if text.len() > 1 {
                    format!("write `\"{inner}\"`")
                } else {
                    "strings stand in double quotes: `\"text\"`".into()
                };
                Diag::error("cfx::syntax::string", span, "strings stand in double quotes").help(help)
            }
            Wrong::SlashComment => {
                let comment = text.trim_start_matches(['/', '*', ' ']).trim_end().trim_end_matches("*/").trim_end();
                let divisor = text
                    .strip_prefix("//")
                    .map(str::trim)
                    .filter(|d| !d.is_empty() && d.chars().all(|c| c.is_ascii_digit() || c == '.'));
                let here = slice.tokens.iter().position(|t| t.start == token.start).unwrap_or(0);
                let divided = here.checked_sub(1).and_then(|i| slice.tokens.get(i));
                let divided = divided.is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Number | Kind::Close));
                match divisor.filter(|_| divided) {
                    Some(d) => other("`//` is no part of the language", format!("a division is `/ {d}`, a comment `# {d}`")),
                    None => other("comments begin with `#`", format!("write `# {comment}`")),
                }
            }
            Wrong::ColonEquals => {
                other("a name is bound by `=` alone", "write `=` in a declaration, `name: value` for an argument".into())
            }
            Wrong::Semicolon => other(
                "nothing is ended by `;`",
                "the end of the line ends a declaration, a field or a step; a comma separates, too".into(),
            ),
            Wrong::CurlyQuote => {
                Diag::error("cfx::syntax::character", span, format!("`{text}` is not the quotation mark of strings"))
                    .help("write `\"`, the straight one")
            }
            Wrong::Dash => {
                Diag::error("cfx::syntax::character", span, format!("`{text}` is a dash, not a minus sign")).help("write `-`")
            }
            Wrong::Blank => {
                let c = text.chars().next().map_or(0, u32::from);
                Diag::error("cfx::syntax::character", span, format!("the invisible character U+{c:04X} cannot stand here"))
                    .help("write a space")
            }
            _ if text.chars().all(|c| matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}')) => {
                let c = text.chars().next().map_or(0, u32::from);
                Diag::error("cfx::syntax::character", span, format!("the invisible character U+{c:04X} cannot stand here"))
                    .help("delete it, or write the line anew")
            }
            _ => {
                let help =
                    "names are written with the letters a to z, digits and `_`; any text may stand in strings and comments";
                Diag::error("cfx::syntax::character", span, format!("`{text}` cannot stand here")).help(help)
            }
        }
    }

    /// Returns the message for a mark that no expression has, where other languages have it.
    fn foreign_mark(&self, slice: &Slice, token: &Token, wrong: Wrong) -> Option<Diag> {
        let span = self.span(token.start, token.end);
        let here = slice.tokens.iter().position(|t| t.start == token.start)?;
        let next = slice.tokens.get(here + 1).map_or("", |t| self.text(t));
        match wrong {
            Wrong::Caret => {
                let failure = Failure { slice, here, span, after: "", next: "^", expected: &[] };
                self.power(&failure, here, here + 1)
            }
            Wrong::Question if slice.tokens.get(here + 1).is_some_and(|t| t.kind == token.kind && t.start == token.end) => {
                foreign(
                    self.span(token.start, token.end + 1),
                    "nothing stands in for an absent value",
                    "leave it out: what is made from an absent value is absent, and reductions pass it over",
                )
            }
            Wrong::Question => {
                let rest = self.line_from(slice, here + 1);
                let (yes, no) = rest.split_once(':').map_or(("a", "b"), |(a, b)| (a.trim(), b.trim()));
                let condition = self.between(slice, self.value_start(slice.tokens, here), here);
                foreign(span, "a choice is written in words", format!("write `if {condition} then {yes} else {no}`"))
            }
            Wrong::At if here > 0 && matches!(slice.tokens[here - 1].kind, Kind::Word | Kind::Close | Kind::Number) => {
                foreign(span, "there is no operator `@`", "coordinates are selected in brackets: `acc[run: 0]`")
            }
            Wrong::At => foreign(span, "there are no decorators", "settings stand with the declaration, in braces or brackets"),
            Wrong::Dollar
                if here > 0
                    && slice.tokens[here - 1].end == token.start
                    && matches!(slice.tokens[here - 1].kind, Kind::Word | Kind::Close) =>
            {
                let from = self.operand_start(slice.tokens, here);
                let base = self.between(slice, from, here);
                foreign(span, "a part of a record or a column of a table stands behind a point", format!("write `{base}.{next}`"))
            }
            Wrong::Dollar => {
                let name = if next == "{" { slice.tokens.get(here + 2).map_or("", |t| self.text(t)) } else { next };
                foreign(span, "a name stands without `$`", format!("write `{name}`"))
            }
            Wrong::Backtick => foreign(span, "a name stands without quotes", "write it as it is"),
            Wrong::Bars => foreign(span, "this operator is written `or`", self.joined(slice, here, "or")),
            Wrong::Ampersand => foreign(span, "this operator is written `and`", self.joined(slice, here, "and")),
            Wrong::Other if self.text(token) == "~" && matches!(next, "=" | "==") => {
                foreign(span, "this comparison is written `!=`", "write `a != b`")
            }
            Wrong::Other if self.text(token) == "\\" => match next {
                "(" => foreign(
                    span,
                    "scripts define no functions",
                    "write the expression where it is needed; a value that varies is one over an `axis`",
                ),
                _ => foreign(
                    span,
                    "no mark is needed where an expression goes on in the next line",
                    "end the line with the operator, or put the whole in round brackets",
                ),
            },
            Wrong::Other if matches!(self.text(token), "≈" | "≃" | "≅") => {
                foreign(span, "nothing tells whether two numbers are nearly equal", "write `abs(a - b) < 0.01`")
            }
            Wrong::Other if self.text(token) == "±" => foreign(
                span,
                "errors are not written: they are carried along with each number",
                "write the number alone; `standard_error(x)` is its error",
            ),
            Wrong::Other if self.text(token) == "∈" => foreign(
                span,
                "nothing tells whether a list holds a value",
                "compare with each: `x == a or x == b`; coordinates are selected: `value[axis: [a, b]]`",
            ),
            Wrong::Other if self.text(token) == "∞" => {
                foreign(span, "there is no such number", "a setting without a bound is left out, or is `none`")
            }
            Wrong::Other => {
                let (ours, example) = match self.text(token) {
                    "≥" => (">=", "a >= b"),
                    "≤" => ("<=", "a <= b"),
                    "≠" => ("!=", "a != b"),
                    "×" | "·" | "⋅" | "∗" => ("*", "a * b"),
                    "÷" => ("/", "a / b"),
                    "∧" => ("and", "a and b"),
                    "∨" => ("or", "a or b"),
                    "¬" => ("not", "not a"),
                    "→" => ("->", "a -> b"),
                    "²" => ("power", "power(a, 2)"),
                    "√" => ("sqrt", "sqrt(a)"),
                    _ => return None,
                };
                foreign(span, format!("this is written `{ours}`"), format!("write `{example}`"))
            }
            Wrong::Bang => {
                let operand = self.between(slice, here + 1, self.side_end(slice.tokens, here + 1));
                foreign(span, "negation is written `not`", format!("write `not {operand}`"))
            }
            _ => None,
        }
    }
}

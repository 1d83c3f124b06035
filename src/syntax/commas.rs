//! Commas outside brackets, and what they are meant to part.

use super::grammar::Rule;
use super::scan::{Kind, Token};
use super::slice::{Explain, Failure, foreign};
use crate::base::Diag;

impl Explain<'_> {
    /// Returns the message for a comma at the failure that stands in no bracket.
    pub(super) fn comma(&self, f: &Failure, keyword: &str) -> Option<Diag> {
        let tokens = f.slice.tokens;
        let at = |i: usize| tokens.get(i).map_or("", |t| self.text(t));
        let (_, previous) = self.before(f);
        let (comma, then) = (tokens.get(f.here)?, tokens.get(f.here + 1));
        let number = |t: Option<&Token>| t.is_some_and(|t| t.kind == Kind::Number);
        if keyword == "use" {
            return None;
        }
        if f.expected.contains(&Rule::assign) {
            let before = tokens.iter().take_while(|t| self.text(t) != "=");
            let names = before.filter(|t| t.kind == Kind::Word).skip(1);
            let each: Vec<String> = names.map(|t| format!("`{keyword} {} = …`", self.text(t))).collect();
            return foreign(f.span, "a declaration binds one name", format!("write one for each: {}", each.join(", ")));
        }
        let start = tokens.iter().position(|t| self.text(t) == "=").map_or(0, |i| i + 1);
        let touches = previous.is_some_and(|p| p.end == comma.start) && then.is_some_and(|t| t.start == comma.end);
        if number(previous) && number(then) && touches && at(f.here + 2) != "," {
            let digits = at(f.here + 1);
            let thousands = digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit()) && f.after != "0";
            let help = match thousands {
                true => format!("write `{}{digits}`", f.after),
                false => {
                    format!("a fraction is written with a point, `{0}.{digits}`, a list in brackets, `[{0}, {digits}]`", f.after)
                }
            };
            return foreign(f.span, "a comma cannot stand here", help);
        }
        if previous.is_some_and(|p| self.text(p) == ")") && then.is_some_and(|t| t.kind == Kind::Word) && at(f.here + 2) == ":" {
            let rest = self.line_from(f.slice, f.here + 1);
            let help = format!("settings stand in the brackets, or in braces behind them: `{}(…) {{ {rest} }}`", at(start));
            return foreign(f.span, "a comma cannot stand here", help);
        }
        let help = match keyword {
            "axis" | "let" | "param" => format!("write a list in square brackets: `[{}]`", self.line_from(f.slice, start)),
            _ => "a declaration has one value: give each a declaration of its own, or make them an axis, `axis each = { a: …, b: … }`"
                .to_string(),
        };
        foreign(f.span, "a comma cannot stand here", help)
    }
}

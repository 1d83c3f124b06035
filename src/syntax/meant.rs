//! Forms of other languages of which the message writes out what is meant: ranges without an end, recipes that change others, conditions with a
//! single `=`.

use super::scan::{Kind, Token};
use super::slice::{Explain, Failure, depth, foreign, innermost};
use crate::base::Diag;

/// Operations that take a condition, in which `=` is meant as a comparison.
const CONDITIONS: [&str; 6] = ["only", "where", "share", "all", "any", "count"];
/// Arguments of these.
const ARGUMENTS: [&str; 8] = ["count", "seed", "over", "by", "of", "data", "x", "condition"];

impl Explain<'_> {
    /// Returns the message for a form whose meaning is plain.
    pub(super) fn meant(&self, f: &Failure, keyword: &str) -> Option<Diag> {
        let tokens = f.slice.tokens;
        let at = |i: usize| tokens.get(i).map_or("", |t| self.text(t));
        let (back, previous) = self.before(f);
        let token = tokens.get(f.here);
        let open = innermost(&tokens[..f.here]);
        let called = open.and_then(|i| i.checked_sub(1)).map_or("", at);
        let begins = matches!(f.after, "=" | "[" | "," | "(" | ":" | "{");
        let ends = token.is_none_or(|t| matches!(t.kind, Kind::Newline | Kind::Close));
        match f.next {
            "=" if CONDITIONS.contains(&called)
                && previous.is_some_and(|t| t.kind == Kind::Word)
                && !ARGUMENTS.contains(&f.after)
                && at(f.here + 1) != "=" =>
            {
                let left = self.between(f.slice, self.operand_start(tokens, back + 1), back + 1);
                let right = self.between(f.slice, f.here + 1, self.operand_end(tokens, f.here + 1));
                foreign(f.span, "equality is written `==`", format!("write `{left} == {right}`"))
            }
            "as" if self.assigned(f) && keyword != "use" => {
                let rest = self.line_from(f.slice, f.here);
                foreign(f.span, "values are not converted", format!("leave `{rest}` out: every value is of its kind by itself"))
            }
            "not"
                if at(f.here + 1) != "in"
                    && self.assigned(f)
                    && depth(&tokens[..f.here]) == 0
                    && previous.is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Close)) =>
            {
                let left = self.between(f.slice, self.operand_start(tokens, back + 1), back + 1);
                let right = self.between(f.slice, f.here + 1, self.operand_end(tokens, f.here + 1));
                let help = format!("the examples of one data set that are not in another are `{left} except {right}`");
                foreign(f.span, "`not` stands before a condition", help)
            }
            "*" if keyword == "use" => {
                foreign(f.span, "names are taken one by one", "write those that are used: `use std.data { digits }`")
            }
            "{" if keyword == "recipe" && f.after == "=" && at(f.here + 1) == ".." && at(f.here + 2) == "." => {
                self.recipe_of_another(f, f.here + 3)
            }
            ".." if keyword == "recipe" && f.after == "{" && at(f.here + 1) == "." => self.recipe_of_another(f, f.here + 2),
            ".." if at(f.here + 1) == "." && begins => {
                let close = tokens[f.here..].iter().position(|t| t.kind == Kind::Close).map_or(tokens.len(), |i| f.here + i);
                let number = |t: Option<&Token>| t.and_then(|t| self.text(t).parse::<u64>().ok());
                let (first, last) = (number(open.and_then(|i| tokens.get(i + 1))), number(tokens.get(close.saturating_sub(1))));
                let range = match (first, last.and_then(|n| n.checked_add(1))) {
                    (Some(first), Some(end)) if first < end => format!("{first}..{end}"),
                    _ => "0..10".to_string(),
                };
                let help = format!("write every element; whole numbers in steps of one are a range, `{range}`, its end excluded");
                foreign(f.span, "nothing is left out of a list", help)
            }
            ".." if begins && tokens.get(f.here + 1).is_some_and(|t| t.kind == Kind::Number) => {
                foreign(f.span, "a range has a beginning", format!("write `0..{}`, its end excluded", at(f.here + 1)))
            }
            _ if f.after == ".." && ends => {
                let from = back.checked_sub(1).map_or("0", at);
                let end = from.parse::<u64>().ok().and_then(|n| n.checked_add(10)).unwrap_or(10);
                foreign(f.span, "a range has an end", format!("write, say, `{from}..{end}`, its end excluded"))
            }
            _ if called == "option" && token.is_some_and(|t| t.kind == Kind::Text) => {
                let from = open.map_or(f.here, |i| i + 1);
                let words = tokens[from..].iter().take_while(|t| t.kind != Kind::Close).filter(|t| t.kind == Kind::Text);
                let words: Vec<&str> = words.map(|t| self.text(t).trim_matches('"')).collect();
                foreign(f.span, "the words of an option have no quotes", format!("write `option({})`", words.join(", ")))
            }
            _ => None,
        }
    }

    /// Returns the message for a recipe that names among its settings another one, at an index, whose settings it takes.
    fn recipe_of_another(&self, f: &Failure, other: usize) -> Option<Diag> {
        let tokens = f.slice.tokens;
        let text = |i: usize| tokens.get(i).map_or("", |t| self.text(t));
        let from = other + if text(other + 1) == "," { 2 } else { 1 };
        let closes = |i: &usize| depth(&tokens[from..=*i]) < 0;
        let close = (from..tokens.len()).find(closes).unwrap_or(tokens.len());
        let own = if close > from { self.between(f.slice, from, close) } else { "…".to_string() };
        let (name, base) = (text(1), text(other));
        let help = format!("write `recipe {name} = {base} {{ {own} }}`; its settings replace those of `{base}`");
        foreign(f.span, "a recipe that changes another one names it before its braces", help)
    }
}

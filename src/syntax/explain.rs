//! What is wrong with a declaration that could not be read, in words of the language and with what to do.

use super::grammar::Rule;
use super::scan::{Kind, Token, Wrong};
use super::slice::{ARGUMENT, Explain, Failure, Slice, failure};
use crate::base::{Diag, Diags};

/// How many arguments of one declaration that are given with `=` are told.
const MOST_ARGUMENTS: usize = 8;

impl Explain<'_> {
    /// Reports what is wrong with the declaration between two offsets of the text.
    pub fn lost(&self, start: usize, end: usize, diags: &mut Diags) {
        let slice = Slice { start, end, tokens: self.scan.within(start, end) };
        let wrong: Vec<&Token> = slice.tokens.iter().filter(|t| matches!(t.kind, Kind::Wrong(_))).collect();
        let said: Vec<&&Token> =
            wrong.iter().enumerate().filter(|(i, _)| !self.goes_with(&wrong[..=*i])).map(|(_, t)| t).collect();
        said.iter().take(5).for_each(|t| diags.push(self.wrong(&slice, t)));
        let first_wrong = wrong.first().map_or(usize::MAX, |t| t.start);
        let Some(first) = slice.tokens.iter().find(|t| t.kind != Kind::Newline) else {
            if wrong.is_empty() {
                diags.push(Diag::error("cfx::syntax::expected", self.span(start, end), "expected a declaration"));
            }
            return;
        };
        self.lines_without_keyword(&slice, first, diags);
        if Self::keyword(self.text(first)).is_none() {
            if first_wrong > first.start {
                diags.push(self.no_keyword(&slice, first));
            }
            return;
        }
        let bracket = self.brackets(&slice);
        let bracket_at = bracket.as_ref().map_or(usize::MAX, |(at, _)| *at);
        let fails = |text: &str| failure(text).map_or((end, Vec::new()), |(at, rules)| (start + at, rules));
        let mut text = self.file.text[start..end].to_string();
        let (mut at, mut expected) = fails(&text);
        // Arguments that are given with `=` are each told: the text is read on as if they were written right.
        for _ in 0..MOST_ARGUMENTS {
            if at >= first_wrong || at > bracket_at || text.as_bytes().get(at - start) != Some(&b'=') {
                break;
            }
            let diag = self.unexpected(&slice, at, &expected);
            if diag.message != ARGUMENT {
                break;
            }
            text.replace_range(at - start..at - start + 1, ":");
            diags.push(diag);
            if failure(&text).is_none() {
                return;
            }
            (at, expected) = fails(&text);
        }
        // A mark that is no part of the language, or a bracket without its partner, is the cause of what fails after it.
        if at < first_wrong && at <= bracket_at {
            diags.push(self.unexpected(&slice, at, &expected));
        } else if let Some((_, diag)) = bracket.filter(|_| bracket_at < first_wrong) {
            diags.push(diag);
        }
    }

    /// Returns whether the last of some wrong marks belongs to one before it, and so is told with that one: the other backtick of a pair,
    /// the second half of `??`.
    fn goes_with(&self, wrong: &[&Token]) -> bool {
        let Some((last, rest)) = wrong.split_last() else { return false };
        let alike: Vec<&&Token> = rest.iter().filter(|t| t.kind == last.kind).collect();
        let Some(before) = alike.last() else { return false };
        match last.kind {
            Kind::Wrong(Wrong::Backtick | Wrong::CurlyQuote) => {
                let line = |t: &Token| self.file.text[..t.start].rfind('\n');
                let same = alike.iter().filter(|t| line(t) == line(last)).count();
                same % 2 == 1
            }
            Kind::Wrong(Wrong::Question) => before.end == last.start,
            _ => false,
        }
    }

    // --------------------------------------------------------------------------------------------------------- brackets

    /// Returns the first bracket of a declaration that has no partner, with the offset up to which reading fails for another cause.
    fn brackets(&self, slice: &Slice) -> Option<(usize, Diag)> {
        let mut open: Vec<&Token> = Vec::new();
        for token in slice.tokens {
            match token.kind {
                Kind::Open => open.push(token),
                Kind::Close => {
                    let close = self.text(token);
                    let span = self.span(token.start, token.end);
                    let Some(last) = open.pop() else {
                        return Some((
                            token.start.saturating_sub(1),
                            Diag::error("cfx::syntax::bracket", span, format!("`{close}` closes nothing"))
                                .help("remove it, or open it before"),
                        ));
                    };
                    let partner = partner(self.text(last));
                    if partner != close {
                        let place = self.span(last.start, last.end);
                        let words = format!("`{}` is not closed", self.text(last));
                        let diag = Diag::error("cfx::syntax::bracket", place, words).here("opened here");
                        return Some((
                            token.start.saturating_sub(1),
                            diag.label(span, format!("expected `{partner}` before this")).help(format!("add `{partner}`")),
                        ));
                    }
                }
                _ => {}
            }
        }
        // Of several open ones the innermost is most likely the forgotten one, unless a line of a block follows.
        let last = open.last()?;
        let bracket = self.text(last);
        let span = self.span(last.start, last.end);
        let diag = Diag::error("cfx::syntax::bracket", span, format!("`{bracket}` is never closed")).here("opened here");
        Some((last.start, diag.help(format!("add `{}` where it ends", partner(bracket)))))
    }

    // ------------------------------------------------------------------------------------------------- tokens not expected

    /// Returns the message for a declaration that fails at an offset.
    fn unexpected(&self, slice: &Slice, at: usize, expected: &[Rule]) -> Diag {
        let here = slice.tokens.partition_point(|t| t.end <= at);
        let found = slice.tokens[here.min(slice.tokens.len())..].iter().find(|t| t.kind != Kind::Newline);
        let before = slice.tokens[..here].iter().rev().find(|t| t.kind != Kind::Newline);
        let span = match (found, before) {
            (Some(t), _) if slice.tokens.get(here).is_some_and(|h| h.start == t.start) => self.span(t.start, t.end),
            (_, Some(b)) => self.span(b.end, b.end),
            _ => self.span(slice.start, slice.end),
        };
        let after = before.map_or("", |t| self.text(t));
        let next = found.map_or("", |t| self.text(t));
        if let Some(diag) = self.known(&Failure { slice, here, span, after, next, expected }) {
            return diag;
        }
        let words = expectation(expected);
        let after = match before {
            Some(t) if t.kind == Kind::Text || t.end - t.start > 30 => " here".to_string(),
            Some(_) => format!(" after `{after}`"),
            None => String::new(),
        };
        let message = if words.is_empty() { format!("`{next}` cannot stand here") } else { format!("expected {words}{after}") };
        let diag = Diag::error("cfx::syntax::expected", span, message);
        let here_words = match found {
            Some(t) if t.kind == Kind::Text => "found a string".to_string(),
            Some(t) if span.is_empty() && t.start > at => "the line ends here".to_string(),
            Some(_) => format!("found `{next}`"),
            None => "the declaration ends here".to_string(),
        };
        let first = slice.tokens.iter().find(|t| t.kind != Kind::Newline).map_or("", |t| self.text(t));
        let help = match first {
            "use" => Some(self.use_help(slice)),
            "network" if next == "=" && slice.tokens.get(here + 1).is_some_and(|t| t.kind == Kind::Word) => {
                let name = slice.tokens.get(1).map_or("", |t| self.text(t));
                let value = self.line_from(slice, here + 1);
                let inside = match value.strip_suffix("()").or(value.split_once('(').is_none().then_some(value.as_str())) {
                    Some(bare) => format!("{bare}(classes)"),
                    None => value.replacen('(', "(classes, ", 1),
                };
                Some(format!("give `{value}` to `train` itself, or make a network of it: `network {name} {{ {inside} }}`"))
            }
            "network" | "layer" if next == "=" => {
                Some(format!("a {first} is declared with its steps: `{first} name(width: int) {{ … }}`"))
            }
            "network" | "layer" if next == ":" => Some(
                "a label is at the beginning of a step, and names the output of the whole step: `hidden: linear(16) -> relu`"
                    .to_string(),
            ),
            "param" if found.is_some_and(|t| t.kind == Kind::Text) => {
                Some("describe a parameter above it, in lines that begin with `##`".to_string())
            }
            "extern" if expected.contains(&Rule::arrow) => Some("a signature ends with its result: `-> number`".to_string()),
            _ if expected.contains(&Rule::close_round)
                && found.is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Number | Kind::Text)) =>
            {
                Some("arguments are separated by commas".to_string())
            }
            _ if expected.contains(&Rule::close_curly) && expected.contains(&Rule::comma) => {
                Some("in braces, put each field or step on its own line, or separate them by commas".to_string())
            }
            _ => None,
        };
        let diag = Diag { help, ..diag };
        diag.here(here_words)
    }
}

/// Returns the bracket that closes one.
fn partner(open: &str) -> &'static str {
    match open {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

/// Returns the things that may come next, in words: "a name, `(` or `{`"; empty where nothing helpful can be said.
fn expectation(expected: &[Rule]) -> String {
    let mut words: Vec<&str> = Vec::new();
    // Where a bracket may close or an element follow, every operator may follow too: naming them all helps nobody.
    let closing = expected
        .iter()
        .any(|r| matches!(r, Rule::comma | Rule::close_round | Rule::close_square | Rule::close_curly | Rule::EOI));
    for rule in expected {
        let Some((word, goes_on)) = word(*rule) else { continue };
        let noise = closing && goes_on;
        if !noise && !words.contains(&word) {
            words.push(word);
        }
    }
    if words.contains(&"a value") {
        words.retain(|w| !matches!(*w, "a name" | "`-`" | "`not`"));
    }
    words.sort_by_key(|w| w.starts_with('`'));
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => last.to_string(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// Returns a rule in words, and whether it merely lets an expression go on.
fn word(rule: Rule) -> Option<(&'static str, bool)> {
    use Rule::*;
    Some(match rule {
        ident => ("a name", false),
        text => ("a string", false),
        number | bad_number | boolean | if_else | round | list | map | expr | chain | postfix | kw_if | pair | arg => {
            ("a value", false)
        }
        op_not | op_neg => ("a value", false),
        parameter => ("a parameter", false),
        type_expr | type_atom | type_option | type_list | type_record | kw_option => ("a type", false),
        type_field => ("a field `name: type`", false),
        constructor => ("a constructor", false),
        use_name => ("a name", false),
        dotted => ("a library such as `std.data`", false),
        experiment | use_names | titled | recipe | param | network | extern_item | variant | bind | item => {
            ("a declaration", false)
        }
        edition | kw_cfx => ("a declaration", false),
        edition_number => ("a number", false),
        params | open_params => ("`(`", false),
        open_round | args => ("`(`", true),
        open_square | select => ("`[`", true),
        open_curly | block => ("`{`", false),
        close_round => ("`)`", false),
        close_square => ("`]`", false),
        close_curly => ("`}`", false),
        assign => ("`=`", false),
        colon => ("`:`", false),
        comma => ("`,`", false),
        arrow => ("`->`", true),
        bar => ("`|`", true),
        dot | member => ("`.`", true),
        op_or | op_and | op_except | op_range | op_eq | op_ne | op_le | op_ge | op_lt | op_gt | op_add | op_sub | op_mul
        | op_div => ("an operator", true),
        effect | names => ("a word such as `random`", true),
        kw_then => ("`then`", false),
        kw_else => ("`else`", false),
        kw_as => ("`as`", true),
        EOI | slice | contents | file | only_item | lost | item_start => ("the end of the declaration", false),
        kw_experiment | kw_use | kw_axis | kw_param | kw_let | kw_dataset | kw_network | kw_layer | kw_recipe | kw_model
        | kw_stages | kw_density | kw_analysis | kw_figure | kw_claim | kw_extern | kw_variant => ("a declaration", false),
        WHITESPACE | COMMENT | nl | sp | end | sep | keyword | reserved | word_char | bind_word | operand | literal | primary
        | suffix | prefix | infix => {
            return None;
        }
    })
}

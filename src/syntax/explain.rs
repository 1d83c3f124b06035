//! What is wrong with a declaration that could not be read, in words of the language and with what to do.

use super::ast::Keyword;
use super::grammar::Rule;
use super::scan::{Kind, Token, Wrong};
use super::slice::{Explain, Failure, Slice, failure};
use crate::base::{Diag, Diags};

impl Explain<'_> {
    /// Reports what is wrong with the declaration between two offsets of the text.
    pub fn lost(&self, start: usize, end: usize, diags: &mut Diags) {
        let slice = Slice { start, end, tokens: self.scan.within(start, end) };
        let wrong: Vec<&Token> = slice.tokens.iter().filter(|t| matches!(t.kind, Kind::Wrong(_))).collect();
        wrong.iter().take(5).for_each(|t| diags.push(self.wrong(&slice, t)));
        let first_wrong = wrong.first().map_or(usize::MAX, |t| t.start);
        let Some(first) = slice.tokens.iter().find(|t| t.kind != Kind::Newline) else {
            if wrong.is_empty() {
                diags.push(Diag::error("cfx::syntax::expected", self.span(start, end), "expected a declaration"));
            }
            return;
        };
        if Self::keyword(self.text(first)).is_none() {
            if first_wrong > first.start {
                diags.push(self.no_keyword(&slice, first));
            }
            return;
        }
        let bracket = self.brackets(&slice);
        let bracket_at = bracket.as_ref().map_or(usize::MAX, |(at, _)| *at);
        let (at, expected) = failure(&self.file.text[start..end]).map_or((end, Vec::new()), |(at, rules)| (start + at, rules));
        // A mark that is no part of the language, or a bracket without its partner, is the cause of what fails after it.
        if at < first_wrong && at <= bracket_at {
            diags.push(self.unexpected(&slice, at, &expected));
        } else if let Some((_, diag)) = bracket.filter(|_| bracket_at < first_wrong) {
            diags.push(diag);
        }
    }

    fn keyword(word: &str) -> Option<Keyword> {
        Keyword::ALL.into_iter().find(|k| k.word() == word)
    }

    // ---------------------------------------------------------------------------------------- marks of other languages

    fn wrong(&self, slice: &Slice, token: &Token) -> Diag {
        let span = self.span(token.start, token.end);
        let text = self.text(token);
        let Kind::Wrong(wrong) = token.kind else {
            return Diag::error("cfx::syntax::character", span, "this is no part of the language");
        };
        if let Some(diag) = self.foreign_mark(slice, token, wrong) {
            return diag;
        }
        let foreign = |message: &str, help: String| Diag::error("cfx::syntax::foreign", span, message).help(help);
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
                foreign("comments begin with `#`", format!("write `# {}`", text.trim_start_matches(['/', '*', ' ']).trim_end()))
            }
            Wrong::ColonEquals => {
                foreign("a name is bound by `=` alone", "write `=` in a declaration, `name: value` for an argument".into())
            }
            Wrong::Semicolon => foreign(
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
            _ => {
                let help =
                    "names are written with the letters a to z, digits and `_`; any text may stand in strings and comments";
                Diag::error("cfx::syntax::character", span, format!("`{text}` cannot stand here")).help(help)
            }
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

    // --------------------------------------------------------------------------------------- declarations not begun well

    fn no_keyword(&self, slice: &Slice, first: &Token) -> Diag {
        let span = self.span(first.start, first.end);
        let word = self.text(first);
        let next = slice.tokens.iter().find(|t| t.start >= first.end);
        let next_text = next.map_or("", |t| self.text(t));
        if word == "cfx" {
            let place = self.span(first.start, next.filter(|t| t.kind != Kind::Newline).map_or(first.end, |t| t.end));
            let diag = Diag::error("cfx::syntax::edition", place, "the edition stands alone in the first line");
            return diag.help("write `cfx 1` before all declarations, or leave it out");
        }
        if let Some(diag) = self.foreign_beginning(slice, first) {
            return diag;
        }
        if first.kind == Kind::Word
            && let Some((message, help)) = foreign_word(word)
        {
            return Diag::error("cfx::syntax::foreign", span, message).help(help);
        }
        let declares = next.is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Text));
        if first.kind == Kind::Word
            && declares
            && let Some(near) = nearest(word)
        {
            return Diag::error("cfx::syntax::keyword-misspelt", span, format!("no declaration begins with `{word}`"))
                .help(format!("did you mean `{near}`?"));
        }
        let all: Vec<String> = Keyword::ALL[..15].iter().map(|k| format!("`{}`", k.word())).collect();
        let message = match first.kind {
            Kind::Word if matches!(next_text, "=" | "==") => format!("the declaration of `{word}` does not say what it is"),
            Kind::Word if declares => format!("no declaration begins with `{word}`"),
            Kind::Close => format!("`{word}` closes nothing"),
            _ => format!("expected a declaration, found `{word}`"),
        };
        let help = match first.kind {
            Kind::Word if matches!(next_text, "=" | "==") => {
                format!("begin with a keyword, such as `let {word} = …` or `analysis {word} = …`")
            }
            Kind::Open => format!("`{word}` belongs to the expression before it only on the same line"),
            _ => format!("a declaration begins with {}", all.join(", ")),
        };
        Diag::error("cfx::syntax::expected", span, message).help(help)
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
            "network" | "layer" if next == "=" => {
                Some(format!("a {first} is declared with its steps: `{first} name(width: int) {{ … }}`"))
            }
            "network" | "layer" if next == ":" => Some(
                "a label stands at the beginning of a step, and names what the whole step puts out: `hidden: linear(16) -> relu`"
                    .to_string(),
            ),
            "param" if found.is_some_and(|t| t.kind == Kind::Text) => {
                Some("what a parameter means stands above it, in lines that begin with `##`".to_string())
            }
            "extern" if expected.contains(&Rule::arrow) => Some("a signature ends with its result: `-> number`".to_string()),
            _ if expected.contains(&Rule::close_curly) && expected.contains(&Rule::comma) => {
                Some("in braces, fields and steps stand one a line or are separated by commas".to_string())
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

/// Returns the keyword nearest to a misspelt one, if one is near.
fn nearest(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let score = |k: &Keyword| strsim::damerau_levenshtein(&lower, k.word());
    let (distance, best) = Keyword::ALL.iter().map(|k| (score(k), k.word())).min()?;
    (distance <= 1.max(best.len() / 3)).then_some(best)
}

/// Returns what to say of a word that begins statements in other languages.
fn foreign_word(word: &str) -> Option<(&'static str, &'static str)> {
    Some(match word {
        "for" | "while" | "loop" | "repeat" | "foreach" => (
            "there are no loops",
            "a value over an axis has one cell for each coordinate: `axis run = 0..10`, then use `run` where the value may vary",
        ),
        "def" | "fn" | "func" | "function" | "class" | "lambda" => (
            "scripts define no functions",
            "a reusable piece of an architecture is a `layer` or a `network`, settings used twice are a `recipe`; a value that varies is one over an `axis`",
        ),
        "import" | "from" | "include" | "require" | "library" | "using" | "source" | "pip" | "install" => (
            "there are no packages to load: operations are built in",
            "`cfx doc` lists them; data sets, networks and recipes are taken by `use std.data { digits }`, other files by `use \"lib/nets.cfx\" { mine }`",
        ),
        "var" | "const" | "val" | "set" => (
            "a value is named by its kind",
            "a plain number is bound by `let name = …`, results by `model`, `analysis` and so on",
        ),
        "return" | "yield" => ("nothing is returned", "every declaration is a value by its name"),
        "print" | "show" | "plot" => {
            ("nothing is printed by a script", "declare a `figure \"Title\" = …` or an `analysis`; the report shows them")
        }
        "if" => ("`if` stands inside a value", "write `let name = if condition then a else b`"),
        _ => return None,
    })
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

//! What begins no declaration: statements of other languages, misspelt keywords, lines that go on with the one before.

use super::ast::Keyword;
use super::scan::{Kind, Token};
use super::slice::{Explain, Slice, expected, foreign};
use crate::base::text::one_line;
use crate::base::{Diag, Diags};

/// How many lines in a row that begin with no keyword are told.
const MOST_LINES: usize = 20;

impl Explain<'_> {
    /// Reports the lines behind the first of a lost declaration that bind or compute something without a keyword, as scripts of other
    /// languages do line by line.
    pub(super) fn lines_without_keyword(&self, slice: &Slice, first: &Token, diags: &mut Diags) {
        let (mut depth, mut told) = (0i32, 0);
        for (i, token) in slice.tokens.iter().enumerate() {
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth -= 1,
                _ => {}
            }
            let begins = i > 0 && slice.tokens[i - 1].kind == Kind::Newline && token.start > first.start;
            let leftmost = token.start == 0 || self.file.text.as_bytes()[token.start - 1] == b'\n';
            if depth != 0 || !begins || !leftmost || token.kind != Kind::Word || told >= MOST_LINES {
                continue;
            }
            let end = slice.tokens[i..].iter().find(|t| t.kind == Kind::Newline).map_or(slice.end, |t| t.start);
            if Self::keyword(self.text(token)).is_some() {
                // A declaration that begins as none does (`let 2a = …`) is read for itself; marks that are wrong in it have been told.
                if !self.scan.within(token.start, end).iter().any(|t| matches!(t.kind, Kind::Wrong(_))) {
                    self.lost(token.start, end, diags);
                    told += 1;
                }
                continue;
            }
            let next = slice.tokens.get(i + 1).map_or("", |t| self.text(t));
            let word = self.text(token);
            if matches!(next, "=" | "(" | "<" | ":") || foreign_word(word).is_some() || asserts(word) {
                let line = Slice { start: token.start, end, tokens: self.scan.within(token.start, end) };
                diags.push(self.no_keyword(&line, token));
                told += 1;
            }
        }
    }

    /// Returns what to say of a declaration whose first token is no keyword.
    pub(super) fn no_keyword(&self, slice: &Slice, first: &Token) -> Diag {
        let span = self.span(first.start, first.end);
        let word = self.text(first);
        let next = slice.tokens.iter().find(|t| t.start >= first.end);
        let next_text = next.map_or("", |t| self.text(t));
        if word == "cfx" {
            let place = self.span(first.start, next.filter(|t| t.kind != Kind::Newline).map_or(first.end, |t| t.end));
            let diag = Diag::error("cfx::syntax::edition", place, "the edition is alone in the first line");
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
            && let Some(near) = elsewhere(word).or_else(|| nearest(word))
        {
            return Diag::error("cfx::syntax::keyword-misspelt", span, format!("no declaration begins with `{word}`"))
                .help(format!("did you mean `{near}`?"));
        }
        let call = keyword_for(word, "(");
        if first.kind == Kind::Word && next_text == "(" && next.is_some_and(|t| t.start == first.end) {
            let rest = self.line_at(slice, first.start);
            let help = format!("write `{call} name = {}`", one_line(rest, 60));
            return Diag::error("cfx::syntax::expected", span, "this value is not declared").help(help);
        }
        let all: Vec<String> = Keyword::ALL[..15].iter().map(|k| format!("`{}`", k.word())).collect();
        let message = match first.kind {
            Kind::Word if matches!(next_text, "=" | "==" | ":") => format!("the declaration of `{word}` does not say what it is"),
            Kind::Word if declares => format!("no declaration begins with `{word}`"),
            Kind::Close => format!("`{word}` closes nothing"),
            _ => format!("expected a declaration, found `{word}`"),
        };
        let help = match first.kind {
            Kind::Word if next_text == "=" && self.value_of(slice, first).is_some() => {
                let (keyword, value) = self.value_of(slice, first).unwrap_or_default();
                format!("write `{keyword} {word} = {value}`")
            }
            Kind::Word if matches!(next_text, "=" | "==" | ":") => {
                format!("begin with a keyword, such as `let {word} = …` or `analysis {word} = …`")
            }
            Kind::Text if word == "\"\"" => {
                "comments begin with `#`, descriptions of what is declared below them with `##`".to_string()
            }
            Kind::Open => format!("`{word}` belongs to the expression before it only on the same line"),
            _ => format!("a declaration begins with {}", all.join(", ")),
        };
        Diag::error("cfx::syntax::expected", span, message).help(help)
    }

    /// Returns the message for what cannot begin a declaration, where it does in other languages.
    fn foreign_beginning(&self, slice: &Slice, first: &Token) -> Option<Diag> {
        let span = self.span(first.start, first.end);
        let word = self.text(first);
        let tokens: Vec<&Token> = slice.tokens.iter().filter(|t| t.kind != Kind::Newline).collect();
        let text = |i: usize| tokens.get(i).map_or("", |t| self.text(t));
        if word == "|" && text(1) == ">" {
            return foreign(span, "there are no pipes", format!("write the operation around the value: `{}(x)`", text(2)));
        }
        if word == "%" && text(1) == ">" {
            return foreign(span, "there are no pipes", format!("write the operation around the value: `{}(x)`", text(3)));
        }
        if word == "." && first.end == tokens.get(1).map_or(0, |t| t.start) {
            let help = format!("write the operation around the value, `{}(x)`, or end the line before with an operator", text(1));
            return foreign(span, "a line cannot begin with a point: values have no methods", help);
        }
        if word == "-" && text(1) == "-" && text(2) != "-" && tokens.len() > 2 {
            let comment = self.line_from(slice, 2);
            return foreign(span, "comments begin with `#`", format!("write `# {comment}`"));
        }
        if word == "-" && text(1) == "-" {
            return foreign(span, "nothing marks the beginning of a script", "remove this line; `cfx 1` may stand first");
        }
        if word == "-" && tokens.get(1).is_some_and(|t| t.kind == Kind::Word) && first.end < tokens[1].start {
            return foreign(
                span,
                "a line cannot begin with `-`",
                "write a list in square brackets, `[a, b]`; to continue a difference, end the line before with `-`",
            );
        }
        if matches!(word, "+" | "-" | "*" | "/" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "and" | "or" | "except" | "..") {
            return expected(
                span,
                format!("a line cannot begin with `{word}`"),
                format!("end the line before with `{word}`: after an operator an expression continues on the next line"),
            );
        }
        if matches!(text(1), "<" | ">" | "<=" | ">=" | "==" | "!=") && text(2) != "-" && text(1) != "==" {
            let line = one_line(self.line_at(slice, first.start), 60);
            return expected(
                span,
                "what holds or fails is a claim with a title",
                format!("write `claim \"What it shows\" = {line}`"),
            );
        }
        if asserts(word) && text(1) != "=" {
            let from = tokens.get(1).map_or(first.start, |t| t.start);
            let line = one_line(self.line_at(slice, from), 60);
            return foreign(span, "what must hold is a claim", format!("write `claim \"What it shows\" = {line}`"));
        }
        if text(1) == "<" && text(2) == "-" {
            let rest = tokens.get(3).map_or("…", |t| self.line_at(slice, t.start));
            let help = format!("write `{} {word} = {rest}`", keyword_for(text(3), text(4)));
            return foreign(span, "a name is bound by `=`, after a keyword for its kind", help);
        }
        // `value -> name`, as R binds names.
        if let Some(at) = tokens.iter().position(|t| self.text(t) == "->").filter(|at| *at > 0)
            && let Some(name) = tokens.get(at + 1).filter(|t| t.kind == Kind::Word)
            && tokens.get(at + 2).is_none_or(|t| self.file.text[name.end..t.start].contains('\n'))
        {
            let value = one_line(&self.file.text[first.start..tokens[at - 1].end], 60);
            let (keyword, name) = (keyword_for(word, text(1)), self.text(name));
            return foreign(
                span,
                "a name is bound by `=`, after a keyword for its kind",
                format!("write `{keyword} {name} = {value}`"),
            );
        }
        if matches!(text(1), "+" | "-" | "*" | "/") && text(2) == "=" {
            return foreign(span, format!("there is no `{}=`: a name is bound once", text(1)), "give the new value another name");
        }
        if matches!(word, "from" | "import") {
            let words: Vec<&str> = tokens.iter().skip(1).map(|t| self.text(t)).filter(|t| !matches!(*t, "." | ",")).collect();
            if let Some(i) = words.iter().position(|w| *w == "import").filter(|_| word == "from" && words.first() == Some(&"std"))
            {
                let help = format!("write `use {} {{ {} }}`", words[..i].join("."), words[i + 1..].join(", "));
                return foreign(span, "names are taken by `use`", help);
            }
        }
        None
    }

    /// Returns the keyword of a call that is bound to a name without one, and the call.
    fn value_of(&self, slice: &Slice, first: &Token) -> Option<(&'static str, String)> {
        let mut behind = slice.tokens.iter().skip_while(|t| t.start <= first.start).skip(1);
        let (name, bracket) = (behind.next()?, behind.next()?);
        let call = name.kind == Kind::Word && bracket.start == name.end && self.text(bracket) == "(";
        let line = one_line(self.line_at(slice, name.start), 60);
        call.then(|| (keyword_for(self.text(name), "("), line))
    }

    fn line_at(&self, slice: &Slice, start: usize) -> &str {
        self.file.text[start..slice.end].lines().next().unwrap_or("").trim_end()
    }
}

/// Returns the keyword nearest to a misspelt one, if one is near.
fn nearest(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let score = |k: &Keyword| strsim::damerau_levenshtein(&lower, k.word());
    let (distance, best) = Keyword::ALL.iter().map(|k| (score(k), k.word())).min()?;
    (distance <= 1.max(best.len() / 3)).then_some(best)
}

/// Returns the keyword of what is declared elsewhere by another word.
fn elsewhere(word: &str) -> Option<&'static str> {
    Some(match word {
        "data" | "data_set" | "loader" => "dataset",
        "parameter" | "params" | "arg" | "argument" | "flag" | "hyperparameter" => "param",
        "net" | "architecture" => "network",
        "config" | "settings" | "hyperparameters" => "recipe",
        "activations" | "representation" | "representations" | "features" => "stages",
        "result" | "results" | "metric" | "measure" | "compute" => "analysis",
        "fig" | "chart" | "graph" => "figure",
        "hypothesis" | "assertion" => "claim",
        "variable" | "constant" | "define" => "let",
        _ => return None,
    })
}

/// Returns what to say of a word that begins statements in other languages.
fn foreign_word(word: &str) -> Option<(&'static str, &'static str)> {
    Some(match word {
        "for" | "while" | "loop" | "repeat" | "foreach" => (
            "there are no loops",
            "a value over an axis has one cell for each coordinate: `axis run = 0..10`, then use `run` where the value may vary",
        ),
        "def" | "fn" | "func" | "fun" | "function" | "class" | "lambda" | "macro" => (
            "scripts define no functions and no classes",
            "a reusable piece of an architecture is a `layer` or a `network`, settings used twice are a `recipe`; a value that varies is one over an `axis`",
        ),
        "struct" | "type" | "enum" | "trait" | "interface" | "impl" | "module" | "namespace" | "object" | "abstract"
        | "mutable" => {
            ("scripts define no types", "values are of the kinds that declarations name; settings used together are a `recipe`")
        }
        "end" | "done" | "fi" | "begin" | "do" | "pass" => ("blocks stand in braces", "write `{` and `}`, or remove this word"),
        "try" | "except" | "catch" | "finally" | "raise" | "throw" => (
            "there are no exceptions: a value that cannot be computed is absent or failed, and the report says why",
            "take this line away",
        ),
        "with" | "global" | "nonlocal" | "async" | "await" | "del" | "exec" | "eval" => {
            ("scripts have declarations alone", "remove this line; values are declared by `let`, `model`, `analysis` and so on")
        }
        "elif" | "else" | "elseif" | "unless" | "match" | "switch" | "case" => {
            ("a choice is part of a value", "write `let name = if a then x else if b then y else z`")
        }
        "import" | "from" | "include" | "require" | "library" | "using" | "source" | "pip" | "install" => (
            "there are no packages to load: operations are built in",
            "`cfx doc` lists them; data sets, networks and recipes are taken by `use std.data { digits }`, other files by `use \"lib/nets.cfx\" { mine }`",
        ),
        "var" | "const" | "val" | "set" => (
            "a value is named by its kind",
            "a plain number is bound by `let name = …`, results by `model`, `analysis` and so on",
        ),
        "return" | "yield" => ("nothing is returned", "every declaration is a value under its name"),
        "print" | "println" | "printf" | "echo" | "cat" | "show" | "plot" | "display" | "save" | "write" | "export" => {
            ("a script prints nothing", "declare a `figure \"Title\" = …` or an `analysis`; the report shows them")
        }
        "if" => ("`if` is part of a value", "write `let name = if condition then a else b`"),
        _ => return None,
    })
}

/// Returns the keyword that most likely declares a value which begins with these two tokens.
fn keyword_for(first: &str, second: &str) -> &'static str {
    let call = second == "(";
    match first {
        "train" | "train_gan" if call => "model",
        "digits" | "arrays" | "mnist" | "cifar10" | "cifar100" | "image_folder" | "where" | "subset" | "sample" if call => {
            "dataset"
        }
        "tap" | "svd" | "load_stages" if call => "stages",
        "dp_mixture" if call => "density",
        _ if first.starts_with(|c: char| c.is_alphabetic()) => "analysis",
        _ => "let",
    }
}

/// Returns whether statements that begin with a word say in other languages what must hold.
fn asserts(word: &str) -> bool {
    matches!(word, "assert" | "expect" | "check" | "test" | "ensure" | "stopifnot")
}

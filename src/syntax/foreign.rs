//! What people write who know other languages (Python, R, Julia, Rust, YAML), and how it is written here.

use super::grammar::Rule;
use super::operands::unwrapped;
use super::scan::{Kind, Token};
use super::slice::{ARGUMENT, Explain, Failure, Slice, depth, expected, foreign, innermost};
use crate::base::Diag;

impl Explain<'_> {
    /// Returns the message for a mistake that is known by its looks.
    pub(super) fn known(&self, f: &Failure) -> Option<Diag> {
        let (span, after, next) = (f.span, f.after, f.next);
        let tokens = f.slice.tokens;
        let keyword = tokens.iter().find(|t| t.kind != Kind::Newline).map_or("", |t| self.text(t));
        let titled = matches!(keyword, "figure" | "claim" | "experiment");
        let token = tokens.get(f.here);
        let at = |i: usize| tokens.get(i).map_or("", |t| self.text(t));
        let then = at(f.here + 1);
        let (back, previous) = self.before(f);
        let after_word = previous.is_some_and(|t| t.kind == Kind::Word);
        let after_number = previous.is_some_and(|t| t.kind == Kind::Number);
        let depth = depth(&tokens[..f.here]);
        if after == keyword && f.here <= 1 {
            return self.no_name(f, keyword, titled);
        }
        let touches = token.zip(previous).is_some_and(|(t, p)| p.end == t.start);
        let open = innermost(&tokens[..f.here]).map_or("", |i| at(i));
        if let Some(diag) = self.meant(f, keyword) {
            return Some(diag);
        }
        match next {
            "=" if matches!(after, "==" | "!=") && touches => {
                foreign(span, format!("this comparison is written `{after}`"), format!("remove the last `=`: `{after}`"))
            }
            ">" if after == "<" && touches => foreign(span, "this comparison is written `!=`", "write `a != b`"),
            "=" if then == ">" && after == ")" && at(2) == "=" && at(3) == "(" && matches!(at(5), ")" | ",") => foreign(
                span,
                "scripts define no functions",
                "write the expression where it is needed; a value that varies is one over an `axis`",
            ),
            "=" if matches!(then, "<" | ">") && (depth > 0 || self.assigned(f)) => {
                foreign(span, format!("this comparison is written `{then}=`"), format!("write `a {then}= b`"))
            }
            ":" if after_word && matches!(open, "{" | "(") && self.dashed(f).is_some() => {
                let (dashed, name) = self.dashed(f).unwrap_or_default();
                let help = format!("write `{name}: …`, if that is its name");
                foreign(span, format!("`{dashed}` is a difference: names are written with `_`"), help)
            }
            _ if after == "{" && token.is_some_and(|t| t.kind == Kind::Number) => {
                let close = tokens[f.here..].iter().position(|t| t.kind == Kind::Close).map_or(tokens.len(), |i| f.here + i);
                match tokens[f.here..close].iter().any(|t| self.text(t) == ":") {
                    true => foreign(
                        span,
                        "names of coordinates begin with a letter",
                        "write, say, `{ one: 1, two: 2 }`; a list of numbers is `[1, 2]`",
                    ),
                    false => {
                        let inside = self.between(f.slice, f.here, close);
                        foreign(span, "write a list in square brackets", format!("write `[{inside}]`"))
                    }
                }
            }
            "==" if depth == 0 && !self.assigned(f) => {
                foreign(span, "a declaration is written with a single `=`", format!("write `{keyword} {after} = …`"))
            }
            "=" if matches!(after, "+" | "-" | "*" | "/") => foreign(
                span,
                format!("there is no `{after}=`: a name is bound once"),
                format!("give the new value a name of its own: `{keyword} new = old {after} 1`"),
            ),
            "=" if after == ".." => {
                let (start, end) = (f.here.checked_sub(2).map_or("", at), then.parse::<u64>().ok());
                let help = match (start.parse::<u64>(), end.and_then(|n| n.checked_add(1))) {
                    (Ok(start), Some(end)) => format!("write `{start}..{end}`"),
                    _ => "write `0..11` for 0 to 10".to_string(),
                };
                foreign(span, "the end of a range is excluded", help)
            }
            "=" if depth > 0 && self.absent_left_out(f) => {
                foreign(span, "absent values are always skipped", "leave this argument out")
            }
            "=" if depth > 0 && after_word && open == "{" && matches!(keyword, "network" | "layer") => {
                foreign(span, "a step is labelled with `:`", format!("write `{after}: …`"))
            }
            "=" if depth > 0 && after_word => {
                // In a selection or a group, equality may be meant as well.
                let equality = if open == "[" || open == "(" && self.groups(&tokens[..f.here]) {
                    format!("; equality is written `{after} == …`")
                } else {
                    String::new()
                };
                foreign(span, ARGUMENT, format!("write `{after}: …`{equality}"))
            }
            "=" if depth > 0 || self.assigned(f) => {
                foreign(span, "`=` cannot stand inside a value", "equality is written `==`, an argument `name: value`")
            }
            "{" | ":" if is_missing_branch(f.expected) => foreign(
                span,
                "the branches of a choice follow `then` and `else`",
                "write `if condition then a else b`, without braces and colons",
            ),
            "<" if then == "-" && f.expected.contains(&Rule::assign) => {
                let rest = self.line_from(f.slice, f.here + 2);
                foreign(span, "a name is bound by `=`", format!("write `{keyword} {after} = {rest}`"))
            }
            "+" | "-" | "*" | "/" if then == "=" && f.expected.contains(&Rule::assign) => foreign(
                span,
                format!("there is no `{next}=`: a name is bound once"),
                format!("give the new value another name: `{keyword} new = {after} {next} …`"),
            ),
            ":" if keyword == "recipe" && depth == 0 || matches!(keyword, "network" | "layer") && depth == 0 && after == ")" => {
                let what = if keyword == "recipe" { "its settings" } else { "its steps" };
                let name = at(1);
                foreign(span, format!("a {keyword} has {what} in braces"), format!("write `{keyword} {name} {{ … }}`"))
            }
            ":" if depth == 0 && (after_word || titled) && f.expected.contains(&Rule::assign) => {
                let name = if titled { "\"…\"" } else { after };
                foreign(span, "a declaration is written with `=`", format!("write `{keyword} {name} = …`"))
            }
            ":" if depth == 0 && self.ends_line(f) => foreign(span, "no block begins with `:`", "take it away"),
            ":" if after_number || matches!(after, "[" | ",") && open == "[" => {
                let help = match (previous.filter(|_| after_number), tokens.get(f.here + 1).filter(|t| t.kind == Kind::Number)) {
                    (Some(from), Some(to)) => format!("write `{}..{}`", self.text(from), self.text(to)),
                    _ if keyword == "dataset" => {
                        "examples are chosen by operations: `sample(data, 100)`, `where(data, condition)`, `data[class: [0, 1]]`"
                            .to_string()
                    }
                    _ => "a selection names axes: `acc[run: 0..2]`; an axis that is not named stays whole".to_string(),
                };
                foreign(span, "a range is written with two points, its end excluded", help)
            }
            "*" if after == "*" => self.power(f, back, f.here + 1),
            "." if after == ".." => {
                let number = |t: Option<&Token>| t.filter(|t| t.kind == Kind::Number).map(|t| self.text(t));
                let help = match (f.here.checked_sub(2).and_then(|i| number(tokens.get(i))), number(tokens.get(f.here + 1))) {
                    (Some(from), Some(to)) => format!("write `{from}..{to}`, the end excluded"),
                    _ => "write `0..10`, the end excluded".to_string(),
                };
                foreign(span, "a range is written with two points", help)
            }
            "." if tokens.get(f.here + 1).is_some_and(|t| t.kind == Kind::Number)
                && previous.is_none_or(|p| !matches!(p.kind, Kind::Word | Kind::Number | Kind::Close)) =>
            {
                Some(Diag::error("cfx::syntax::number", span, "a number begins with a digit").help(format!("write `0.{then}`")))
            }
            "." if after_number && touches => Some(
                Diag::error("cfx::syntax::number", span, "a number does not end with a point").help(format!("write `{after}`")),
            ),
            "|" if then == ">" => foreign(span, "there are no pipes", self.piped(f, f.here + 2)),
            "," if open == "(" && self.groups(&tokens[..f.here]) => {
                foreign(span, "write a list in square brackets", format!("write `[{}]`", self.inside(f)))
            }
            "," | "}" if open == "{" && after_word && f.expected.contains(&Rule::colon) => {
                foreign(span, "write a list in square brackets", format!("write `[{}]`", self.inside(f)))
            }
            "," if depth == 0 => self.comma(f, keyword),
            "true" | "false" | "if" | "then" | "else" | "and" | "or" | "not" | "except" if then == ":" && depth > 0 => expected(
                span,
                format!("`{next}` is a word of the language and cannot be a name"),
                format!("give it another name, such as `{next}_one`"),
            ),
            "if" if previous.is_some() && !matches!(after, "=" | "(" | "[" | "," | ":") => self.choice_behind(f),
            _ if after == "for" && depth > 0 && matches!(keyword, "network" | "layer") => foreign(
                span,
                "there are no loops",
                "steps are repeated by `repeat(3) { … }`, and for each of several values by `each(width: [8, 16]) { … }`",
            ),
            "[" if depth == 0 && after_word && f.expected.contains(&Rule::assign) => foreign(
                span,
                "a declaration names no axes",
                format!(
                    "what is made of values over an axis is over it: write `{keyword} {after} = …`, and use the axis there, as in `seed: run`"
                ),
            ),
            ":" if open == "[" && after_word && matches!(keyword, "axis" | "let" | "param") => {
                foreign(span, "names that stand for values are in braces", format!("write `{{ {after}: {then}, … }}`"))
            }
            "for" if depth > 0 => foreign(
                span,
                "there are no comprehensions",
                "a value over an axis has one cell for each coordinate: `axis run = 0..10`, then use `run` where the value may vary",
            ),
            "for" | "while" => {
                let help = "a value over an axis has one cell for each coordinate: `axis run = 0..10`, then use `run` where the value may vary";
                foreign(span, "there are no loops", help)
            }
            "in" if f.expected.contains(&Rule::assign) && depth == 0 => {
                let rest = self.line_from(f.slice, f.here + 1);
                foreign(span, "a declaration is written with `=`", format!("write `{keyword} {after} = {rest}`"))
            }
            "in" if after_word || after_number => self.membership(f, "=="),
            "to" | "until" | "through" if after_number => {
                foreign(span, "a range is written with two points, its end excluded", format!("write `{after}..{then}`"))
            }
            _ if self.upper(next).is_some() && previous.is_some() && f.here > 1 => {
                let word = self.upper(next).unwrap_or_default();
                foreign(span, format!("this operator is written `{word}`"), self.joined(f.slice, f.here, word))
            }
            _ if self.upper(after) == Some("not") && token.is_some() => foreign(
                span,
                "negation is written `not`",
                format!("write `not {}`", self.between(f.slice, f.here, self.side_end(tokens, f.here))),
            ),
            "where" if previous.is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Close)) && self.assigned(f) && depth == 0 => {
                foreign(
                    span,
                    "nothing is chosen behind a value",
                    "coordinates are selected in brackets, `acc[run: 0..2]`; examples are chosen by `where(data, condition)`",
                )
            }
            "elif" | "elsif" | "elseif" => {
                foreign(span, format!("`{next}` is written `else if`"), "write `if a then x else if b then y else z`")
            }
            "else" if after == "}" && tokens[..f.here].iter().any(|t| self.text(t) == "if") => foreign(
                span,
                "the branches of a choice follow `then` and `else`",
                "write `if condition then a else b`, without braces and colons",
            ),
            ":" if then == ":" && after_word => foreign(
                span,
                "`::` joins nothing: built-ins are named alone, parts of records and columns stand behind a point",
                format!("write `{}` alone, or `{after}.{}`", at(f.here + 2), at(f.here + 2)),
            ),
            "," | ".." if after == "[" && depth > 0 && !self.groups_list(&tokens[..f.here]) => foreign(
                span,
                "a selection names axes, not places",
                "write `acc[run: 0]` or `acc[run: 0..2]`; an axis that is not named stays whole",
            ),
            "*" if previous.is_none_or(|t| matches!(t.kind, Kind::Open) || matches!(self.text(t), "=" | "," | ":"))
                || after == "*" && back > 0 && matches!(self.text(&tokens[back - 1]), "(" | ",") =>
            {
                foreign(
                    span,
                    "nothing is unpacked by `*`",
                    "write the value alone; `like: p` copies the settings of another call",
                )
            }
            "|" if open == "{" && matches!(keyword, "network" | "layer") => {
                foreign(span, "steps follow one another with `->`", format!("write `{after} -> {then}`"))
            }
            _ if depth > 0
                && open == "{"
                && after_word
                && matches!(keyword, "network" | "layer")
                && token.is_some_and(|t| t.kind == Kind::Number) =>
            {
                foreign(span, "arguments of a layer stand in round brackets", format!("write `{after}({next})`"))
            }
            "not" if then == "in" => self.membership(f, "!="),
            "is" => {
                let sign = if then == "not" { "!=" } else { "==" };
                let from = f.here + if then == "not" { 2 } else { 1 };
                let left = self.between(f.slice, self.operand_start(tokens, f.here), f.here);
                let right = self.between(f.slice, from, self.operand_end(tokens, from));
                let help = match right.to_ascii_lowercase().as_str() {
                    "nan" | "na" | "none" | "null" | "nil" | "missing" => {
                        "leave it out: what is made from an absent value is absent, and reductions pass it over".to_string()
                    }
                    _ => format!("write `{left} {sign} {right}`"),
                };
                foreign(span, format!("equality is written `{sign}`"), help)
            }
            "step" | "by" if after_number && tokens[..f.here].iter().any(|t| self.text(t) == "..") => {
                foreign(span, "a range goes in steps of one", "write a list: `[0, 2, 4]`")
            }
            _ if matches!(after, "match" | "switch" | "case") && token.is_some_and(|t| t.kind == Kind::Word) => foreign(
                span,
                format!("there is no `{after}`"),
                "choose by `if a then x else if b then y else z`; what varies along an axis is a map: `{ small: 1, large: 2 }`",
            ),
            "+" if previous.is_none_or(|p| matches!(p.kind, Kind::Open | Kind::Mark))
                && then.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                foreign(span, "a number has no sign `+`", format!("write `{then}`"))
            }
            "mod" | "rem" | "div" => foreign(span, format!("there is no operator `{next}`"), "write it with `/` and `round(…)`"),
            "k" | "M" if after_number && !touches && self.ends_value(f) => {
                foreign(span, format!("`{next}` stands directly behind a number"), format!("write `{after}{next}`"))
            }
            "percent" | "pct" if after_number => foreign(span, "a percentage is written with `%`", format!("write `{after}%`")),
            "%" if then == ">" => foreign(span, "there are no pipes", self.piped(f, f.here + 3)),
            "%" if after_number && !touches && self.ends_value(f) => {
                foreign(span, "`%` stands directly behind a number", format!("write `{after}%`"))
            }
            "%" if !after_number && tokens.get(f.here + 1).is_some_and(|t| t.kind == Kind::Number) && !after_word => {
                foreign(span, "`%` stands directly behind a number", format!("write `{then}%`"))
            }
            "%" => foreign(span, "there is no remainder operator", "`%` directly behind a number is a hundredth of it: `20%`"),
            _ if after_number
                && !touches
                && token.is_some_and(|t| t.kind == Kind::Word)
                && !matches!(next, "then" | "else" | "and" | "or" | "not" | "if" | "except")
                && self.ends_value(f) =>
            {
                foreign(
                    span,
                    "a number has no unit",
                    format!("write `{after}`; say what it is measured in in a line `## …` above the declaration"),
                )
            }
            _ if matches!(after, "mut" | "const" | "var" | "local" | "global") && token.is_some_and(|t| t.kind == Kind::Word) => {
                foreign(span, format!("there is no `{after}`: a name is bound once"), format!("write `{keyword} {next} = …`"))
            }
            _ if matches!(after, "lambda" | "function" | "fn" | "def") => foreign(
                span,
                "scripts define no functions",
                "write the expression where it is needed; a value that varies is one over an `axis`",
            ),
            _ if after == "new" && token.is_some_and(|t| t.kind == Kind::Word) => {
                foreign(span, "nothing is made by `new`", format!("write `{next}(…)`"))
            }
            _ if after_word && touches && token.is_some_and(|t| t.kind == Kind::Text) => foreign(
                span,
                format!("`{after}` before a string means nothing: strings hold no expressions"),
                format!("write `{next}`"),
            ),
            "(" if matches!(keyword, "let" | "analysis") && depth == 0 && f.here == 2 => foreign(
                span,
                "scripts define no functions",
                "write the expression where it is needed; a value that varies is one over an `axis`",
            ),
            "{" if keyword == "recipe" && after == "=" => {
                let name = at(1);
                foreign(span, "a recipe has its settings in braces", format!("write `recipe {name} {{ … }}`"))
            }
            _ if keyword == "recipe" && depth == 0 && at(2) == "=" && matches!(next, "+" | "|" | "with" | "," | "&") => {
                let (name, base) = (at(1), at(3));
                let help = format!("write `recipe {name} = {base} {{ … }}`; its settings replace those of `{base}`");
                foreign(span, "a recipe that changes another one names it, and has its own settings in braces", help)
            }
            "(" if keyword == "recipe" && depth == 0 => {
                foreign(span, "a recipe has its settings in braces", format!("write `recipe {after} {{ … }}`"))
            }
            "else" | "then" => expected(span, format!("`{next}` belongs to an `if`"), "write `if condition then a else b`"),
            _ if matches!(after, "if" | "then" | "else") && next.is_empty() => None,
            _ if f.expected.contains(&Rule::kw_then)
                && previous.is_some_and(|p| p.kind == Kind::Close)
                && token.is_some_and(|t| matches!(t.kind, Kind::Number | Kind::Word | Kind::Text)) =>
            {
                let start = tokens[..f.here].iter().rposition(|t| self.text(t) == "if").unwrap_or(0);
                let (condition, rest) = (self.between(f.slice, start, f.here), self.line_from(f.slice, f.here));
                expected(span, format!("expected `then` after `{after}`"), format!("write `{condition} then {rest}`"))
            }
            _ if is_missing_branch(f.expected) => {
                let what = if f.expected.contains(&Rule::kw_then) { "then" } else { "else" };
                let help = "a choice always has both branches: `if condition then a else b`";
                expected(span, format!("expected `{what}` after `{after}`"), help)
            }
            "over" | "along" | "by" | "between"
                if open == "("
                    && previous.is_some_and(|p| matches!(p.kind, Kind::Word | Kind::Close))
                    && tokens.get(f.here + 1).is_some_and(|t| t.kind == Kind::Word) =>
            {
                foreign(span, "an argument is given with `:`, behind a comma", format!("write `…, {next}: {then})`"))
            }
            _ if depth == 0
                && keyword == "param"
                && after_word
                && token.is_some_and(|t| matches!(t.kind, Kind::Number | Kind::Text)) =>
            {
                expected(
                    span,
                    format!("expected `=` between `{after}` and `{next}`"),
                    format!("write `{} = {next}`", self.between(f.slice, 0, f.here)),
                )
            }
            _ if depth > 0 && after_word && token.is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Number | Kind::Text)) => {
                let help = match open {
                    "[" => format!("elements are separated by commas: `{after}, {next}`"),
                    _ => "arguments are written `name: value` and separated by commas".to_string(),
                };
                expected(span, format!("expected a comma, an operator or `:` between `{after}` and `{next}`"), help)
            }
            _ => self.guessed(f),
        }
    }

    /// Returns the message for a keyword without the name or title behind it.
    fn no_name(&self, f: &Failure, keyword: &str, titled: bool) -> Option<Diag> {
        let next = f.next;
        let missing = |message: String, help: String| Some(Diag::error("cfx::syntax::missing-name", f.span, message).help(help));
        let what = if titled { "a title in double quotes" } else { "a name" };
        let message = format!("expected {what} after `{keyword}`");
        match f.slice.tokens.get(f.here).map(|t| t.kind) {
            Some(Kind::Word)
                if titled && !f.slice.tokens[f.here..].iter().any(|t| self.text(t) == "=") && keyword != "experiment" =>
            {
                let rest = self.line_from(f.slice, f.here);
                missing(message, format!("write `{keyword} \"What it shows\" = {rest}`"))
            }
            Some(Kind::Word) if titled => missing(message, format!("write `{keyword} \"{next}\"`")),
            Some(Kind::Word) => missing(message, format!("`{next}` is a word of the language and cannot be a name")),
            _ if keyword == "use" => None,
            Some(Kind::Number) if !titled => missing(message, "a name begins with a letter".to_string()),
            Some(Kind::Open) if !titled && next == "(" && self.after_bracket(f) => {
                let help = "each declaration binds one name; the fields of a record are `x.name`";
                missing(format!("expected one name after `{keyword}`"), help.to_string())
            }
            Some(Kind::Text) => missing(message, format!("a {keyword} is named by one word without quotes")),
            _ if titled => missing(message, format!("write `{keyword} \"What it shows\" …`")),
            _ => missing(message, format!("write `{keyword} name …`")),
        }
    }

    /// Returns what to write for a `use` that cannot be read.
    pub(super) fn use_help(&self, slice: &Slice) -> String {
        let words: Vec<&str> = slice.tokens.iter().filter(|t| t.kind == Kind::Word).map(|t| self.text(t)).collect();
        match words.as_slice() {
            ["use", "std", topic, names @ ..] if !names.is_empty() => {
                let names: Vec<&str> = names.iter().copied().filter(|n| !matches!(*n, "import" | "as")).collect();
                format!("write `use std.{topic} {{ {} }}`", names.join(", "))
            }
            _ => "write `use std.data { digits }` or `use \"lib/nets.cfx\" { mine }`".to_string(),
        }
    }

    /// Returns the message for a power, given the indices of the tokens behind the base and of the exponent.
    pub(super) fn power(&self, f: &Failure, behind: usize, exponent: usize) -> Option<Diag> {
        let tokens = f.slice.tokens;
        let base = self.between(f.slice, self.operand_start(tokens, behind), behind);
        let by = self.between(f.slice, exponent, self.operand_end(tokens, exponent));
        foreign(f.span, "there is no power operator", format!("write `power({}, {})`", unwrapped(&base), unwrapped(&by)))
    }

    /// Returns the message for `a if c else b`.
    fn choice_behind(&self, f: &Failure) -> Option<Diag> {
        let tokens = f.slice.tokens;
        let other = tokens[f.here..].iter().position(|t| self.text(t) == "else").map(|i| f.here + i);
        let help = match other {
            Some(other) => {
                let condition = self.between(f.slice, f.here + 1, other);
                let no = self.line_from(f.slice, other + 1);
                format!("write `if {condition} then {} else {no}`", f.after)
            }
            None => "write `if condition then a else b`".to_string(),
        };
        foreign(f.span, "the condition of a choice comes first", help)
    }

    /// Returns the name before the failure where it is written with dashes, as written and with `_`.
    fn dashed(&self, f: &Failure) -> Option<(String, String)> {
        let tokens = &f.slice.tokens[..f.here];
        let mut start = tokens.len().checked_sub(1)?;
        while let Some(before) = start.checked_sub(2)
            && tokens[before].kind == Kind::Word
            && self.text(&tokens[before + 1]) == "-"
            && tokens[before].end == tokens[before + 1].start
            && tokens[before + 1].end == tokens[start].start
        {
            start = before;
        }
        let (first, last) = (tokens.get(start)?, tokens.last()?);
        let written = &self.file.text[first.start..last.end];
        written.contains('-').then(|| (written.to_string(), written.replace('-', "_")))
    }

    /// Returns the message for `x in [a, b]`.
    fn membership(&self, f: &Failure, operator: &str) -> Option<Diag> {
        let join = if operator == "==" { "or" } else { "and" };
        let x = f.after;
        let help = format!(
            "compare with each: `{x} {operator} a {join} {x} {operator} b`; coordinates are selected: `value[axis: [a, b]]`"
        );
        foreign(f.span, "nothing tells whether a list holds a value", help)
    }

    /// Returns the token before the failure that is no line end, with its index.
    pub(super) fn before<'t>(&self, f: &Failure<'_, 't>) -> (usize, Option<&'t Token>) {
        let found = f.slice.tokens[..f.here].iter().rposition(|t| t.kind != Kind::Newline);
        (found.unwrap_or(0), found.map(|i| &f.slice.tokens[i]))
    }

    /// Returns what to write in place of a pipe into an operation whose name stands at `op`.
    fn piped(&self, f: &Failure, op: usize) -> String {
        let tokens = f.slice.tokens;
        let text = |i: usize| tokens.get(i).map_or("", |t| self.text(t));
        let value = self.between(f.slice, self.side_start(tokens, f.here), f.here);
        let name = tokens.get(op).filter(|t| t.kind == Kind::Word).map_or("mean", |t| self.text(t));
        let more = if text(op + 1) == "(" && text(op + 2) != ")" { ", …" } else { "" };
        format!("write the operation around it: `{name}({value}{more})`")
    }

    /// Returns whether a `=` outside brackets stands before the failure.
    pub(super) fn assigned(&self, f: &Failure) -> bool {
        let mut depth = 0;
        f.slice.tokens[..f.here].iter().any(|t| {
            match t.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth -= 1,
                _ => {}
            }
            depth == 0 && self.text(t) == "="
        })
    }

    /// Returns the operator that a word in capitals is.
    fn upper(&self, word: &str) -> Option<&'static str> {
        match word {
            "AND" | "And" => Some("and"),
            "OR" | "Or" => Some("or"),
            "NOT" | "Not" => Some("not"),
            _ => None,
        }
    }

    /// Returns whether R's argument about missing values is given, `na.rm = TRUE`.
    fn absent_left_out(&self, f: &Failure) -> bool {
        let before: Vec<&str> = f.slice.tokens[..f.here].iter().rev().take(3).map(|t| self.text(t)).collect();
        matches!(before.as_slice(), ["rm", ".", "na"])
    }

    /// Returns whether the innermost square bracket begins a list, and no selection.
    fn groups_list(&self, tokens: &[Token]) -> bool {
        let Some(open) = innermost(tokens) else { return true };
        let before = open.checked_sub(1).map(|i| &tokens[i]);
        before.is_none_or(|t| !(matches!(t.kind, Kind::Word | Kind::Close) && t.end == tokens[open].start))
    }

    /// Returns whether the bracket that begins at the failure is closed before a `=`.
    fn after_bracket(&self, f: &Failure) -> bool {
        let rest = &f.slice.tokens[f.here..];
        let close = rest.iter().position(|t| t.kind == Kind::Close);
        close.is_some_and(|c| rest.get(c + 1).is_some_and(|t| self.text(t) == "="))
    }

    /// Returns whether nothing follows on the line.
    fn ends_line(&self, f: &Failure) -> bool {
        f.slice.tokens.get(f.here + 1).is_none_or(|t| t.kind == Kind::Newline)
    }

    /// Returns whether what stands at the failure is the last of a value: nothing follows on the line, or the value ends.
    fn ends_value(&self, f: &Failure) -> bool {
        let then = f.slice.tokens.get(f.here + 1).map_or("", |t| self.text(t));
        self.ends_line(f) || depth(&f.slice.tokens[..f.here]) > 0 && matches!(then, ")" | "," | "}" | "]")
    }

    /// Returns whether the innermost round bracket groups a value, rather than holding the arguments of a call.
    fn groups(&self, tokens: &[Token]) -> bool {
        let Some(open) = innermost(tokens) else { return false };
        let before = open.checked_sub(1).map(|i| &tokens[i]);
        before.is_none_or(|t| !(matches!(t.kind, Kind::Word | Kind::Close) && t.end == tokens[open].start))
    }

    /// Returns what stands in the innermost bracket around the failure.
    fn inside(&self, f: &Failure) -> String {
        let tokens = f.slice.tokens;
        let Some(open) = innermost(&tokens[..f.here]) else { return "a, b".to_string() };
        let close = tokens[f.here..].iter().position(|t| t.kind == Kind::Close).map_or(tokens.len(), |i| f.here + i);
        self.between(f.slice, open + 1, close)
    }
}

/// Returns whether only the other half of a choice can go on.
fn is_missing_branch(expected: &[Rule]) -> bool {
    expected.contains(&Rule::kw_then) || expected.contains(&Rule::kw_else)
}

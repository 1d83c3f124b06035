//! What a place in a text is, while the text is being written and may not be read as a whole.

use super::document::Document;
use crate::syntax::ast::Keyword;
use crate::syntax::scan::{Kind, Token, scan};

/// A place, and the beginning of the word that is being written there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Context {
    /// Where the word begins; the place itself where none does.
    pub start: usize,
    /// What may stand there.
    pub place: Place,
}

/// What a place is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// In a comment or a string, where nothing is proposed.
    Nowhere,
    /// At the beginning of a declaration.
    Beginning,
    /// Behind `use std.`.
    Topic,
    /// Between the braces of `use std.TOPIC { }`.
    Taken(String),
    /// Behind the point after a name, or after a call of that name.
    Member { of: String, called: bool },
    /// Where an argument begins, by name or not: what is called, names of arguments before, how many arguments stand before.
    Argument { callee: String, in_body: bool, given: Vec<String>, position: usize },
    /// Behind `name:` in a call.
    Setting { callee: String, in_body: bool, name: String, position: usize },
    /// Between the square brackets behind a name; `axis` where the place is behind `axis:`.
    Selection { of: String, axis: Option<String> },
    /// A step of a network.
    Step,
    /// Behind `NAME ==` or `NAME !=`.
    Compared(String),
    /// Any other place of an expression.
    Value,
}

/// An open bracket.
#[derive(Clone, Debug)]
struct Open {
    bracket: char,
    /// The word before it; empty where none stands there.
    before: String,
    body: bool,
    given: Vec<String>,
    position: usize,
    /// The argument's name, once `:` is behind it.
    name: Option<String>,
    /// The number of the first token of the current argument.
    fresh: usize,
}

impl Context {
    /// Returns what a byte of the script is.
    pub fn at(document: &Document, byte: usize) -> Context {
        let text = document.text();
        let scanned = scan(document.main_file());
        let in_comment = scanned.comments.iter().filter_map(|c| document.bytes(c.span)).any(|b| b.start < byte && byte <= b.end);
        let in_text = |t: &Token| {
            matches!(t.kind, Kind::Text | Kind::Wrong(_)) && text[t.start..].starts_with('"') && t.start < byte && byte < t.end
        };
        let open_text =
            |t: &Token| matches!(t.kind, Kind::Wrong(_)) && text[t.start..].starts_with('"') && t.start < byte && byte <= t.end;
        if in_comment || scanned.tokens.iter().any(|t| in_text(t) || open_text(t)) {
            return Context { start: byte, place: Place::Nowhere };
        }
        let before = scanned.tokens.partition_point(|t| t.start < byte);
        let mut tokens: Vec<Token> = scanned.tokens[..before].to_vec();
        // The word being written is no part of what stands before it.
        let mut start = byte;
        if let Some(last) = tokens.last()
            && matches!(last.kind, Kind::Word | Kind::Number)
            && last.end >= byte
        {
            start = last.start;
            tokens.pop();
        }
        let from = declaration(text, &tokens);
        Context { start, place: place(text, &tokens[from..], start) }
    }
}

/// Returns the number of the token that begins the declaration in which the last one stands: a keyword at the beginning of a line.
fn declaration(text: &str, tokens: &[Token]) -> usize {
    let begins = |t: &Token| {
        let at_start = t.start == 0 || text[..t.start].ends_with('\n');
        at_start && t.kind == Kind::Word && Keyword::ALL.iter().any(|k| k.word() == &text[t.start..t.end])
    };
    tokens.iter().rposition(begins).unwrap_or(0)
}

fn place(text: &str, tokens: &[Token], start: usize) -> Place {
    let word = |t: &Token| &text[t.start..t.end];
    let keyword = tokens.first().map_or("", word);
    let at_line_start = start == 0 || text[..start].ends_with('\n');
    let stack = open_brackets(text, tokens);
    if at_line_start && (stack.is_empty() || tokens.is_empty()) {
        return Place::Beginning;
    }
    // Behind a point: `std.`, `data.`, `history(m).`
    let code: Vec<&Token> = tokens.iter().filter(|t| t.kind != Kind::Newline).collect();
    if let Some((dot, of)) = code.split_last()
        && word(dot) == "."
        && dot.end == start
    {
        return match of.last() {
            Some(t) if keyword == "use" && word(t) == "std" => Place::Topic,
            Some(t) if t.kind == Kind::Word => Place::Member { of: word(t).to_string(), called: false },
            Some(t) if word(t) == ")" => match before_brackets(text, of) {
                Some(of) => Place::Member { of, called: true },
                None => Place::Value,
            },
            Some(t) if word(t) == "]" => match before_brackets(text, of) {
                Some(of) => Place::Member { of, called: false },
                None => Place::Value,
            },
            _ => Place::Value,
        };
    }
    if let [.., of, mark] = code.as_slice()
        && matches!(word(mark), "==" | "!=")
        && of.kind == Kind::Word
    {
        return Place::Compared(word(of).to_string());
    }
    let Some(open) = stack.last() else {
        return Place::Value;
    };
    match (open.bracket, keyword) {
        ('{', "experiment") => {
            let begins = open.name.is_none() && tokens.len() == open.fresh;
            match begins && !open.given.iter().any(|g| g == "seed") {
                true => Place::Argument { callee: String::new(), in_body: false, given: Vec::new(), position: open.position },
                false => Place::Nowhere,
            }
        }
        ('{', "use") => match code.iter().position(|t| word(t) == "std").and_then(|i| code.get(i + 2)) {
            Some(topic) => Place::Taken(word(topic).to_string()),
            None => Place::Nowhere,
        },
        ('{', _) if open.body => Place::Step,
        ('[', _) if !open.before.is_empty() => Place::Selection { of: open.before.clone(), axis: open.name.clone() },
        ('(' | '{', _) if !open.before.is_empty() => {
            let in_body = stack.iter().any(|o| o.body);
            let (callee, position) = (open.before.clone(), open.position);
            match &open.name {
                Some(name) => Place::Setting { callee, in_body, name: name.clone(), position },
                None if tokens.len() == open.fresh => Place::Argument { callee, in_body, given: open.given.clone(), position },
                None => Place::Value,
            }
        }
        // A list or brackets within an argument: what may stand in it is what may be the argument.
        _ => {
            let outer = stack.iter().rev().find(|o| o.name.is_some() && !o.before.is_empty() && o.bracket != '[');
            match outer {
                Some(o) => Place::Setting {
                    callee: o.before.clone(),
                    in_body: stack.iter().any(|o| o.body),
                    name: o.name.clone().unwrap_or_default(),
                    position: o.position,
                },
                None => Place::Value,
            }
        }
    }
}

/// Returns the brackets that are open behind the tokens of a declaration.
fn open_brackets(text: &str, tokens: &[Token]) -> Vec<Open> {
    let word = |t: &Token| &text[t.start..t.end];
    let keyword = tokens.first().map_or("", word);
    let mut stack: Vec<Open> = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        match (token.kind, word(token)) {
            (Kind::Open, bracket) => {
                let bracket = bracket.chars().next().unwrap_or('(');
                let last = tokens[..i].iter().rev().find(|t| t.kind != Kind::Newline);
                let near = last.filter(|t| bracket != '[' || t.end == token.start);
                let before = match near {
                    Some(t) if t.kind == Kind::Word && i > 1 && bracket == '[' => whole(text, &tokens[..i]).to_string(),
                    Some(t) if t.kind == Kind::Word && i > 1 => word(t).to_string(),
                    Some(t) if word(t) == ")" => {
                        let all: Vec<&Token> = tokens[..i].iter().filter(|t| t.kind != Kind::Newline).collect();
                        before_brackets(text, &all).unwrap_or_default()
                    }
                    _ => String::new(),
                };
                let in_network = matches!(keyword, "network" | "layer") && bracket == '{';
                let before = match (keyword, bracket, stack.is_empty()) {
                    ("recipe", '{', true) => "train".to_string(),
                    _ => before,
                };
                stack.push(Open { bracket, before, body: in_network, given: Vec::new(), position: 0, name: None, fresh: i + 1 });
            }
            (Kind::Close, _) => {
                stack.pop();
            }
            (Kind::Mark, ":") => {
                if let Some(open) = stack.last_mut()
                    && let Some(name) = tokens[..i].last().filter(|t| t.kind == Kind::Word)
                    && open.name.is_none()
                {
                    open.name = Some(word(name).to_string());
                }
            }
            (Kind::Mark, ",") | (Kind::Newline, _) => {
                if let Some(open) = stack.last_mut() {
                    // In braces a new line ends an argument as a comma does.
                    if token.kind == Kind::Newline && (open.bracket != '{' || open.fresh == i) {
                        open.fresh = if open.fresh == i { i + 1 } else { open.fresh };
                        continue;
                    }
                    open.given.extend(open.name.take());
                    open.position += 1;
                    open.fresh = i + 1;
                }
            }
            _ => {}
        }
    }
    stack
}

/// Returns the value that the last word is, or is a part of: of `alike.distance`, `alike`.
fn whole<'a>(text: &'a str, tokens: &[Token]) -> &'a str {
    let word = |t: &Token| &text[t.start..t.end];
    let mut at = tokens.len() - 1;
    while at > 1 && word(&tokens[at - 1]) == "." && tokens[at - 2].kind == Kind::Word {
        at -= 2;
    }
    word(&tokens[at])
}

/// Returns the word before the brackets that the last token closes.
fn before_brackets(text: &str, tokens: &[&Token]) -> Option<String> {
    let mut depth = 0usize;
    for (i, token) in tokens.iter().enumerate().rev() {
        match token.kind {
            Kind::Close => depth += 1,
            Kind::Open => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            let before = tokens[..i].last().filter(|t| t.kind == Kind::Word)?;
            return Some(text[before.start..before.end].to_string());
        }
    }
    None
}

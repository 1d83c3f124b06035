//! A quick look at the text before it is parsed: light tokens, comments, and how deep it nests.

use super::ast::Comment;
use crate::base::{SourceFile, Span};

/// How deep brackets and `if` may nest.
pub const MAX_DEPTH: usize = 100;

/// A light token's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name or a keyword.
    Word,
    /// Something that begins with a digit.
    Number,
    /// A string with both quotes.
    Text,
    /// `(`, `[` or `{`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// Any other mark of the language.
    Mark,
    /// The end of a line.
    Newline,
    /// Something that is no part of the language.
    Wrong(Wrong),
}

/// What is no part of the language, but known from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// A string without a closing quote.
    OpenText,
    /// `'…'`
    SingleQuotes,
    /// `//` or `/*`, with the rest of the line.
    SlashComment,
    /// `&&` or `&`
    Ampersand,
    /// `||`
    Bars,
    /// `!` that is not `!=`
    Bang,
    /// `:=`
    ColonEquals,
    /// `;`
    Semicolon,
    /// `^`
    Caret,
    /// `?`
    Question,
    /// `@`
    At,
    /// `$`
    Dollar,
    /// A backtick.
    Backtick,
    /// A typographic quotation mark.
    CurlyQuote,
    /// A typographic dash.
    Dash,
    /// A blank that is neither space nor tab, or a control character.
    Blank,
    /// Any other character.
    Other,
}

/// A light token: its kind and its bytes in the file's own text.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// What the scan found.
#[derive(Debug, Default)]
pub struct Scan {
    /// All tokens, comments left out.
    pub tokens: Vec<Token>,
    /// All comments, spans in the global offset space.
    pub comments: Vec<Comment>,
    /// The bracket or `if` at which nesting goes deeper than [`MAX_DEPTH`], if it does.
    pub too_deep: Option<(usize, usize)>,
}

impl Scan {
    /// Returns the tokens that lie between two offsets of the text.
    pub fn within(&self, start: usize, end: usize) -> &[Token] {
        let from = self.tokens.partition_point(|t| t.start < start);
        let to = self.tokens.partition_point(|t| t.start < end);
        &self.tokens[from..to.max(from)]
    }
}

/// Returns the tokens, the comments and the depth of a text; takes linear time, and any text will do.
pub fn scan(file: &SourceFile) -> Scan {
    let text = file.text.as_str();
    let bytes = text.as_bytes();
    let mut scan = Scan::default();
    let mut nesting = Nesting::default();
    let mut at = if text.starts_with('\u{FEFF}') { '\u{FEFF}'.len_utf8() } else { 0 };
    let mut fresh_line = true;
    while at < bytes.len() {
        let rest = &text[at..];
        let byte = bytes[at];
        match byte {
            b' ' | b'\t' | b'\r' => {
                at += 1;
                continue;
            }
            b'#' => {
                let line = rest.split('\n').next().unwrap_or(rest);
                let span = Span::new(file.base + at, file.base + at + line.trim_end().len());
                scan.comments.push(Comment { text: line.trim_end().to_string(), span, trailing: !fresh_line });
                at += line.len();
                continue;
            }
            _ => {}
        }
        let (kind, length) = token(rest, byte);
        let token = Token { kind, start: at, end: at + length };
        fresh_line = kind == Kind::Newline;
        if !nesting.take(kind, &rest[..length]) && scan.too_deep.is_none() {
            scan.too_deep = Some((token.start, token.end));
        }
        scan.tokens.push(token);
        at = token.end;
    }
    scan
}

/// Returns kind and length of the token that begins a text; never of length zero.
fn token(rest: &str, byte: u8) -> (Kind, usize) {
    let run = |keep: fn(u8) -> bool| rest.bytes().take_while(|b| keep(*b)).count();
    match byte {
        b'\n' => (Kind::Newline, 1),
        b'(' | b'[' | b'{' => (Kind::Open, 1),
        b')' | b']' | b'}' => (Kind::Close, 1),
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => (Kind::Word, run(|b| b.is_ascii_alphanumeric() || b == b'_')),
        b'0'..=b'9' => (Kind::Number, number(rest)),
        b'"' => quoted(rest, '"').map_or((Kind::Wrong(Wrong::OpenText), line(rest)), |n| (Kind::Text, n)),
        b'\'' => (Kind::Wrong(Wrong::SingleQuotes), quoted(rest, '\'').unwrap_or(1)),
        _ => mark(rest),
    }
}

/// Returns kind and length of a mark, or of a character that is none.
fn mark(rest: &str) -> (Kind, usize) {
    const WRONG: [(&str, Wrong); 8] = [
        ("&&", Wrong::Ampersand),
        ("&", Wrong::Ampersand),
        ("||", Wrong::Bars),
        (":=", Wrong::ColonEquals),
        (";", Wrong::Semicolon),
        ("…", Wrong::Other),
        ("\u{a0}", Wrong::Blank),
        ("\u{FEFF}", Wrong::Blank),
    ];
    const MARKS: [&str; 18] = ["->", "..", "==", "!=", "<=", ">=", "<", ">", "=", ":", ",", ".", "+", "-", "*", "/", "|", "%"];
    if rest.starts_with("//") || rest.starts_with("/*") {
        return (Kind::Wrong(Wrong::SlashComment), line(rest));
    }
    if let Some((word, wrong)) = WRONG.iter().find(|(word, _)| rest.starts_with(word)) {
        return (Kind::Wrong(*wrong), word.len());
    }
    if let Some(word) = MARKS.iter().find(|word| rest.starts_with(**word)) {
        return (Kind::Mark, word.len());
    }
    let c = rest.chars().next().unwrap_or(' ');
    let wrong = match c {
        '!' => Wrong::Bang,
        '^' => Wrong::Caret,
        '?' => Wrong::Question,
        '@' => Wrong::At,
        '$' => Wrong::Dollar,
        '`' => Wrong::Backtick,
        '“' | '”' | '„' | '«' | '»' | '‘' | '’' => Wrong::CurlyQuote,
        '–' | '—' | '−' => Wrong::Dash,
        c if c.is_whitespace() || c.is_control() => Wrong::Blank,
        _ => Wrong::Other,
    };
    // Neighbouring letters of another script are one word, and one message.
    let length = match wrong {
        Wrong::Other if c.is_alphanumeric() => {
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').map(char::len_utf8).sum()
        }
        _ => c.len_utf8(),
    };
    (Kind::Wrong(wrong), length)
}

/// Returns the length of what begins with a digit, with exponent and unit.
fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let digit_after = bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        let exponent = at > 0 && matches!(bytes[at - 1], b'e' | b'E');
        match bytes[at] {
            b if b.is_ascii_alphanumeric() || b == b'_' => at += 1,
            b'.' if digit_after => at += 1,
            b'+' | b'-' if exponent && digit_after => at += 1,
            b'%' => return at + 1,
            _ => break,
        }
    }
    at
}

/// Returns the length of a string with its quotes, or `None` if it is not closed on its line.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

/// Returns the length of the rest of the line.
fn line(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len()).max(1)
}

/// How deep brackets and open `if`s nest.
#[derive(Default)]
struct Nesting {
    /// For each open bracket: the bracket, and the `if`s begun inside it before.
    open: Vec<(u8, usize)>,
    /// `if`s begun in the innermost bracket that may still be going on.
    ifs: usize,
    /// All `if`s that may still be going on.
    all_ifs: usize,
    /// Whether a newline stands before this token, and whether what stood before it asks for more.
    newline: bool,
    wants_more: bool,
}

impl Nesting {
    /// Takes the next token and returns whether the depth is still within bounds.
    fn take(&mut self, kind: Kind, text: &str) -> bool {
        if kind == Kind::Newline {
            self.newline = true;
            return true;
        }
        let joins = matches!(text, "then" | "else" | "->");
        let lines_count = self.open.last().is_none_or(|(b, _)| *b == b'{');
        if text == "," || (self.newline && lines_count && !self.wants_more && !joins) {
            self.all_ifs -= self.ifs;
            self.ifs = 0;
        }
        self.newline = false;
        self.wants_more = matches!(kind, Kind::Mark) || matches!(text, "if" | "then" | "else" | "and" | "or" | "not" | "except");
        match kind {
            Kind::Open => {
                self.open.push((text.as_bytes()[0], self.ifs));
                self.ifs = 0;
            }
            Kind::Close => {
                if let Some((_, outer)) = self.open.pop() {
                    self.all_ifs -= self.ifs;
                    self.ifs = outer;
                }
            }
            Kind::Word if text == "if" => {
                self.ifs += 1;
                self.all_ifs += 1;
            }
            _ => {}
        }
        self.open.len() + self.all_ifs <= MAX_DEPTH
    }
}

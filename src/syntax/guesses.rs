//! What a declaration that cannot be read most likely means, where no form of another language is recognised.

use super::grammar::Rule;
use super::scan::Kind;
use super::slice::{Explain, Failure, depth, expected, foreign};
use crate::base::Diag;

impl Explain<'_> {
    /// Returns the message for words that follow one another without anything between them: a name of two words, a call without
    /// brackets, a title without `=`.
    pub(super) fn guessed(&self, f: &Failure) -> Option<Diag> {
        let (span, after, next) = (f.span, f.after, f.next);
        let tokens = f.slice.tokens;
        let keyword = tokens.iter().find(|t| t.kind != Kind::Newline).map_or("", |t| self.text(t));
        let titled = matches!(keyword, "figure" | "claim" | "experiment");
        let token = tokens.get(f.here);
        let (_, previous) = self.before(f);
        let after_word = previous.is_some_and(|t| t.kind == Kind::Word);
        let depth = depth(&tokens[..f.here]);
        let touches = token.zip(previous).is_some_and(|(t, p)| p.end == t.start);
        match () {
            () if previous.is_some_and(|t| t.kind == Kind::Text) && token.is_some_and(|t| t.kind == Kind::Text) && touches => {
                foreign(
                    span,
                    "a string stands in one pair of quotes",
                    "write `\"text\"`, on one line; a description stands above its declaration, in lines that begin with `##`",
                )
            }
            () if depth == 0
                && f.expected.contains(&Rule::assign)
                && previous.is_some_and(|t| t.kind == Kind::Text)
                && titled =>
            {
                let title = previous.map_or("", |t| self.text(t));
                let rest = self.line_from(f.slice, f.here);
                expected(
                    span,
                    format!("expected `=` behind the title of a {keyword}"),
                    format!("write `{keyword} {title} = {rest}`"),
                )
            }
            () if depth == 0
                && f.expected.contains(&Rule::assign)
                && after_word
                && token.is_some_and(|t| t.kind == Kind::Word)
                && !tokens[f.here..].iter().take_while(|t| t.kind != Kind::Newline).any(|t| self.text(t) == "=") =>
            {
                let rest = self.line_from(f.slice, f.here);
                expected(span, format!("expected `=` behind `{after}`"), format!("write `{keyword} {after} = {rest}`"))
            }
            () if depth == 0
                && f.expected.contains(&Rule::assign)
                && after_word
                && (token.is_some_and(|t| t.kind == Kind::Word) || next == "-" && touches) =>
            {
                let name = self.between(f.slice, 1, tokens.iter().position(|t| self.text(t) == "=").unwrap_or(f.here + 1));
                let joined: String =
                    name.split(|c: char| c.is_whitespace() || c == '-').filter(|p| !p.is_empty()).collect::<Vec<_>>().join("_");
                let one = joined.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                let help =
                    if one { format!("write `{keyword} {joined} = …`") } else { format!("write `{keyword} {after} = …`") };
                expected(span, "a name is one word of letters, digits and `_`", help)
            }
            () if depth == 0
                && after_word
                && self.assigned(f)
                && matches!(token.map(|t| t.kind), Some(Kind::Word | Kind::Number | Kind::Text))
                && !touches =>
            {
                let rest = self.line_from(f.slice, f.here);
                let arguments: Vec<&str> = rest.split_whitespace().collect();
                let plain =
                    arguments.iter().all(|a| a.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '%')));
                let inside = if plain { arguments.join(", ") } else { "…".to_string() };
                expected(span, format!("arguments of `{after}` stand in round brackets"), format!("write `{after}({inside})`"))
            }
            () => None,
        }
    }
}

//! Text of a script as messages show it.

use std::borrow::Cow;

/// Returns a text on one line, cut after `most` characters.
pub fn one_line(text: &str, most: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > most { format!("{}…", line.chars().take(most).collect::<String>()) } else { line }
}

/// Returns a text on one line of a length that reads well inside a sentence.
pub fn shorten(text: &str) -> String {
    one_line(text, 40)
}

/// Returns a word with the article that belongs before it: "an analysis", "a model", "stages".
pub fn with_article(word: &str) -> String {
    let plain = word.trim_start_matches('`');
    if matches!(plain.trim_end_matches('`'), "stages" | "unknown" | "text" | "truth" | "truth per example" | "any result") {
        return word.to_string();
    }
    let article = if plain.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {word}")
}

/// Returns whether a character, written to a terminal, does more than stand there: moves the cursor, changes colours, turns the order of
/// what is read.
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns a text in which control characters other than ends of lines and tabs are written out: `\u{1b}`.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let does = |c: char| is_control(c) && c != '\n' && c != '\t';
    if !text.contains(does) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if does(c) { format!("\\u{{{:x}}}", u32::from(c)) } else { c.to_string() };
    Cow::Owned(text.chars().map(shown).collect())
}

/// Returns a text in which all control characters are written out, ends of lines and tabs too: the name of a file, which may hold any of them, is not
/// read as a line of its own.
pub fn on_a_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| match c {
        '\n' => "\\n".to_string(),
        '\t' => "\\t".to_string(),
        c if is_control(c) => format!("\\u{{{:x}}}", u32::from(c)),
        c => c.to_string(),
    };
    Cow::Owned(text.chars().map(shown).collect())
}

/// Returns a text of the same bytes' places in which each control character but ends of lines and tabs is replaced by marks that do nothing.
pub fn blanked(text: &str) -> Cow<'_, str> {
    let does = |c: char| is_control(c) && !matches!(c, '\n' | '\t' | '\r');
    if !text.contains(does) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| match c.len_utf8() {
        _ if !does(c) => c.to_string(),
        1 => "?".to_string(),
        2 => "·".to_string(),
        n => "?".repeat(n),
    };
    Cow::Owned(text.chars().map(shown).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_put_on_a_line_and_cut() {
        assert_eq!(one_line("a\n  b\tc", 10), "a b c");
        assert_eq!(one_line("ääää bbbb", 4), "ääää…");
    }

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(harmless("a\u{1b}[31m\n\tb\u{202e}c"), "a\\u{1b}[31m\n\tb\\u{202e}c");
        assert!(matches!(harmless("Ж ä"), Cow::Borrowed(_)));
        assert_eq!(on_a_line("a\n\tb\u{1b}\u{202e}c ä"), "a\\n\\tb\\u{1b}\\u{202e}c ä");
        assert!(matches!(on_a_line("Ж ä"), Cow::Borrowed(_)));
        for text in ["a\u{1b}b", "a\u{85}b", "a\u{202e}b", "a\r\n\tb"] {
            let shown = blanked(text);
            assert_eq!(shown.len(), text.len());
            assert!(!shown.chars().any(|c| is_control(c) && !matches!(c, '\n' | '\t' | '\r')), "{shown}");
        }
    }

    #[test]
    fn words_have_the_article_that_belongs_before_them() {
        let all = ["analysis", "model", "`axis`", "`stages`", "stages"].map(with_article);
        assert_eq!(all, ["an analysis", "a model", "an `axis`", "`stages`", "stages"]);
    }
}

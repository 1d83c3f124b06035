//! Text of a script as messages show it.

/// Returns a text on one line, cut where it has more than so many characters.
pub fn one_line(text: &str, most: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > most { format!("{}…", line.chars().take(most).collect::<String>()) } else { line }
}

/// Returns a text on one line of a length that reads well inside a sentence.
pub fn shorten(text: &str) -> String {
    one_line(text, 40)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_put_on_a_line_and_cut() {
        assert_eq!(one_line("a\n  b\tc", 10), "a b c");
        assert_eq!(one_line("ääää bbbb", 4), "ääää…");
    }
}

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

/// Returns a word with the article that belongs before it: "an analysis", "a model", "stages".
pub fn with_article(word: &str) -> String {
    let plain = word.trim_start_matches('`');
    if matches!(plain.trim_end_matches('`'), "stages" | "unknown" | "text" | "truth" | "truth per example" | "any result") {
        return word.to_string();
    }
    let article = if plain.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {word}")
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
    fn words_have_the_article_that_belongs_before_them() {
        let all = ["analysis", "model", "`axis`", "`stages`", "stages"].map(with_article);
        assert_eq!(all, ["an analysis", "a model", "an `axis`", "`stages`", "stages"]);
    }
}

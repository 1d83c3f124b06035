//! The words that a group may be, known before the run, and the check of a word against them.

use crate::lang::suggest::nearest_or_list;
use crate::plan::facts::{Facts, KnownInput, Problem};

/// Returns the words that the values of an input may be: none where all are absent. Nothing where some are no words.
pub fn of<'a>(inputs: &'a [KnownInput], slot: &str) -> Option<Vec<&'a str>> {
    let (_, facts) = inputs.iter().find(|(n, _)| *n == slot)?;
    let mut out: Vec<&str> = Vec::new();
    for f in facts {
        for word in f.words.as_ref()? {
            if !out.contains(&word.as_str()) {
                out.push(word);
            }
        }
    }
    Some(out)
}

/// Returns facts with the words that any of the inputs in these slots may be; without, where one of them does not tell.
pub fn keep(inputs: &[KnownInput], slots: &[&str], facts: Facts) -> Facts {
    let all: Option<Vec<Vec<&str>>> = slots.iter().map(|s| of(inputs, s)).collect();
    let words = all.map(|lists| {
        let mut out: Vec<String> = Vec::new();
        for word in lists.into_iter().flatten() {
            if !out.iter().any(|o| o == word) {
                out.push(word.to_string());
            }
        }
        out
    });
    Facts { words, ..facts }
}

/// Refuses a word that no value of the input can be.
pub fn check(inputs: &[KnownInput], slot: &str, word: &str, parameter: &'static str) -> Result<(), Problem> {
    match of(inputs, slot) {
        Some(known) if !known.is_empty() && !known.contains(&word) => {
            Err(problem(Some(parameter), format!("this is never `{word}`"), Some(nearest_or_list(word, &known))))
        }
        Some(_) => Ok(()),
        None => Err(problem(
            Some(parameter),
            format!("`{word}` is a word, and the values are truth values"),
            Some("leave it out: the share counts the truth values that hold".to_string()),
        )),
    }
}

/// Refuses a comparison of two sides that are never the same word, or of words with something else.
pub fn comparable(inputs: &[KnownInput]) -> Result<(), Problem> {
    let (a, b) = (of(inputs, "a"), of(inputs, "b"));
    match (&a, &b) {
        (Some(a), Some(b)) if a.is_empty() || b.is_empty() || a.iter().any(|w| b.contains(w)) => Ok(()),
        (Some(a), Some(b)) => {
            let (parameter, one, others) = if let [one] = b.as_slice() { ("b", *one, a) } else { ("a", a[0], b) };
            let message = format!("the other side is never `{one}`");
            Err(problem(Some(parameter), message, Some(nearest_or_list(one, others))))
        }
        (Some(words), None) | (None, Some(words)) if !words.is_empty() => Err(problem(
            Some(if a.is_none() { "a" } else { "b" }),
            format!("words ({}) are compared with something that is not a word", words.join(", ")),
            Some(match words.as_slice() {
                [one] if one.parse::<f64>().is_ok() => format!("a number has no quotes: `{one}`"),
                _ => "compare words with words, numbers with numbers".to_string(),
            }),
        )),
        _ => Ok(()),
    }
}

/// Returns what is wrong with a word.
fn problem(parameter: Option<&'static str>, message: String, help: Option<String>) -> Problem {
    Problem { code: "cfx::analysis::word", parameter, message, help }
}

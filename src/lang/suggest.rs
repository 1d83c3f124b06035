//! Nearest spellings.

/// Returns the candidate that a misspelt word most likely means, where one is near enough; the first of several as near.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let distance = strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase());
        // Where every letter differs, nothing is near.
        let near = distance <= allowed && distance < word.chars().count().max(candidate.chars().count());
        if near && best.is_none_or(|(d, _)| distance < d) {
            best = Some((distance, candidate));
        }
    }
    best.map(|b| b.1)
}

/// Returns the help line for a misspelt word: the nearest candidate, or the list of all with what they are; nothing for long lists.
pub fn suggestion(word: &str, candidates: &[&str], what: &str) -> Option<String> {
    match nearest(word, candidates) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if candidates.is_empty() || candidates.len() > 24 => None,
        None => Some(format!("{what}: {}", candidates.join(", "))),
    }
}

/// Returns a help line that always says something: the nearest candidate, or the list, the first of it where it is long.
pub fn nearest_or_list(word: &str, candidates: &[&str]) -> String {
    if let Some(near) = nearest(word, candidates) {
        return format!("did you mean `{near}`?");
    }
    match candidates.len() {
        0 => "there is nothing to choose from here".to_string(),
        n => {
            let shown: Vec<String> = candidates.iter().take(14).map(|c| format!("`{c}`")).collect();
            let more = if n > 14 { format!(" and {} more", n - 14) } else { String::new() };
            format!("there is {}{more}", shown.join(", "))
        }
    }
}

/// Returns words as a list in a sentence, the first `most` of them.
pub fn at_most(words: &[String], most: usize) -> String {
    let shown = words.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    if words.len() > most { format!("{shown} and {} more", words.len() - most) } else { shown }
}

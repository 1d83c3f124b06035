//! Nearest spellings.

/// Returns the candidate most like a word, where one is near enough to have been meant.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    candidates
        .iter()
        .map(|c| (strsim::damerau_levenshtein(&word.to_lowercase(), &c.to_lowercase()), *c))
        .filter(|(distance, c)| *distance <= 1 + c.len().min(word.len()) / 4)
        .min()
        .map(|(_, c)| c)
}

/// Returns a help line: the nearest candidate, or the whole list where it is short, or the first of it.
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

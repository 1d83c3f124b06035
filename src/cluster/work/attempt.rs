//! Which of two attempts at a task is the later one.

use std::path::Path;

/// Returns the attempt that a file names where it is later than `own`: of the same array, with more restarts, or as many and a later round. Arrays are
/// not compared: a task belongs to one.
pub(super) fn newer(path: &Path, own: &str) -> Option<String> {
    let there = std::fs::read_to_string(path).ok()?;
    let there = there.trim();
    let numbers = |text: &str| -> Option<(String, u64, u64)> {
        let mut parts = text.split('.');
        Some((parts.next()?.to_string(), parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    let (theirs, ours) = (numbers(there)?, numbers(own)?);
    (theirs.0 == ours.0 && (theirs.1, theirs.2) > (ours.1, ours.2)).then(|| there.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_attempt_knows_a_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.attempt");
        assert_eq!(newer(&path, "12.0.1"), None);
        std::fs::write(&path, "12.1.1\n").unwrap();
        assert_eq!(newer(&path, "12.0.3").as_deref(), Some("12.1.1"));
        assert_eq!(newer(&path, "12.1.1"), None);
        assert_eq!(newer(&path, "12.1.2"), None);
        assert_eq!(newer(&path, "12.2.1"), None);
        assert_eq!(newer(&path, "13.0.1"), None);
    }
}

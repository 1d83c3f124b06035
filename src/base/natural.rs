//! The natural order of names: runs of digits compare as numbers, `a2` before `a10`.

/// A name's place in the natural order.
pub type Key = (Vec<(String, u64)>, String);

/// Returns a key by which names sort in natural order; names that differ only in leading zeros (`s1`, `s01`) by their bytes, so that the
/// order of any names is the same on all machines.
pub fn natural(name: &str) -> Key {
    let mut parts = vec![(String::new(), 0u64)];
    let mut digits = String::new();
    for c in name.chars().chain(std::iter::once('\0')) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if let Some(last) = parts.last_mut().filter(|_| !digits.is_empty()) {
            last.1 = digits.parse().unwrap_or(u64::MAX);
            digits.clear();
            parts.push((String::new(), 0));
        }
        if let Some(last) = parts.last_mut() {
            last.0.push(c);
        }
    }
    (parts, name.to_string())
}

#[cfg(test)]
mod tests {
    use super::natural;

    fn sorted(names: &[&'static str]) -> Vec<&'static str> {
        let mut out = names.to_vec();
        out.sort_by_key(|n| natural(n));
        out
    }

    #[test]
    fn digits_count_as_numbers() {
        assert_eq!(
            sorted(&["s10.npy", "s9.npy", "s2b.npy", "s2a.npy", "t1.npy"]),
            ["s2a.npy", "s2b.npy", "s9.npy", "s10.npy", "t1.npy"]
        );
    }

    #[test]
    fn names_that_count_the_same_have_an_order_too() {
        let wanted = ["s001.npy", "s01.npy", "s1.npy"];
        assert_eq!(sorted(&["s1.npy", "s01.npy", "s001.npy"]), wanted);
        assert_eq!(sorted(&["s001.npy", "s1.npy", "s01.npy"]), wanted);
    }
}

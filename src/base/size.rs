//! Sizes in bytes, as people read them.

/// Returns a number of bytes in the unit that suits it: `512 B`, `1.5 MiB`.
pub fn bytes(n: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut n = n.max(0.0);
    let mut at = 0;
    while n >= 1024.0 && at + 1 < units.len() {
        n /= 1024.0;
        at += 1;
    }
    if at == 0 { format!("{n:.0} B") } else { format!("{n:.1} {}", units[at]) }
}

/// Returns the bytes that a size in words means: `20G`, `1.5 GiB`, `512MiB`, `0`. Units are powers of 1024; without one, bytes. Nothing where it is
/// no size.
pub fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.trim().parse().ok().filter(|x: &f64| *x >= 0.0 && x.is_finite())?;
    let power = match unit {
        "" | "B" => 0,
        "K" | "KiB" => 1,
        "M" | "MiB" => 2,
        "G" | "GiB" => 3,
        "T" | "TiB" => 4,
        _ => return None,
    };
    Some(number * 1024f64.powi(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, size) in [("0", 0.0), ("20G", 20.0 * 1073741824.0), ("1.5 GiB", 1.5 * 1073741824.0), ("512MiB", 536870912.0)] {
            assert_eq!(parse(text), Some(size), "{text}");
        }
        for text in ["", "G", "-1G", "20X", "NaN", "inf", "1e400", "20 G B"] {
            assert_eq!(parse(text), None, "{text}");
        }
        for size in [0.0, 512.0, 1536.0, 3.5 * 1048576.0] {
            assert_eq!(parse(&bytes(size)), Some(size));
        }
    }
}

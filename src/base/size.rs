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

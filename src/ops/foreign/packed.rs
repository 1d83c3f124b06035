//! How much packed bytes may come to: what memory is bounded by before they are unpacked.

/// Most bytes that deflate can make of one byte, or nearly.
const DEFLATE_RATIO: u64 = 1_040;
/// Most bytes that are made of one byte of a large file: data of any kind stay far below it, and files that are made to fill a memory do not.
const RATIO: u64 = 256;
/// Any file may unpack to this many bytes: one colour, or one label, compresses well.
const SMALL: u64 = 1 << 25;

/// Returns the most bytes to which `packed` bytes may unpack.
pub fn most(packed: u64) -> u64 {
    let possible = packed.saturating_mul(DEFLATE_RATIO).saturating_add(1 << 16);
    possible.min(packed.saturating_mul(RATIO).max(SMALL))
}

#[cfg(test)]
mod tests {
    #[test]
    fn small_files_may_unpack_as_far_as_deflate_goes_and_large_ones_as_far_as_data_do() {
        assert_eq!(super::most(0), 1 << 16);
        assert_eq!(super::most(1_000), 1_040_000 + 65_536);
        assert_eq!(super::most(100_000), 1 << 25);
        assert_eq!(super::most(1_000_000), 256_000_000);
    }
}

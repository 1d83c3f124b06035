//! Room for numbers in the host's memory.

/// Returns zeros in memory that the system is asked to map in large pages: with pages of 4 KiB, walks of the page table halve the
/// speed at which activations larger than the caches stream by (docs/performance.md).
pub fn zeros(len: usize) -> Vec<f32> {
    let out = vec![0f32; len];
    #[cfg(target_os = "linux")]
    large_pages(&out);
    out
}

/// Asks for large pages under the whole ones that lie within the numbers. Advice only: contents stay, and a refusal changes nothing.
#[cfg(target_os = "linux")]
fn large_pages(numbers: &[f32]) {
    use std::ffi::{c_int, c_void};
    unsafe extern "C" {
        fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
    }
    const PAGE: usize = 2 << 20;
    const MADV_HUGEPAGE: c_int = 14;
    let range = numbers.as_ptr_range();
    let (start, end) = ((range.start as usize).next_multiple_of(PAGE), range.end as usize / PAGE * PAGE);
    if start < end {
        // SAFETY: the range lies within the slice, and the advice changes no contents.
        unsafe { madvise(start as *mut c_void, end - start, MADV_HUGEPAGE) };
    }
}

//! Runs of numbers in the host's memory, as the host's layers take them.

/// A run of numbers: an activation, a gradient, a parameter, or a statistic.
#[derive(Debug, Default)]
pub struct Buffer(Vec<f32>);

impl Buffer {
    /// Returns a buffer of zeros.
    pub fn zeros(len: usize) -> Self {
        Buffer(zeros(len))
    }

    /// Returns a buffer that holds the numbers.
    pub fn from_vec(numbers: Vec<f32>) -> Self {
        Buffer(numbers)
    }

    /// Returns the numbers.
    pub fn host(&self) -> &[f32] {
        &self.0
    }

    /// Returns the numbers for writing.
    pub fn host_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }

    /// Returns how many numbers there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no number.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns a copy of all numbers.
    pub fn to_vec(&self) -> Vec<f32> {
        self.0.clone()
    }

    /// Replaces the first numbers.
    pub fn write(&mut self, from: &[f32]) {
        self.0[..from.len()].copy_from_slice(from);
    }

    /// Replaces all numbers by those of a buffer of the same length.
    pub fn copy_from(&mut self, from: &Buffer) {
        self.write(&from.0);
    }
}

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

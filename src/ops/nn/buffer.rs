//! Numbers on a device: the one place where layers meet candle's storage.

use candle_core::{CpuStorage, Storage};

/// A run of 32-bit floats on a device: an activation, a gradient, a parameter, or a statistic.
#[derive(Debug)]
pub struct Buffer(Storage);

impl Default for Buffer {
    fn default() -> Self {
        Buffer::from_vec(Vec::new())
    }
}

impl Buffer {
    /// Returns a buffer of zeros in the host's memory.
    pub fn zeros(len: usize) -> Self {
        Buffer::from_vec(zeros(len))
    }

    /// Returns a buffer in the host's memory that holds the numbers.
    pub fn from_vec(numbers: Vec<f32>) -> Self {
        Buffer(Storage::Cpu(CpuStorage::F32(numbers)))
    }

    /// Returns the numbers; empty where they are in another device's memory.
    pub fn host(&self) -> &[f32] {
        match &self.0 {
            Storage::Cpu(CpuStorage::F32(numbers)) => numbers,
            _ => &[],
        }
    }

    /// Returns the numbers for writing; empty where they are in another device's memory.
    pub fn host_mut(&mut self) -> &mut [f32] {
        match &mut self.0 {
            Storage::Cpu(CpuStorage::F32(numbers)) => numbers,
            _ => &mut [],
        }
    }

    /// Returns how many numbers there are in the host's memory.
    pub fn len(&self) -> usize {
        self.host().len()
    }

    /// Returns whether there is no number.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

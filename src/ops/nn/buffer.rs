//! Numbers on a device: the one place where layers meet candle's storage of the host, and the memory of accelerators.

use super::gpu::accelerator::{Allocation, Format, Handle};
use candle_core::{CpuStorage, Storage};

/// A run of numbers on a device: an activation, a gradient, a parameter, or a statistic.
#[derive(Debug)]
pub struct Buffer(Memory);

#[derive(Debug)]
enum Memory {
    Host(Storage),
    Device(Away),
}

/// Numbers in the memory of an accelerator.
#[derive(Debug)]
struct Away {
    handle: Handle,
    memory: Box<dyn Allocation>,
    len: usize,
    format: Format,
}

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
        Buffer(Memory::Host(Storage::Cpu(CpuStorage::F32(numbers))))
    }

    /// Returns a buffer of zeros in the memory of an accelerator.
    pub fn on(handle: &Handle, format: Format, len: usize) -> Self {
        let memory = handle.allocate(len * format.bytes());
        Buffer(Memory::Device(Away { handle: handle.clone(), memory, len, format }))
    }

    /// Returns a buffer of zeros of the same length and format in the same memory.
    pub fn alike(&self) -> Self {
        match &self.0 {
            Memory::Device(away) => Buffer::on(&away.handle, away.format, away.len),
            Memory::Host(_) => Buffer::zeros(self.len()),
        }
    }

    /// Returns the numbers; empty where they are in another device's memory.
    pub fn host(&self) -> &[f32] {
        match &self.0 {
            Memory::Host(Storage::Cpu(CpuStorage::F32(numbers))) => numbers,
            _ => &[],
        }
    }

    /// Returns the numbers for writing; empty where they are in another device's memory.
    pub fn host_mut(&mut self) -> &mut [f32] {
        match &mut self.0 {
            Memory::Host(Storage::Cpu(CpuStorage::F32(numbers))) => numbers,
            _ => &mut [],
        }
    }

    /// Returns the accelerator that the numbers are on, where they are on one.
    pub fn accelerator(&self) -> Option<&Handle> {
        match &self.0 {
            Memory::Device(away) => Some(&away.handle),
            Memory::Host(_) => None,
        }
    }

    /// Returns the address in the memory of an accelerator; 0 in the host's.
    pub fn address(&self) -> u64 {
        match &self.0 {
            Memory::Device(away) => away.memory.address(),
            Memory::Host(_) => 0,
        }
    }

    /// Returns how the numbers lie.
    pub fn format(&self) -> Format {
        match &self.0 {
            Memory::Device(away) => away.format,
            Memory::Host(_) => Format::F32,
        }
    }

    /// Returns how many numbers there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Memory::Device(away) => away.len,
            Memory::Host(_) => self.host().len(),
        }
    }

    /// Returns whether there is no number.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the first numbers into `to`, wherever they are; an accelerator is waited for.
    pub fn read(&self, to: &mut [f32]) {
        let Memory::Device(away) = &self.0 else { return to.copy_from_slice(&self.host()[..to.len()]) };
        match away.format {
            Format::F32 => away.handle.download(away.memory.address(), bytes_mut(to)),
            Format::Bf16 => {
                let mut bytes = vec![0u8; 2 * to.len()];
                away.handle.download(away.memory.address(), &mut bytes);
                to.iter_mut().zip(bytes.as_chunks().0).for_each(|(t, b)| *t = half::bf16::from_ne_bytes(*b).to_f32());
            }
        }
    }

    /// Returns a copy of all numbers.
    pub fn to_vec(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.len()];
        self.read(&mut out);
        out
    }

    /// Replaces the first numbers, wherever they are.
    pub fn write(&mut self, from: &[f32]) {
        match &mut self.0 {
            Memory::Host(_) => self.host_mut()[..from.len()].copy_from_slice(from),
            Memory::Device(away) => match away.format {
                Format::F32 => away.handle.upload(away.memory.address(), bytes(from)),
                Format::Bf16 => {
                    let bytes: Vec<u8> = from.iter().flat_map(|x| half::bf16::from_f32(*x).to_ne_bytes()).collect();
                    away.handle.upload(away.memory.address(), &bytes);
                }
            },
        }
    }

    /// Replaces all numbers by those of a buffer of the same length.
    pub fn copy_from(&mut self, from: &Buffer) {
        match (&self.0, &from.0) {
            (Memory::Device(to), Memory::Device(from))
                if std::sync::Arc::ptr_eq(&to.handle, &from.handle) && to.format == from.format =>
            {
                to.handle.copy(to.memory.address(), from.memory.address(), to.len.min(from.len) * to.format.bytes());
            }
            (Memory::Host(_), Memory::Host(_)) => self.host_mut().copy_from_slice(from.host()),
            _ => self.write(&from.to_vec()),
        }
    }
}

/// Returns the bytes of numbers.
pub(super) fn bytes(numbers: &[f32]) -> &[u8] {
    // SAFETY: every byte of a number is a byte, and the slice covers the same memory for as long.
    unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) }
}

/// Returns the bytes of numbers for writing.
pub(super) fn bytes_mut(numbers: &mut [f32]) -> &mut [u8] {
    // SAFETY: as above; any four bytes are a number.
    unsafe { std::slice::from_raw_parts_mut(numbers.as_mut_ptr().cast(), size_of_val(numbers)) }
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

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
        Buffer::from_vec(vec![0.0; len])
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

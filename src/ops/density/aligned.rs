//! Numbers that begin on a cache line, so that no vector of eight is spread over two.

use std::ops::{Deref, DerefMut};

/// One cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f64; 8]);

const ZEROS: Line = Line([0.0; 8]);

/// A vector of numbers that begins on a cache line.
#[derive(Clone, Debug, Default)]
pub struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

impl Aligned {
    /// Returns `len` zeros.
    pub fn zeros(len: usize) -> Aligned {
        Aligned { lines: vec![ZEROS; len.div_ceil(8)], len }
    }

    /// Makes it longer, by zeros, or shorter.
    pub fn resize(&mut self, len: usize) {
        let before = self.len;
        self.lines.resize(len.div_ceil(8), ZEROS);
        self.len = len;
        // What a shorter length left behind in the last line is no zero.
        if before < len {
            let end = len.min(before.next_multiple_of(8));
            self[before..end].fill(0.0);
        }
    }

    /// Removes numbers from the front; a whole number of lines.
    pub fn remove_front(&mut self, count: usize) {
        debug_assert!(count.is_multiple_of(8));
        self.lines.drain(..count / 8);
        self.len -= count;
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.len = 0;
    }
}

impl From<&[f64]> for Aligned {
    fn from(x: &[f64]) -> Aligned {
        let mut out = Aligned::zeros(x.len());
        out.copy_from_slice(x);
        out
    }
}

impl Deref for Aligned {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        // SAFETY: the lines are arrays of eight numbers one behind the other, and `len` of those are in them.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f64] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

//! The bytes that a stopped training leaves: numbers one after another, closed by their hash.

use crate::base::Hash;

const MAGIC: &[u8; 8] = b"cfxtrn02";

/// Writes numbers.
pub struct Writer(Vec<u8>);

impl Default for Writer {
    fn default() -> Self {
        Writer(MAGIC.to_vec())
    }
}

impl Writer {
    /// Adds a whole number.
    pub fn int(&mut self, x: u64) {
        self.0.extend_from_slice(&x.to_le_bytes());
    }

    /// Adds a float.
    pub fn real(&mut self, x: f64) {
        self.int(x.to_bits());
    }

    /// Adds floats with their count.
    pub fn reals(&mut self, x: &[f64]) {
        self.int(x.len() as u64);
        x.iter().for_each(|x| self.real(*x));
    }

    /// Adds 32-bit floats with their count.
    pub fn floats(&mut self, x: &[f32]) {
        self.int(x.len() as u64);
        x.iter().for_each(|x| self.0.extend_from_slice(&x.to_le_bytes()));
    }

    /// Adds whole numbers with their count.
    pub fn ints(&mut self, x: &[u64]) {
        self.int(x.len() as u64);
        x.iter().for_each(|x| self.int(*x));
    }

    /// Returns all bytes, closed by their hash.
    pub fn finish(mut self) -> Vec<u8> {
        let hash = Hash::of(&self.0);
        self.0.extend_from_slice(&hash.0);
        self.0
    }
}

/// Reads what [`Writer`] wrote; every method returns `None` if the bytes do not continue as asked.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Returns a reader, where magic word and hash are right.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let (body, hash) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
        if Hash::of(body).0 != hash { None } else { body.strip_prefix(MAGIC).map(Reader) }
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(front)
    }

    /// Returns a whole number.
    pub fn int(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    /// Returns a float.
    pub fn real(&mut self) -> Option<f64> {
        self.int().map(f64::from_bits)
    }

    /// Returns floats.
    pub fn reals(&mut self) -> Option<Vec<f64>> {
        let n = self.int()?;
        (0..n).map(|_| self.real()).collect()
    }

    /// Returns whole numbers.
    pub fn ints(&mut self) -> Option<Vec<u64>> {
        let n = self.int()?;
        (0..n).map(|_| self.int()).collect()
    }

    /// Fills 32-bit floats of the count that was written.
    pub fn floats(&mut self, out: &mut [f32]) -> Option<()> {
        if self.int()? as usize != out.len() {
            return None;
        }
        let bytes = self.take(4 * out.len())?;
        for (o, b) in out.iter_mut().zip(bytes.chunks_exact(4)) {
            *o = f32::from_le_bytes(b.try_into().ok()?);
        }
        Some(())
    }

    /// Returns whether everything has been read.
    pub fn finished(&self) -> bool {
        self.0.is_empty()
    }
}

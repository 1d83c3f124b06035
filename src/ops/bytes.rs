//! Little-endian bytes of checkpoints: written and read back, with a check at every step.

/// Bytes being written.
#[derive(Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    /// Adds an integer.
    pub fn int(&mut self, x: u64) {
        self.0.extend(x.to_le_bytes());
    }

    /// Adds a float, all its bits.
    pub fn float(&mut self, x: f64) {
        self.int(x.to_bits());
    }

    /// Adds integers with their count.
    pub fn ints(&mut self, x: &[u64]) {
        self.int(x.len() as u64);
        x.iter().for_each(|x| self.int(*x));
    }

    /// Adds words with their count.
    pub fn words(&mut self, x: &[u32]) {
        self.int(x.len() as u64);
        x.iter().for_each(|x| self.0.extend(x.to_le_bytes()));
    }

    /// Adds floats with their count.
    pub fn floats(&mut self, x: &[f64]) {
        self.int(x.len() as u64);
        x.iter().for_each(|x| self.0.extend(x.to_le_bytes()));
    }

    /// Adds 32-bit floats with their count.
    pub fn singles(&mut self, x: &[f32]) {
        self.int(x.len() as u64);
        x.iter().for_each(|x| self.0.extend(x.to_le_bytes()));
    }

    /// Adds bytes with their count.
    pub fn bytes(&mut self, x: &[u8]) {
        self.int(x.len() as u64);
        self.0.extend(x);
    }
}

/// Bytes being read; every method returns `None` if they run out.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    /// Reads an integer.
    pub fn int(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(*self.take(8)?.as_array()?))
    }

    /// Reads a float.
    pub fn float(&mut self) -> Option<f64> {
        self.int().map(f64::from_bits)
    }

    /// Reads integers.
    pub fn ints(&mut self) -> Option<Vec<u64>> {
        let count = self.int()?;
        (0..count).map(|_| self.int()).collect()
    }

    /// Reads words.
    pub fn words(&mut self) -> Option<Vec<u32>> {
        let count = self.int()? as usize;
        let bytes = self.take(count.checked_mul(4)?)?;
        Some(bytes.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect())
    }

    /// Reads floats.
    pub fn floats(&mut self) -> Option<Vec<f64>> {
        let count = self.int()? as usize;
        let bytes = self.take(count.checked_mul(8)?)?;
        Some(bytes.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect())
    }

    /// Reads 32-bit floats into the place for them; nothing where their count is another.
    pub fn singles(&mut self, out: &mut [f32]) -> Option<()> {
        let count = self.int()? as usize;
        let bytes = self.take(count.checked_mul(4)?).filter(|_| count == out.len())?;
        out.iter_mut().zip(bytes.as_chunks::<4>().0).for_each(|(o, b)| *o = f32::from_le_bytes(*b));
        Some(())
    }

    /// Reads bytes.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.int()? as usize;
        self.take(count)
    }
}

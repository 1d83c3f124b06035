//! Tensors of a file by name, and their numbers on demand, whatever the format.

use crate::base::text::on_a_line;
pub use crate::ops::foreign::zip::Block;
use crate::ops::foreign::{Kind, Unreadable};
use std::io::Read;
use std::path::Path;

/// How much larger than its tensor a packed storage may be; an unpacked one is bounded by the file.
const PACKED_SPAN: usize = 64;

/// A tensor in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name in the file.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What it holds.
    pub kind: Kind,
    /// Where its storage is; nothing for a tensor without numbers.
    pub block: Option<Block>,
    /// Its first number's place in the storage.
    pub offset: usize,
    /// Steps in the storage from one number to the next, along each axis.
    pub stride: Vec<usize>,
}

impl Entry {
    /// Returns the number of numbers, where that is a number.
    pub fn count(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |a, b| a.checked_mul(*b))
    }

    /// Checks that the tensor holds floating-point numbers.
    ///
    /// Errors: it does not.
    pub fn check_kind(&self) -> Result<(), Unreadable> {
        match self.kind {
            Kind::Other(_) => Err(Unreadable::new(format!(
                "holds whole numbers under the name `{}`, where weights are floating-point",
                on_a_line(&self.name)
            ))
            .help("save the weights before they are quantised")),
            _ => Ok(()),
        }
    }

    /// Returns how many numbers of the storage lie between the first and the last of the tensor, both included.
    fn span(&self) -> Option<usize> {
        let mut steps = self.shape.iter().zip(&self.stride);
        steps.try_fold(1usize, |a, (n, s)| n.checked_sub(1)?.checked_mul(*s)?.checked_add(a))
    }

    /// Checks that the tensor lies within its storage.
    ///
    /// Errors: it does not, or its sizes cannot be.
    pub fn check(self) -> Result<Self, Unreadable> {
        let wrong = || Unreadable::new(format!("is damaged: the tensor `{}` does not lie within its storage", self.name));
        let len = self.count().ok_or_else(wrong)?;
        if self.stride.len() != self.shape.len() {
            return Err(wrong());
        }
        if len > 0 {
            let end = self.span().and_then(|s| s.checked_add(self.offset)).ok_or_else(wrong)?;
            let bytes = (end as u64).checked_mul(self.kind.size() as u64).ok_or_else(wrong)?;
            if self.block.is_none_or(|b| bytes > b.bytes) {
                return Err(wrong());
            }
        }
        Ok(self)
    }
}

/// The tensors of a file in its order, names unique.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// The tensors.
    pub entries: Vec<Entry>,
    /// Names beside them that do not stand for tensors, with what makes the object that they stand for.
    pub others: Vec<(String, Option<String>)>,
    /// The keys that lead to them in the file.
    pub under: Vec<String>,
}

impl Listing {
    /// Returns the numbers of a tensor in row-major order. Ask for those only whose shape is the one you need: it bounds the memory.
    ///
    /// Errors: the file cannot be read or changed meanwhile; the tensor holds no floating-point numbers.
    pub fn numbers(&self, path: &Path, entry: &Entry) -> Result<Vec<f32>, Unreadable> {
        let (Some(len), Some(block)) = (entry.count().filter(|n| *n > 0), entry.block) else { return Ok(Vec::new()) };
        entry.check_kind()?;
        let damaged = || Unreadable::new(format!("is damaged: the tensor `{}` cannot be read", entry.name));
        let span = entry.span().ok_or_else(damaged)?;
        if block.deflated && span / PACKED_SPAN > len {
            return Err(Unreadable::new(format!("packs the tensor `{}` within a much larger one", entry.name))
                .help("save the weights once more with torch.save"));
        }
        let size = entry.kind.size();
        let mut inner = block.open(path)?;
        std::io::copy(&mut (&mut inner).take((entry.offset * size) as u64), &mut std::io::sink())?;
        let mut bytes = Vec::new();
        inner.take((span * size) as u64).read_to_end(&mut bytes)?;
        if bytes.len() != span * size {
            return Err(Unreadable::new("is cut short"));
        }
        gather(entry, len, &bytes).ok_or_else(damaged)
    }
}

/// Returns the numbers of a tensor from the bytes of its part of the storage.
fn gather(entry: &Entry, len: usize, bytes: &[u8]) -> Option<Vec<f32>> {
    let size = entry.kind.size();
    let mut index = vec![0usize; entry.shape.len()];
    let mut at = 0usize;
    let mut out = Vec::with_capacity(len);
    loop {
        out.push(entry.kind.number(bytes.get(at * size..(at + 1) * size)?)?);
        if out.len() == len {
            return Some(out);
        }
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            at += entry.stride[axis];
            if index[axis] < entry.shape[axis] {
                break;
            }
            at -= entry.stride[axis] * entry.shape[axis];
            index[axis] = 0;
        }
    }
}

/// Returns the strides of a tensor whose numbers lie one after the other.
pub fn contiguous(shape: &[usize]) -> Vec<usize> {
    let mut stride = vec![1usize; shape.len()];
    for axis in (0..shape.len().saturating_sub(1)).rev() {
        stride[axis] = stride[axis + 1].saturating_mul(shape[axis + 1].max(1));
    }
    stride
}

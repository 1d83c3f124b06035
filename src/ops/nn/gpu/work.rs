//! What layers on an accelerator share: launches with named arguments, scratch, copies between formats, sums over rows.

use super::accelerator::{Args, Format, Handle, Operand, Precision, Product};
use crate::ops::nn::buffer::{Buffer, bytes, bytes_mut};
use crate::ops::nn::layer::Saved;
use std::sync::{Arc, Mutex, PoisonError};

/// An accelerator in the hands of one network or several that run in turns.
#[derive(Clone, Debug)]
pub struct Gpu {
    /// The accelerator.
    pub handle: Handle,
    /// How networks are computed.
    pub precision: Precision,
    scratch: Arc<Mutex<Vec<Buffer>>>,
}

/// Places of scratch that one layer may use at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Partial sums.
    Partial,
    /// Sums of columns that are not wanted, coefficients.
    Sums,
    /// A gradient before it is added, or in another format than its place.
    Gradient,
    /// Further space of attention and recurrent layers.
    First,
    /// Likewise.
    Second,
    /// Likewise.
    Third,
    /// Likewise.
    Fourth,
}

/// Partial sums of one column that are made at most.
const CHUNKS: usize = 1024;
/// Threads that sums over rows aim at.
const THREADS: usize = 1 << 16;

impl Gpu {
    /// Returns an accelerator that computes in that precision.
    pub fn new(handle: Handle, precision: Precision) -> Self {
        Gpu { handle, precision, scratch: Arc::default() }
    }

    /// Returns the same accelerator with another precision.
    pub fn with(&self, precision: Precision) -> Self {
        Gpu { precision, ..self.clone() }
    }

    /// Returns the format of activations.
    pub fn format(&self) -> Format {
        self.precision.format()
    }

    /// Returns a buffer of activations, all zero.
    pub fn activations(&self, len: usize) -> Buffer {
        Buffer::on(&self.handle, self.format(), len)
    }

    /// Returns a buffer of 32-bit numbers, all zero.
    pub fn numbers(&self, len: usize) -> Buffer {
        Buffer::on(&self.handle, Format::F32, len)
    }

    /// Returns the address of scratch of at least `len` numbers, whose contents mean nothing.
    pub fn scratch(&self, slot: Slot, format: Format, len: usize) -> u64 {
        let words = (len * format.bytes()).div_ceil(4);
        let mut all = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() <= slot as usize {
            all.resize_with(slot as usize + 1, Buffer::default);
        }
        let buffer = &mut all[slot as usize];
        if buffer.len() < words {
            *buffer = self.numbers(words);
        }
        buffer.address()
    }

    /// Runs a kernel, a thread a place. `p`, `n` and `f` are its arguments in the order that `kernels.cu` gives.
    pub fn run(&self, kernel: &'static str, places: usize, p: &[u64], n: &[usize], f: &[f32]) {
        self.handle.launch(kernel, places, false, &Args::new(p, n, f));
    }

    /// Runs a kernel as [`Gpu::run`], a warp a place.
    pub fn run_wide(&self, kernel: &'static str, places: usize, p: &[u64], n: &[usize], f: &[f32]) {
        self.handle.launch(kernel, places, true, &Args::new(p, n, f));
    }

    /// Writes, or adds, `scale` times the first `len` numbers.
    pub fn combine(&self, from: (u64, Format), to: (u64, Format), len: usize, scale: f32, add: bool) {
        self.run("combine", len.div_ceil(4), &[from.0, to.0], &[len, half(from.1), half(to.1), add as usize], &[scale]);
    }

    /// Writes, or adds, a gradient where a layer just passes it on.
    pub fn pass_on(&self, from: &Buffer, to: &mut Buffer, len: usize, add: bool) {
        self.combine((from.address(), from.format()), (to.address(), to.format()), len, 1.0, add);
    }

    /// Copies, or adds, a block of four axes: its sizes, and the distances between neighbours along each axis in both places.
    pub fn copy4(
        &self,
        from: (u64, Format, [usize; 4]),
        to: (u64, Format, [usize; 4]),
        sizes: [usize; 4],
        scale: f32,
        add: bool,
    ) {
        let mut n = [0; 15];
        n[..4].copy_from_slice(&sizes);
        n[4..8].copy_from_slice(&from.2);
        n[8..12].copy_from_slice(&to.2);
        (n[12], n[13], n[14]) = (half(from.1), half(to.1), add as usize);
        self.run("copy4", sizes.iter().product(), &[from.0, to.0], &n, &[scale]);
    }

    /// Returns how many rows of that width each partial sum covers, where a thread takes `each` columns: a function of the sizes alone.
    pub fn rows_a_chunk(&self, rows: usize, width: usize, each: usize) -> usize {
        let chunks = (THREADS * each / width.max(1)).clamp(1, CHUNKS);
        rows.div_ceil(chunks).max(8)
    }

    /// Writes the sums of the columns of a matrix: the first `first.1` to one place, the rest to another.
    pub fn sum_columns(&self, x: (u64, Format), rows: usize, width: usize, first: (u64, usize), rest: u64) {
        let each = self.rows_a_chunk(rows, width, 1);
        let chunks = rows.div_ceil(each);
        let partial = self.scratch(Slot::Partial, Format::F32, chunks * width);
        self.run("columns", chunks * width, &[x.0, partial], &[rows, width, each, half(x.1)], &[]);
        self.fold(partial, chunks, width, first, rest);
    }

    /// Adds up partial sums.
    pub fn fold(&self, partial: u64, chunks: usize, width: usize, first: (u64, usize), rest: u64) {
        self.run_wide("fold", width, &[partial, first.0, rest], &[chunks, width, first.1], &[]);
    }

    /// Copies numbers to the accelerator.
    pub fn upload(&self, to: u64, numbers: &[f32]) {
        self.handle.upload(to, bytes(numbers));
    }

    /// Writes the gradient of `scale` times the summed cross-entropy (`smoothing`, `scale`) of `labels x classes` scores; returns each
    /// label's loss and the number of right predictions.
    pub fn cross_entropy(
        &self,
        scores: &Buffer,
        labels: &[u32],
        classes: usize,
        (smoothing, scale): (f64, f64),
        gradient: &Buffer,
    ) -> (Vec<f64>, usize) {
        let n = labels.len();
        let places = self.scratch(Slot::First, Format::F32, n);
        let found = self.scratch(Slot::Second, Format::F32, 2 * n);
        self.handle.upload(places, &labels.iter().flat_map(|l| l.to_ne_bytes()).collect::<Vec<u8>>());
        let p = [scores.address(), places, found, after(found, Format::F32, n), gradient.address()];
        let f = [smoothing as f32, scale as f32];
        self.run_wide("cross_entropy", n, &p, &[n, classes, half(scores.format())], &f);
        let mut numbers = vec![0f32; 2 * n];
        self.handle.download(found, bytes_mut(&mut numbers));
        let (losses, right) = numbers.split_at(n);
        (losses.iter().map(|x| *x as f64).collect(), right.iter().filter(|x| **x > 0.5).count())
    }

    /// Computes a product of matrices in the network's precision. Factors are in its format.
    pub fn product(&self, size: (usize, usize, usize), a: Operand, b: Operand, out: (Operand, Format), add: bool, batch: usize) {
        let (precision, factors) = (self.precision, self.format());
        self.handle.product(&Product { size, a, b, out: out.0, factors, result: out.1, precision, alpha: 1.0, add, batch });
    }

    /// Returns the address of weights in the format of activations: their own, or that of a copy that is kept in `saved`.
    pub fn weights(&self, weights: &Buffer, saved: &mut Saved, at: usize) -> u64 {
        if self.format() == Format::F32 {
            return weights.address();
        }
        let len = weights.len();
        let copy = self.saved(saved, at, self.format(), len);
        self.combine((weights.address(), Format::F32), (copy, self.format()), len, 1.0, false);
        copy
    }

    /// Returns the address of what [`Gpu::weights`] returned in the forward pass.
    pub fn kept_weights(&self, weights: &Buffer, saved: &Saved, at: usize) -> u64 {
        if self.format() == Format::F32 { weights.address() } else { kept(saved, at) }
    }

    /// Returns the address of memory that stays for the backward pass.
    pub fn saved(&self, saved: &mut Saved, at: usize, format: Format, len: usize) -> u64 {
        if saved.device.len() <= at {
            saved.device.resize_with(at + 1, Buffer::default);
        }
        if saved.device[at].len() < len {
            saved.device[at] = Buffer::on(&self.handle, format, len);
        }
        saved.device[at].address()
    }
}

/// Returns the address of what the forward pass saved; 0 where it saved nothing.
pub fn kept(saved: &Saved, at: usize) -> u64 {
    saved.device.get(at).map_or(0, Buffer::address)
}

/// Returns the switch of kernels for a format.
pub fn half(format: Format) -> usize {
    (format == Format::Bf16) as usize
}

/// Returns the address so many numbers further on.
pub fn after(address: u64, format: Format, numbers: usize) -> u64 {
    address + (numbers * format.bytes()) as u64
}

/// Returns a row-major matrix.
pub fn rows(at: u64, row: usize) -> Operand {
    Operand { at, row, transposed: false, apart: 0 }
}

impl Operand {
    /// Returns the transpose.
    pub fn t(self) -> Self {
        Operand { transposed: !self.transposed, ..self }
    }

    /// Returns the matrix as the first of a batch.
    pub fn apart(self, apart: usize) -> Self {
        Operand { apart, ..self }
    }
}

/// Returns the numbers that one thread takes side by side.
pub fn side_by_side(width: usize) -> usize {
    if width.is_multiple_of(4) { 4 } else { 1 }
}

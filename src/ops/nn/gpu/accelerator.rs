//! What layers ask of an accelerator: memory, kernels of `kernels.cu`, matrix products, convolutions. Everything runs in the order it was asked for.

use crate::ops::nn::cpu::im2col::Geometry;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

/// How numbers lie in the memory of an accelerator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// 32-bit floats.
    F32,
    /// The upper halves of 32-bit floats.
    Bf16,
}

impl Format {
    /// Returns the bytes of one number.
    pub fn bytes(self) -> usize {
        match self {
            Format::F32 => 4,
            Format::Bf16 => 2,
        }
    }
}

/// How products of matrices and convolutions are computed. Sums are always taken in 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// In 32-bit floats.
    #[default]
    F32,
    /// Of 32-bit floats whose factors are rounded to 10 bits of mantissa.
    Tf32,
    /// Activations, gradients by them, and the weights that meet them are kept in 16 bits (bfloat16); weights that are trained in 32 bits.
    Bf16,
}

impl Precision {
    /// Returns the format of activations and of the gradients by them.
    pub fn format(self) -> Format {
        if self == Precision::Bf16 { Format::Bf16 } else { Format::F32 }
    }
}

/// The arguments of a kernel: addresses, whole numbers and reals, as `struct Args` of `kernels.cu` has them.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Args {
    /// Addresses of buffers; 0 where there is none.
    pub p: [u64; 8],
    /// Sizes and switches.
    pub n: [i64; 16],
    /// Reals.
    pub f: [f32; 12],
}

impl Args {
    /// Returns the arguments with zeros behind those given.
    pub fn new(p: &[u64], n: &[usize], f: &[f32]) -> Self {
        let mut out = Args::default();
        out.p.iter_mut().zip(p).for_each(|(o, x)| *o = *x);
        out.n.iter_mut().zip(n).for_each(|(o, x)| *o = *x as i64);
        out.f.iter_mut().zip(f).for_each(|(o, x)| *o = *x);
        out
    }
}

/// A matrix in the memory of an accelerator, row-major, or the transpose of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operand {
    /// Address of the first number.
    pub at: u64,
    /// Distance between rows, in numbers.
    pub row: usize,
    /// Whether the transpose is meant.
    pub transposed: bool,
    /// Distance between the matrices of a batch, in numbers.
    pub apart: usize,
}

/// `out = alpha a b`, or `out += alpha a b`, for each of a batch of matrices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Product {
    /// Rows of `out`, columns of `out`, columns of `a`.
    pub size: (usize, usize, usize),
    /// The first factor.
    pub a: Operand,
    /// The second factor.
    pub b: Operand,
    /// The result; never transposed.
    pub out: Operand,
    /// Format of the factors.
    pub factors: Format,
    /// Format of the result: that of the factors, or 32 bits.
    pub result: Format,
    /// How the products are computed.
    pub precision: Precision,
    /// What the product is multiplied by.
    pub alpha: f32,
    /// Whether to add to what is there.
    pub add: bool,
    /// Number of matrices.
    pub batch: usize,
}

/// What a convolution computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// `y` from `x` and `w`.
    Forward,
    /// `x` from `y` and `w`.
    ByInput,
    /// `w` from `x` and `y`.
    ByWeight,
}

/// A convolution, or one of its gradients; the result is overwritten.
///
/// `x` is `batch x h x w x c`, `y` is `batch x oh x ow x n`, `w` is `n x kernel x kernel x c / groups`; all in one format.
#[derive(Clone, Copy, Debug)]
pub struct Convolution {
    /// What is computed.
    pub direction: Direction,
    /// Number of images.
    pub batch: usize,
    /// The sizes.
    pub geometry: Geometry,
    /// Format of all three.
    pub format: Format,
    /// How products are computed.
    pub precision: Precision,
    /// Address of the images.
    pub x: u64,
    /// Address of the weight.
    pub w: u64,
    /// Address of the output.
    pub y: u64,
}

/// Memory of an accelerator, given back when dropped.
pub trait Allocation: Send + Sync + Debug {
    /// Returns the address of the first byte; 0 where there is none.
    fn address(&self) -> u64;
}

/// A device whose memory and processors are its own. One owner at a time uses it; calls run in order, and only [`Accelerator::download`] waits for them.
///
/// What fails is kept as the first fault ([`Accelerator::fault`]); from then on results mean nothing until it is taken.
pub trait Accelerator: Send + Sync + Debug {
    /// Returns the model of the device, for people and as a part of the device kind.
    fn model(&self) -> String;

    /// Returns the bytes of its memory.
    fn memory(&self) -> u64;

    /// Returns memory of so many bytes, all zero.
    fn allocate(&self, bytes: usize) -> Box<dyn Allocation>;

    /// Copies bytes to the device.
    fn upload(&self, to: u64, bytes: &[u8]);

    /// Waits for everything asked for so far, and copies bytes from the device.
    fn download(&self, from: u64, bytes: &mut [u8]);

    /// Copies bytes within the device.
    fn copy(&self, to: u64, from: u64, bytes: usize);

    /// Sets bytes to zero.
    fn clear(&self, at: u64, bytes: usize);

    /// Runs a kernel of `kernels.cu` for so many places: each is a thread, or (`wide`) a warp.
    fn launch(&self, kernel: &'static str, places: usize, wide: bool, args: &Args);

    /// Computes a product of matrices.
    fn product(&self, product: &Product);

    /// Computes a convolution.
    fn convolve(&self, convolution: &Convolution);

    /// Returns the place where the first fault is kept.
    fn faults(&self) -> &Faults;
}

/// The first thing that failed.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Option<String>>);

impl Faults {
    /// Keeps a fault, unless there is one already.
    pub fn keep(&self, fault: String) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.get_or_insert(fault);
    }

    /// Returns whether something failed.
    pub fn any(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Takes the fault out.
    pub fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A handle on an accelerator.
pub type Handle = Arc<dyn Accelerator>;

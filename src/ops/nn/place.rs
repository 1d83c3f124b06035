//! Where a network runs: on the host's cores or on an accelerator, and in which precision.

use super::buffer::Buffer;
use super::cpu::{self, Spec};
use super::gpu::accelerator::Precision;
use super::gpu::work::Gpu;
use super::gpu::{self};
use super::layer::Layer;
use crate::engine::{Context, Failure};
use crate::lang::Static;
use crate::lang::settings::Setting;

/// Where a network runs. Cloned places share scratch: networks on them run in turns.
#[derive(Clone, Debug, Default)]
pub enum Place {
    /// The host's cores, in 32 bits.
    #[default]
    Host,
    /// An accelerator.
    Gpu(Gpu),
}

impl Setting for Precision {
    fn read(value: &Static) -> Option<Self> {
        match value.word()? {
            "f32" => Some(Precision::F32),
            "bf16" => Some(Precision::Bf16),
            "tf32" => Some(Precision::Tf32),
            _ => None,
        }
    }
}

impl Place {
    /// Returns the place that a run's cells compute at, in 32 bits.
    ///
    /// Errors: the device is not to be had.
    pub fn of(cx: &dyn Context) -> Result<Self, Failure> {
        Place::open(cx.device(), Precision::F32)
    }

    /// Returns the place of a device: `cpu`, or `cuda:N`. Precision matters on accelerators alone.
    ///
    /// Errors: the device is not to be had.
    pub fn open(device: &str, precision: Precision) -> Result<Self, Failure> {
        if device == "cpu" {
            return Ok(Place::Host);
        }
        gpu::open(device).map(|handle| Place::Gpu(Gpu::new(handle, precision))).map_err(Failure::new)
    }

    /// Returns the same device with another precision.
    pub fn with(&self, precision: Precision) -> Self {
        match self {
            Place::Host => Place::Host,
            Place::Gpu(gpu) => Place::Gpu(gpu.with(precision)),
        }
    }

    /// Returns the layer of a specification.
    pub fn layer(&self, of: Spec) -> Box<dyn Layer> {
        match self {
            Place::Host => cpu::layer(of),
            Place::Gpu(gpu) => gpu::layer(of, gpu),
        }
    }

    /// Returns a buffer of activations or of gradients by them, all zero.
    pub fn activations(&self, len: usize) -> Buffer {
        match self {
            Place::Host => Buffer::zeros(len),
            Place::Gpu(gpu) => gpu.activations(len),
        }
    }

    /// Returns a buffer of 32-bit numbers, all zero.
    pub fn numbers(&self, len: usize) -> Buffer {
        match self {
            Place::Host => Buffer::zeros(len),
            Place::Gpu(gpu) => gpu.numbers(len),
        }
    }

    /// Checks that nothing failed on the accelerator so far.
    ///
    /// Errors: what failed first.
    pub fn check(&self) -> Result<(), Failure> {
        let fault = match self {
            Place::Host => None,
            Place::Gpu(gpu) => gpu.handle.faults().take(),
        };
        match fault {
            Some(fault) => Err(Failure::new(fault).help(
                "where memory is short, take a smaller `batch:` or let fewer cells run side by side with `--threads`; `--device cpu` needs no GPU",
            )),
            None => Ok(()),
        }
    }
}

//! NVIDIA GPUs as accelerators: memory and kernels by the driver, products by cuBLAS, convolutions by cuDNN.
//!
//! In: the number of a device and the text of `kernels.cu`. Out: a [`Handle`]; what fails is a sentence, at once or as a fault of
//! the handle.
//! Never: an algorithm whose sums depend on chance, a panic for what a machine lacks, or a touch of address 0 after a fault.
//!
//! Each accelerator has its own stream, cuBLAS and cuDNN; they cost a tenth of a second and more, so [`open`] takes a free one
//! where there is one, and a handle gives it back when dropped. The kernels are compiled once for each architecture in a process.

mod compile;
mod convolution;
mod device;
mod memory;
mod product;
#[cfg(test)]
mod tests;

use super::accelerator::{Accelerator, Allocation, Args, Convolution, Faults, Handle, Product};
use candle_core::cuda_backend::cudarc::driver::{DriverError, result, sys};
use device::Device;
use memory::Memory;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A device and the digest of the kernels that are loaded on it.
type Key = (usize, [u8; 32]);

/// The accelerators that nobody uses.
static FREE: Mutex<BTreeMap<Key, Vec<Arc<Device>>>> = Mutex::new(BTreeMap::new());

/// Returns the models of all devices, in the order of their numbers; none where the driver sees none.
///
/// # Errors
/// A sentence where the driver does not start.
pub fn devices() -> Result<Vec<String>, String> {
    match result::init() {
        Ok(()) => {}
        Err(DriverError(sys::CUresult::CUDA_ERROR_NO_DEVICE)) => return Ok(Vec::new()),
        Err(error) => {
            return Err(format!("{}; see whether `nvidia-smi` works", refused("the NVIDIA driver does not start", error)));
        }
    }
    let count = result::device::get_count().map_err(|e| refused("the GPUs cannot be counted", e))?;
    (0..count)
        .map(|number| result::device::get(number).and_then(result::device::get_name))
        .collect::<Result<_, _>>()
        .map_err(|e| refused("the GPUs cannot be listed", e))
}

/// Returns a lease on an accelerator of device `ordinal` (from 0) with the kernels of `source`, the text of `kernels.cu`; it has
/// no fault.
///
/// The text is compiled with `DEVICE` defined, and `ARGS_BYTES` as the size of [`Args`]; its kernels are `extern "C" __global__
/// void NAME(Args a)`.
///
/// # Errors
/// A sentence that says what is wrong and what to do: no driver or one that is too old, no such device, a library that is
/// missing, kernels that do not compile (with the compiler's messages).
pub fn open(ordinal: usize, source: &str) -> Result<Handle, String> {
    let key = (ordinal, *blake3::hash(source.as_bytes()).as_bytes());
    let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&key).and_then(Vec::pop);
    let device = match free {
        Some(device) => device,
        None => {
            let models = devices()?;
            if models.is_empty() {
                return Err("there is no NVIDIA GPU; where there should be one, see whether `nvidia-smi` lists it, and whether CUDA_VISIBLE_DEVICES hides it".into());
            }
            let Some(model) = models.get(ordinal) else {
                return Err(format!(
                    "there is no GPU {ordinal}; GPUs are numbered from 0, and there are {}: {}",
                    models.len(),
                    models.join(", ")
                ));
            };
            Arc::new(Device::create(ordinal, model, source)?)
        }
    };
    Ok(Arc::new(Lease { key, device, faults: Faults::default() }))
}

/// Returns a sentence for what the driver refused.
fn refused(what: &str, error: DriverError) -> String {
    match error.error_string() {
        Ok(text) => format!("{what}: {:?} ({})", error.0, text.to_string_lossy()),
        Err(_) => format!("{what}: {:?}", error.0),
    }
}

/// The use of an accelerator until dropped.
struct Lease {
    key: Key,
    device: Arc<Device>,
    faults: Faults,
}

impl Lease {
    /// Does something on the device unless a fault is held, and keeps the fault if it fails.
    fn attempt<T>(&self, work: impl FnOnce(&Device) -> Result<T, String>) -> Option<T> {
        if self.faults.any() {
            return None;
        }
        match self.device.bind().and_then(|()| work(&self.device)) {
            Ok(done) => Some(done),
            Err(fault) => {
                self.faults.keep(fault);
                None
            }
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("device", &self.key.0)
            .field("model", &self.device.model())
            .field("faults", &self.faults)
            .finish()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A device whose stream has failed would fail the next who leases it: it is dropped.
        if self.device.settle().is_ok() {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).entry(self.key).or_default().push(self.device.clone());
        }
    }
}

impl Accelerator for Lease {
    fn model(&self) -> String {
        self.device.model().to_owned()
    }

    fn memory(&self) -> u64 {
        self.attempt(Device::memory).unwrap_or(0)
    }

    fn allocate(&self, bytes: usize) -> Box<dyn Allocation> {
        Box::new(self.attempt(|device| device.allocate(bytes)).unwrap_or_else(|| Memory::none(self.device.stream())))
    }

    fn upload(&self, to: u64, bytes: &[u8]) {
        self.attempt(|device| device.upload(to, bytes));
    }

    fn download(&self, from: u64, bytes: &mut [u8]) {
        self.attempt(|device| device.download(from, bytes));
    }

    fn copy(&self, to: u64, from: u64, bytes: usize) {
        self.attempt(|device| device.copy(to, from, bytes));
    }

    fn clear(&self, at: u64, bytes: usize) {
        self.attempt(|device| device.clear(at, bytes));
    }

    fn launch(&self, kernel: &'static str, places: usize, wide: bool, args: &Args) {
        self.attempt(|device| device.launch(kernel, places, wide, args));
    }

    fn product(&self, product: &Product) {
        self.attempt(|device| device.product(product));
    }

    fn convolve(&self, convolution: &Convolution) {
        self.attempt(|device| device.convolve(convolution));
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }
}

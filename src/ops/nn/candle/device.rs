//! candle's devices by name, and what is known of them.

#[cfg(feature = "cuda")]
use super::comparison::settle;
use candle_core::Device;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Version of candle, a part of the device kind.
const VERSION: &str = "candle-0.11.1";

/// An open device.
#[derive(Clone, Debug)]
pub struct Found {
    /// The device.
    pub device: Device,
    /// What it calls itself, with candle's version: results of one are never taken for another's.
    pub model: String,
    /// What is worth a word: why the library of the device is left aside.
    pub note: Option<String>,
    /// Bytes of memory of its own; `None` if it shares the host's or does not tell.
    pub memory: Option<u64>,
}

/// Devices that are open: each is opened once in a process, since opening costs a tenth of a second and more.
static OPEN: Mutex<BTreeMap<String, Found>> = Mutex::new(BTreeMap::new());

/// Returns the device of a name: `candle` (candle's CPU device), `cuda`, `cuda:N`, `metal` or `metal:N`.
///
/// Errors: what is wrong and what to do, in a sentence: no such device, no driver, a build without it.
pub fn open(name: &str) -> Result<Found, String> {
    let (kind, number) = name.split_once(':').unwrap_or((name, "0"));
    let unknown = || format!("there is no device `{name}`: write `cpu`, `candle`, `cuda:0`, `metal` or `auto`");
    let number: usize = number.parse().map_err(|_| unknown())?;
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let key = format!("{kind}:{number}");
    if let Some(found) = open.get(&key) {
        return Ok(found.clone());
    }
    let found = match kind {
        "candle" if name == "candle" => {
            Found { device: Device::Cpu, model: format!("{VERSION} on the CPU"), note: None, memory: None }
        }
        "cuda" => cuda(number)?,
        "metal" => metal(number)?,
        _ => return Err(unknown()),
    };
    open.insert(key, found.clone());
    Ok(found)
}

/// Returns the name of the GPU that `auto` means in this build; `None` if it knows none.
pub fn automatic() -> Option<&'static str> {
    match (cfg!(feature = "cuda"), cfg!(feature = "metal")) {
        (true, _) => Some("cuda:0"),
        (false, true) => Some("metal"),
        (false, false) => None,
    }
}

/// What to do where a device has no arithmetic in 16 bits.
pub const NO_SHORT: &str =
    "write `precision: f32`; bfloat16 takes an NVIDIA GPU of compute capability 8.0 (Ampere, of 2020) or later";

/// Returns whether a device computes in bfloat16.
pub fn short(device: &Device) -> bool {
    match device {
        Device::Cpu => true,
        #[cfg(feature = "cuda")]
        Device::Cuda(cuda) => {
            use candle_core::cuda_backend::cudarc::driver::sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR;
            cuda.cuda_stream().context().attribute(MAJOR).is_ok_and(|major| major >= 8)
        }
        _ => true,
    }
}

#[cfg(feature = "cuda")]
fn cuda(number: usize) -> Result<Found, String> {
    use candle_core::cuda_backend::cudarc::driver::{DriverError, result, sys};
    let refused = |what: &str, error: DriverError| match error.error_string() {
        Ok(text) => format!("{what}: {:?} ({})", error.0, text.to_string_lossy()),
        Err(_) => format!("{what}: {:?}", error.0),
    };
    let count = match result::init() {
        Ok(()) => result::device::get_count().map_err(|e| refused("the GPUs cannot be counted", e))?,
        Err(DriverError(sys::CUresult::CUDA_ERROR_NO_DEVICE)) => 0,
        Err(error) => {
            return Err(format!("{}; see whether `nvidia-smi` works", refused("the NVIDIA driver does not start", error)));
        }
    };
    if count == 0 {
        return Err("there is no NVIDIA GPU; if there should be one, see whether `nvidia-smi` lists it, and whether \
            CUDA_VISIBLE_DEVICES hides it"
            .into());
    }
    if number >= count as usize {
        return Err(format!("there is no GPU {number}; GPUs are numbered from 0, and there are {count}"));
    }
    let model = result::device::get(number as i32)
        .and_then(result::device::get_name)
        .map_err(|e| refused("the GPU cannot be asked", e))?;
    let device = Device::new_cuda(number).map_err(|e| format!("candle cannot open GPU {number}: {e}"))?;
    // Asked once the device is open: its context is the current one.
    let memory = result::mem_get_info().map_err(|e| refused("the GPU's memory cannot be asked for", e))?.1;
    let (with, note) = match settle(&device, short(&device)) {
        Ok(Some(library)) => (format!(" with {library}"), None),
        Ok(None) => (String::new(), None),
        Err(why) => (String::new(), Some(why)),
    };
    Ok(Found { device, model: format!("{VERSION} on {model}{with}"), note, memory: Some(memory as u64) })
}

#[cfg(not(feature = "cuda"))]
fn cuda(_number: usize) -> Result<Found, String> {
    Err("this build of cfx does not support NVIDIA GPUs: build it with `--features cuda` (README, \"On a GPU\")".to_string())
}

#[cfg(feature = "metal")]
fn metal(number: usize) -> Result<Found, String> {
    let device = Device::new_metal(number).map_err(|e| format!("candle cannot open Apple's GPU {number}: {e}"))?;
    Ok(Found { device, model: format!("{VERSION} on Apple's GPU {number}"), note: None, memory: None })
}

#[cfg(not(feature = "metal"))]
fn metal(_number: usize) -> Result<Found, String> {
    Err("this build of cfx does not support Apple's GPUs: build it with `--features metal` (README, \"On a GPU\")".to_string())
}

//! One accelerator: a stream of a GPU, the loaded kernels, and the libraries that work on that stream.

use super::compile::{self, Image};
use super::convolution::Convolver;
use super::memory::{self, Memory};
use super::product::{Blas, Gemm};
use super::refused;
use crate::ops::nn::gpu::accelerator::{Args, Convolution, Product};
use candle_core::cuda_backend::cudarc::driver::{CudaContext, CudaStream, DriverError, result, sys};
use std::collections::BTreeMap;
use std::ffi::{CString, c_int, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Threads of a block.
const BLOCK: usize = 256;
/// Threads of a warp.
const WARP: usize = 32;

/// An accelerator. Its methods need [`Device::bind`] on the thread that calls them.
pub(super) struct Device {
    /// What works on the stream, one call at a time. First, so that it is dropped before the stream.
    parts: Mutex<Parts>,
    stream: Arc<CudaStream>,
    model: String,
}

/// What works on the stream of a device.
struct Parts {
    kernels: Kernels,
    blas: Blas,
    convolver: Convolver,
}

impl Device {
    /// Returns a new accelerator of device `ordinal`, whose name is `name`, with the kernels of `source`.
    pub fn create(ordinal: usize, name: &str, source: &str) -> Result<Device, String> {
        let cuda = compile::version()?;
        supports(cuda)?;
        // Not candle's device: it would wait for all other streams of the GPU here, and make a generator of random numbers that
        // is never used.
        let context = CudaContext::new(ordinal).map_err(|e| refused(&format!("GPU {ordinal} ({name}) cannot be opened"), e))?;
        // SAFETY: each piece of memory is used on the stream that it was taken on alone.
        unsafe { context.disable_event_tracking() };
        let fails = |what: &str, e: DriverError| refused(&format!("GPU {ordinal} ({name}) {what}"), e);
        let stream = context.new_stream().map_err(|e| fails("has no stream to give", e))?;
        let capability = context.compute_capability().map_err(|e| fails("does not say its compute capability", e))?;
        memory::keep(&context).map_err(|e| fails("has no memory pool", e))?;
        let kernels = Kernels::load(&stream, &*compile::image(capability, source)?)?;
        let blas = Blas::open(&stream, capability)?;
        let convolver = Convolver::new(&stream);
        let model = format!("{name} cuda-{}.{} cublas-{} cudnn-{}", cuda.0, cuda.1, blas.version(), Convolver::version());
        Ok(Device { parts: Mutex::new(Parts { kernels, blas, convolver }), stream, model })
    }

    /// Returns the model of the GPU and the versions of the libraries, all of which decide bits.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Returns the stream that everything runs on.
    pub fn stream(&self) -> &Arc<CudaStream> {
        &self.stream
    }

    /// Makes the GPU current on this thread.
    pub fn bind(&self) -> Result<(), String> {
        memory::bind(self.stream.context()).map_err(|e| refused("the GPU is lost", e))
    }

    /// Waits for everything, and gives memory back that only calls need.
    ///
    /// # Errors
    /// A sentence where the device cannot be used again.
    pub fn settle(&self) -> Result<(), String> {
        self.bind()?;
        self.parts().convolver.release();
        self.wait()
    }

    /// Returns the bytes of the GPU's memory.
    pub fn memory(&self) -> Result<u64, String> {
        self.stream.context().total_mem().map(|b| b as u64).map_err(|e| refused("the GPU does not say how much memory it has", e))
    }

    /// Returns memory of so many bytes, all zero.
    pub fn allocate(&self, bytes: usize) -> Result<Memory, String> {
        use crate::ops::nn::gpu::accelerator::Allocation;
        let memory = Memory::take(&self.stream, bytes)?;
        self.clear(memory.address(), bytes)?;
        Ok(memory)
    }

    /// Copies bytes to the device.
    pub fn upload(&self, to: u64, bytes: &[u8]) -> Result<(), String> {
        if bytes.is_empty() {
            return Ok(());
        }
        // SAFETY: the address is that of an allocation on this stream with room for the bytes, which callers of the accelerator
        // vouch for. The bytes are in pageable memory, which the driver has read when the call returns (API synchronization
        // behavior, Memcpy, asynchronous).
        unsafe { result::memcpy_htod_async(to, bytes, self.stream.cu_stream()) }
            .map_err(|e| refused("a copy to the GPU failed", e))
    }

    /// Waits for everything, and copies bytes from the device.
    pub fn download(&self, from: u64, bytes: &mut [u8]) -> Result<(), String> {
        if !bytes.is_empty() {
            // SAFETY: the address is that of an allocation on this stream with so many bytes, and the bytes are borrowed until
            // `wait` returns.
            unsafe { result::memcpy_dtoh_async(bytes, from, self.stream.cu_stream()) }
                .map_err(|e| refused("a copy from the GPU failed", e))?;
        }
        self.wait()
    }

    /// Copies bytes within the device.
    pub fn copy(&self, to: u64, from: u64, bytes: usize) -> Result<(), String> {
        if bytes == 0 {
            return Ok(());
        }
        // SAFETY: both addresses are those of allocations on this stream with so many bytes.
        unsafe { result::memcpy_dtod_async(to, from, bytes, self.stream.cu_stream()) }
            .map_err(|e| refused("a copy within the GPU failed", e))
    }

    /// Sets bytes to zero.
    pub fn clear(&self, at: u64, bytes: usize) -> Result<(), String> {
        if bytes == 0 {
            return Ok(());
        }
        // SAFETY: the address is that of an allocation on this stream with so many bytes; zero bytes are valid numbers of both
        // formats.
        unsafe { result::memset_d8_async(at, 0, bytes, self.stream.cu_stream()) }
            .map_err(|e| refused("the GPU's memory cannot be set to zero", e))
    }

    /// Starts a kernel for so many places, each a thread or (`wide`) a warp.
    pub fn launch(&self, kernel: &'static str, places: usize, wide: bool, args: &Args) -> Result<(), String> {
        if places == 0 {
            return Ok(());
        }
        let Some(blocks) = blocks(places, wide) else {
            return Err(format!("the kernel `{kernel}` was asked for {places} places, more than a GPU has threads for"));
        };
        let function = self.parts().kernels.function(kernel)?;
        let mut arguments = [std::ptr::from_ref(args).cast_mut().cast::<c_void>()];
        // SAFETY: the function is that of a loaded module whose only parameter is `Args` (`ARGS_BYTES`), of which the driver
        // takes a copy before it returns; the addresses in it are those of allocations on this stream.
        unsafe {
            result::launch_kernel(function, (blocks, 1, 1), (BLOCK as u32, 1, 1), 0, self.stream.cu_stream(), &mut arguments)
        }
        .map_err(|e| refused(&format!("the kernel `{kernel}` cannot be started"), e))
    }

    /// Computes a product of matrices.
    pub fn product(&self, product: &Product) -> Result<(), String> {
        match Gemm::of(product)? {
            Some(gemm) => self.parts().blas.run(&gemm),
            None => Ok(()),
        }
    }

    /// Computes a convolution.
    pub fn convolve(&self, convolution: &Convolution) -> Result<(), String> {
        use super::convolution::{Way, way};
        match way(convolution) {
            Way::Nothing => Ok(()),
            Way::Clear { at, bytes } => self.clear(at, bytes),
            Way::Product(product) => self.product(&product),
            Way::Library => self.parts().convolver.run(convolution),
        }
    }

    /// Waits for everything that was asked for.
    fn wait(&self) -> Result<(), String> {
        // SAFETY: the stream is alive.
        unsafe { result::stream::synchronize(self.stream.cu_stream()) }
            .map_err(|e| refused("something that the GPU was asked for failed (with CUDA_LAUNCH_BLOCKING=1 it is named)", e))
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // Nothing may run when the parts are taken apart; where the device is lost, nothing does.
        let _ = self.bind().and_then(|()| self.wait());
    }
}

/// Returns the blocks of a launch; none where a grid is not large enough.
pub(super) fn blocks(places: usize, wide: bool) -> Option<u32> {
    let threads = if wide { places.checked_mul(WARP)? } else { places };
    u32::try_from(threads.div_ceil(BLOCK)).ok().filter(|blocks| *blocks <= i32::MAX as u32)
}

/// Refuses a driver that is older than the CUDA libraries.
fn supports((major, minor): (c_int, c_int)) -> Result<(), String> {
    let mut driver = 0;
    // SAFETY: the driver writes one number.
    unsafe { sys::cuDriverGetVersion(&mut driver) }
        .result()
        .map_err(|e| refused("the NVIDIA driver does not say its version", e))?;
    if driver / 1000 < major {
        return Err(format!(
            "the NVIDIA driver supports CUDA {}.{}, and the CUDA libraries are {major}.{minor}; a newer driver is needed, or a cfx built with CUDA {}",
            driver / 1000,
            driver % 1000 / 10,
            driver / 1000
        ));
    }
    Ok(())
}

/// The kernels of a text, loaded.
struct Kernels {
    module: sys::CUmodule,
    functions: BTreeMap<&'static str, sys::CUfunction>,
    stream: Arc<CudaStream>,
}

// SAFETY: the driver's handles belong to the context, not to a thread.
unsafe impl Send for Kernels {}

impl Kernels {
    /// Loads an image; the context of the stream must be current.
    fn load(stream: &Arc<CudaStream>, image: &Image) -> Result<Kernels, String> {
        // SAFETY: the image is what NVRTC handed out, whole.
        let module = unsafe { result::module::load_data(image.as_ptr().cast()) }
            .map_err(|e| refused("the kernels cannot be loaded", e))?;
        Ok(Kernels { module, functions: BTreeMap::new(), stream: stream.clone() })
    }

    /// Returns a kernel by its name.
    fn function(&mut self, name: &'static str) -> Result<sys::CUfunction, String> {
        if let Some(function) = self.functions.get(name) {
            return Ok(*function);
        }
        let text = CString::new(name).map_err(|_| format!("{name:?} is no name of a kernel"))?;
        // SAFETY: the module is loaded.
        let found = unsafe { result::module::get_function(self.module, text) };
        let function = found.map_err(|e| refused(&format!("there is no kernel `{name}` in kernels.cu"), e))?;
        self.functions.insert(name, function);
        Ok(function)
    }
}

impl Drop for Kernels {
    fn drop(&mut self) {
        if memory::bind(self.stream.context()).is_ok() {
            // SAFETY: loaded by `load`, unloaded here alone; the device has waited for its kernels. Where it fails the context is
            // lost, and the module with it.
            let _ = unsafe { result::module::unload(self.module) };
        }
    }
}

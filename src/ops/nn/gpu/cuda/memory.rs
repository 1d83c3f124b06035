//! Memory of a GPU, taken and given back in the order of its stream.

use super::refused;
use crate::ops::nn::gpu::accelerator::Allocation;
use candle_core::cuda_backend::cudarc::driver::{CudaContext, CudaStream, DriverError, result, sys};
use std::sync::Arc;

/// Bytes on a device; address 0 where there are none.
#[derive(Debug)]
pub(super) struct Memory {
    address: u64,
    bytes: usize,
    stream: Arc<CudaStream>,
}

impl Memory {
    /// Returns no memory.
    pub fn none(stream: &Arc<CudaStream>) -> Memory {
        Memory { address: 0, bytes: 0, stream: stream.clone() }
    }

    /// Returns so many bytes with anything in them. The context of the stream must be current.
    ///
    /// # Errors
    /// A sentence with the bytes that were asked for and those that are free.
    pub fn take(stream: &Arc<CudaStream>, bytes: usize) -> Result<Memory, String> {
        if bytes == 0 {
            return Ok(Memory::none(stream));
        }
        let address = match allocate(stream, bytes) {
            Err(DriverError(sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY)) => {
                // What other streams gave back is free when they have come to that point, and what the pool keeps for later when
                // it lets go of it.
                let retried =
                    result::ctx::synchronize().and_then(|()| trim(stream.context())).and_then(|()| allocate(stream, bytes));
                retried.map_err(|e| lacking(bytes, e))?
            }
            other => other.map_err(|e| refused(&format!("the GPU does not give {bytes} bytes of memory"), e))?,
        };
        Ok(Memory { address, bytes, stream: stream.clone() })
    }

    /// Returns the number of bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Allocation for Memory {
    fn address(&self) -> u64 {
        self.address
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.address == 0 || bind(self.stream.context()).is_err() {
            return;
        }
        // SAFETY: `allocate` returned the address, nothing else frees it, and all its uses were asked for on this stream, which
        // is still alive. That a free fails means that the context is lost, which the next call says.
        unsafe {
            if self.stream.context().has_async_alloc() {
                let _ = result::free_async(self.address, self.stream.cu_stream());
            } else {
                let _ = result::stream::synchronize(self.stream.cu_stream());
                let _ = result::free_sync(self.address);
            }
        }
    }
}

/// Makes the context current on this thread.
///
/// cudarc's `bind_to_thread` would not: where an earlier drop failed it returns that failure instead.
pub(super) fn bind(context: &CudaContext) -> Result<(), DriverError> {
    // SAFETY: the context is alive as long as the reference to it.
    unsafe { result::ctx::set_current(context.cu_ctx()) }
}

/// Lets the device's memory pool keep what is given back; by default each wait for a stream would hand it to the system and each
/// step take it anew.
pub(super) fn keep(context: &CudaContext) -> Result<(), DriverError> {
    if !context.has_async_alloc() {
        return Ok(());
    }
    let mut threshold = u64::MAX;
    // SAFETY: the device is that of a living context, the pool is the device's own, and this attribute is a 64-bit number.
    unsafe {
        let pool = result::device::get_default_mem_pool(context.cu_device())?;
        let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        result::mem_pool::set_attribute(pool, attribute, (&raw mut threshold).cast())
    }
}

/// Hands what the device's memory pool keeps for later to the system.
fn trim(context: &CudaContext) -> Result<(), DriverError> {
    if !context.has_async_alloc() {
        return Ok(());
    }
    // SAFETY: the device is that of a living context, and the pool is the device's own.
    unsafe { result::mem_pool::trim_to(result::device::get_default_mem_pool(context.cu_device())?, 0) }
}

/// Returns the address of so many new bytes.
fn allocate(stream: &CudaStream, bytes: usize) -> Result<u64, DriverError> {
    // SAFETY: the stream is alive; what is in the memory is any byte, and it is used on this stream alone.
    unsafe {
        if stream.context().has_async_alloc() {
            result::malloc_async(stream.cu_stream(), bytes)
        } else {
            result::malloc_sync(bytes)
        }
    }
}

/// Returns the sentence for memory that is not there.
fn lacking(bytes: usize, error: DriverError) -> String {
    if error.0 != sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY {
        return refused(&format!("the GPU does not give {bytes} bytes of memory"), error);
    }
    match result::mem_get_info() {
        Ok((free, total)) => format!(
            "the GPU has not enough memory: {} more were asked for, {} of {} are free",
            size(bytes),
            size(free),
            size(total)
        ),
        Err(_) => format!("the GPU has not enough memory: {} more were asked for", size(bytes)),
    }
}

/// Returns a number of bytes for people.
pub(super) fn size(bytes: usize) -> String {
    const MIB: usize = 1 << 20;
    match bytes {
        0..MIB => format!("{bytes} bytes"),
        _ if bytes < 1024 * MIB => format!("{:.1} MiB", bytes as f64 / MIB as f64),
        _ => format!("{:.1} GiB", bytes as f64 / (1024 * MIB) as f64),
    }
}

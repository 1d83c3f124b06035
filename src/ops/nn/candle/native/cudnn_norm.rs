//! Batch normalisation of a batch in training and its gradients by cuDNN, channels last, in 32 bits. Of cuDNN's two ways of doing so the one is taken
//! that has no limit to its intermediate results (`CUDNN_BATCHNORM_SPATIAL`); its guide does not list it among those whose bits vary.

use super::super::layer::Normalised;
use crate::ops::nn::spec::BatchNorm;
use candle_core::cuda_backend::cudarc::cudnn::{CudnnError, result, sys};
use candle_core::cuda_backend::cudarc::driver::{CudaStream, DevicePtr, DevicePtrMut};
use candle_core::cuda_backend::{CudaDevice, DeviceId};
use candle_core::{CpuStorage, CudaStorage, CustomOp3, Layout, Result, Shape, Tensor};
use std::cell::RefCell;
use std::ffi::c_void;
use std::rc::Rc;
use std::sync::Arc;

const MODE: sys::cudnnBatchNormMode_t = sys::cudnnBatchNormMode_t::CUDNN_BATCHNORM_SPATIAL;

/// Returns what cuDNN makes of a batch of `rows x features`.
///
/// Errors: what the device says.
pub fn forward(of: &BatchNorm, batch: usize, x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Normalised> {
    let sizes = Sizes { batch, positions: of.positions, features: of.features };
    let all = x.contiguous()?.apply_op3_no_bwd(&scale.contiguous()?, &shift.contiguous()?, &Forward { sizes, eps: of.eps })?;
    let [y, mean, inverse] = sizes.parts(&all)?;
    // cuDNN tells the inverse deviation alone.
    let var = (inverse.sqr()?.recip()? - of.eps)?.relu()?;
    Ok(Normalised { y, mean, var, inverse })
}

/// Returns the gradients by the batch, the scale and the shift.
///
/// Errors: what the device says.
pub fn backward(
    of: &BatchNorm,
    batch: usize,
    (x, d): (&Tensor, &Tensor),
    scale: &Tensor,
    (mean, inverse): (&Tensor, &Tensor),
) -> Result<[Tensor; 3]> {
    let sizes = Sizes { batch, positions: of.positions, features: of.features };
    let vectors = Tensor::cat(&[scale, mean, inverse], 0)?;
    let all = x.contiguous()?.apply_op3_no_bwd(&d.contiguous()?, &vectors, &Backward { sizes, eps: of.eps })?;
    sizes.parts(&all)
}

/// The sizes of a batch.
#[derive(Clone, Copy)]
struct Sizes {
    batch: usize,
    positions: usize,
    features: usize,
}

impl Sizes {
    fn numbers(&self) -> usize {
        self.batch * self.positions * self.features
    }

    /// Returns `rows x features` and two vectors, from all three end to end.
    fn parts(&self, all: &Tensor) -> Result<[Tensor; 3]> {
        let (n, c) = (self.numbers(), self.features);
        Ok([
            all.narrow(0, 0, n)?.reshape((self.batch * self.positions, c))?,
            all.narrow(0, n, c)?.contiguous()?,
            all.narrow(0, n + c, c)?.contiguous()?,
        ])
    }
}

/// cuDNN on one device for one thread: it is not to be shared among threads.
struct Handle {
    handle: sys::cudnnHandle_t,
    /// Keeps the stream for as long as the handle uses it.
    _stream: Arc<CudaStream>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle was made by `create_handle` and is not used again. That it cannot be given back is no reason to end the process.
        let _ = unsafe { result::destroy_handle(self.handle) };
    }
}

thread_local! {
    static HANDLES: RefCell<Vec<(DeviceId, Rc<Handle>)>> = RefCell::default();
}

impl Handle {
    fn of(device: &CudaDevice) -> Result<Rc<Handle>> {
        HANDLES.with(|handles| {
            if let Some((_, handle)) = handles.borrow().iter().find(|(id, _)| *id == device.id()) {
                return Ok(handle.clone());
            }
            let stream = device.cuda_stream();
            stream.context().bind_to_thread().map_err(candle_core::Error::wrap)?;
            let handle = Handle { handle: result::create_handle()?, _stream: stream.clone() };
            // SAFETY: both were made just now and are kept together.
            unsafe { result::set_stream(handle.handle, stream.cu_stream() as *mut _) }?;
            let handle = Rc::new(handle);
            handles.borrow_mut().push((device.id(), handle.clone()));
            Ok(handle)
        })
    }
}

/// The sizes of a batch and of its vectors, in cuDNN's words.
struct Described {
    batch: sys::cudnnTensorDescriptor_t,
    vector: sys::cudnnTensorDescriptor_t,
}

impl Described {
    fn new(sizes: &Sizes) -> std::result::Result<Self, CudnnError> {
        let described = Described { batch: result::create_tensor_descriptor()?, vector: result::create_tensor_descriptor()? };
        let ints = [sizes.batch, sizes.features, sizes.positions, 1].map(|x| x as i32);
        let (format, kind) = (sys::cudnnTensorFormat_t::CUDNN_TENSOR_NHWC, sys::cudnnDataType_t::CUDNN_DATA_FLOAT);
        // SAFETY: both descriptors were made just now.
        unsafe {
            result::set_tensor4d_descriptor(described.batch, format, kind, ints)?;
            sys::cudnnDeriveBNTensorDescriptor(described.vector, described.batch, MODE).result()?;
        }
        Ok(described)
    }
}

impl Drop for Described {
    fn drop(&mut self) {
        for descriptor in [self.batch, self.vector] {
            // SAFETY: made by `create_tensor_descriptor`, and not used again.
            let _ = unsafe { result::destroy_tensor_descriptor(descriptor) };
        }
    }
}

/// Returns the numbers that a contiguous tensor covers.
fn whole(layout: &Layout) -> Result<std::ops::Range<usize>> {
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(from..to),
        None => candle_core::bail!("a batch normalisation by cuDNN takes contiguous tensors"),
    }
}

/// A tensor's place on the device.
type Given<'a> = (&'a CudaStorage, &'a Layout);

/// Allocates room for `rows x features` and two vectors, end to end, and has `call` fill it: it is given cuDNN, the descriptors, the places of the three
/// inputs and of what it writes.
fn filled(
    sizes: &Sizes,
    [a, b, c]: [Given; 3],
    call: impl FnOnce(sys::cudnnHandle_t, &Described, [*const f32; 3], [*mut f32; 3]) -> std::result::Result<(), CudnnError>,
) -> Result<(CudaStorage, Shape)> {
    let device = a.0.device.clone();
    let (handle, described) = (Handle::of(&device)?, Described::new(sizes)?);
    let stream = device.cuda_stream();
    let (a, b, c) = (
        a.0.as_cuda_slice::<f32>()?.slice(whole(a.1)?),
        b.0.as_cuda_slice::<f32>()?.slice(whole(b.1)?),
        c.0.as_cuda_slice::<f32>()?.slice(whole(c.1)?),
    );
    let len = sizes.numbers() + 2 * sizes.features;
    // SAFETY: `call` writes all of it, since results are not blended with what was there (the second factor is 0).
    let mut out = unsafe { device.alloc::<f32>(len)? };
    {
        let (a, _a) = a.device_ptr(&stream);
        let (b, _b) = b.device_ptr(&stream);
        let (c, _c) = c.device_ptr(&stream);
        let (y, _y) = out.device_ptr_mut(&stream);
        let y = y as *mut f32;
        // Within what was allocated just above.
        let first = y.wrapping_add(sizes.numbers());
        let places = [y, first, first.wrapping_add(sizes.features)];
        call(handle.handle, &described, [a, b, c].map(|p| p as *const f32), places)?;
    }
    Ok((CudaStorage::wrap_cuda_slice(out, device), len.into()))
}

const ONE: f32 = 1.0;
const ZERO: f32 = 0.0;

fn at(x: &f32) -> *const c_void {
    std::ptr::from_ref(x).cast()
}

/// Batch, scale, shift to result, means, inverse deviations.
struct Forward {
    sizes: Sizes,
    eps: f64,
}

impl CustomOp3 for Forward {
    fn name(&self) -> &'static str {
        "batch normalisation by cuDNN"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        candle_core::bail!("cuDNN runs on NVIDIA's GPUs")
    }

    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        lx: &Layout,
        scale: &CudaStorage,
        ls: &Layout,
        shift: &CudaStorage,
        lb: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        filled(&self.sizes, [(x, lx), (scale, ls), (shift, lb)], |handle, d, [x, scale, shift], [y, mean, inverse]| {
            // SAFETY: all buffers have the sizes, type and layout of the descriptors; running statistics are none of cuDNN's.
            unsafe {
                sys::cudnnBatchNormalizationForwardTraining(
                    handle,
                    MODE,
                    at(&ONE),
                    at(&ZERO),
                    d.batch,
                    x.cast(),
                    d.batch,
                    y.cast(),
                    d.vector,
                    scale.cast(),
                    shift.cast(),
                    1.0,
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                    self.eps,
                    mean.cast(),
                    inverse.cast(),
                )
                .result()
            }
        })
    }
}

/// Batch, gradient by the result, scale with means and inverse deviations to the gradients by batch, scale and shift.
struct Backward {
    sizes: Sizes,
    eps: f64,
}

impl CustomOp3 for Backward {
    fn name(&self) -> &'static str {
        "gradients of a batch normalisation by cuDNN"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        candle_core::bail!("cuDNN runs on NVIDIA's GPUs")
    }

    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        lx: &Layout,
        dy: &CudaStorage,
        ld: &Layout,
        vectors: &CudaStorage,
        lv: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let c = self.sizes.features;
        filled(&self.sizes, [(x, lx), (dy, ld), (vectors, lv)], |handle, d, [x, dy, scale], [dx, by_scale, by_shift]| {
            // SAFETY: all buffers have the sizes, type and layout of the descriptors; the three vectors lie end to end.
            unsafe {
                sys::cudnnBatchNormalizationBackward(
                    handle,
                    MODE,
                    at(&ONE),
                    at(&ZERO),
                    at(&ONE),
                    at(&ZERO),
                    d.batch,
                    x.cast(),
                    d.batch,
                    dy.cast(),
                    d.batch,
                    dx.cast(),
                    d.vector,
                    scale.cast(),
                    by_scale.cast(),
                    by_shift.cast(),
                    self.eps,
                    scale.wrapping_add(c).cast(),
                    scale.wrapping_add(2 * c).cast(),
                )
                .result()
            }
        })
    }
}

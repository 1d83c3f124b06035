//! Batch normalisation of a batch in training and its gradients by cuDNN, channels last, in 32 bits. Of cuDNN's two ways of doing so the one is taken
//! that has no limit to its intermediate results (`CUDNN_BATCHNORM_SPATIAL`); its guide does not list it among those whose bits vary.

use super::super::layer::Normalised;
use super::cudnn::{Handle, whole};
use crate::ops::nn::spec::BatchNorm;
use candle_core::cuda_backend::cudarc::cudnn::{CudnnError, result, sys};
use candle_core::cuda_backend::cudarc::driver::{DevicePtr, DevicePtrMut};
use candle_core::{CpuStorage, CudaStorage, CustomOp3, Layout, Result, Shape, Tensor};
use std::ffi::c_void;

const MODE: sys::cudnnBatchNormMode_t = sys::cudnnBatchNormMode_t::CUDNN_BATCHNORM_SPATIAL;

/// Returns what cuDNN makes of a batch of `rows x features`.
///
/// Errors: what the device says.
pub fn forward(of: &BatchNorm, batch: usize, x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Normalised> {
    let sizes = Sizes { batch, positions: of.positions, features: of.features };
    let operation = Operation {
        name: "batch normalisation by cuDNN",
        sizes,
        call: |handle, d: &Described, [x, scale, shift]: [*const f32; 3], [y, mean, inverse]: [*mut f32; 3]| {
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
                    of.eps,
                    mean.cast(),
                    inverse.cast(),
                )
                .result()
            }
        },
    };
    let all = x.contiguous()?.apply_op3_no_bwd(&scale.contiguous()?, &shift.contiguous()?, &operation)?;
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
    let operation = Operation {
        name: "gradients of a batch normalisation by cuDNN",
        sizes,
        call: |handle, d: &Described, [x, dy, scale]: [*const f32; 3], [dx, by_scale, by_shift]: [*mut f32; 3]| {
            // SAFETY: all buffers have the sizes, type and layout of the descriptors; scale, means and inverse deviations lie end to end.
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
                    of.eps,
                    scale.wrapping_add(of.features).cast(),
                    scale.wrapping_add(2 * of.features).cast(),
                )
                .result()
            }
        },
    };
    let vectors = Tensor::cat(&[scale, mean, inverse], 0)?;
    sizes.parts(&x.contiguous()?.apply_op3_no_bwd(&d.contiguous()?, &vectors, &operation)?)
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

const ONE: f32 = 1.0;
const ZERO: f32 = 0.0;

fn at(x: &f32) -> *const c_void {
    std::ptr::from_ref(x).cast()
}

/// A call of cuDNN as an operation of candle's: from three tensors to `rows x features` and two vectors, end to end. `call` is given cuDNN, the descriptors,
/// the places of the three, and the places that it writes.
struct Operation<F> {
    name: &'static str,
    sizes: Sizes,
    call: F,
}

impl<F> CustomOp3 for Operation<F>
where
    F: Fn(sys::cudnnHandle_t, &Described, [*const f32; 3], [*mut f32; 3]) -> std::result::Result<(), CudnnError>,
{
    fn name(&self) -> &'static str {
        self.name
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
        a: &CudaStorage,
        la: &Layout,
        b: &CudaStorage,
        lb: &Layout,
        c: &CudaStorage,
        lc: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let device = a.device.clone();
        let (handle, described) = (Handle::of(&device)?, Described::new(&self.sizes)?);
        let stream = device.cuda_stream();
        let (a, b, c) = (
            a.as_cuda_slice::<f32>()?.slice(whole(la)?),
            b.as_cuda_slice::<f32>()?.slice(whole(lb)?),
            c.as_cuda_slice::<f32>()?.slice(whole(lc)?),
        );
        let len = self.sizes.numbers() + 2 * self.sizes.features;
        // SAFETY: `call` writes all of it, since results are not blended with what was there (the second factor is 0).
        let mut out = unsafe { device.alloc::<f32>(len)? };
        {
            let (a, _a) = a.device_ptr(&stream);
            let (b, _b) = b.device_ptr(&stream);
            let (c, _c) = c.device_ptr(&stream);
            let (y, _y) = out.device_ptr_mut(&stream);
            let y = y as *mut f32;
            // Within what was allocated just above.
            let first = y.wrapping_add(self.sizes.numbers());
            let places = [y, first, first.wrapping_add(self.sizes.features)];
            (self.call)(handle.raw.0, &described, [a, b, c].map(|p| p as *const f32), places)?;
        }
        Ok((CudaStorage::wrap_cuda_slice(out, device), len.into()))
    }
}

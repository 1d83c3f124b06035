//! Convolutions and their gradients by cuDNN, channels last. Algorithms are picked by cuDNN's own heuristics, save the two kinds whose additions come
//! in an order by chance (cuDNN's guide, "Reproducibility"); each shape's algorithm and size of workspace are asked for once.

use super::Way;
use crate::ops::nn::spec::Geometry;
use candle_core::cuda_backend::cudarc::cudnn::sys::{
    cudnnConvolutionBwdDataAlgo_t as ImagesAlgorithm, cudnnConvolutionBwdFilterAlgo_t as WeightAlgorithm,
    cudnnConvolutionFwdAlgo_t as ForwardAlgorithm, cudnnConvolutionMode_t, cudnnDataType_t, cudnnMathType_t, cudnnTensorFormat_t,
};
use candle_core::cuda_backend::cudarc::cudnn::{
    ConvBackwardData, ConvBackwardFilter, ConvDescriptor, ConvForward, Cudnn, CudnnDataType, CudnnError, FilterDescriptor,
    TensorDescriptor, result, sys,
};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, DeviceRepr};
use candle_core::cuda_backend::{CudaDType, CudaDevice, DeviceId};
use candle_core::{CpuStorage, CudaStorage, CustomOp2, DType, Device, Layout, Result, Shape, Tensor, WithDType};
use half::bf16;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Bytes of workspace above which a plainer algorithm is taken.
const WORKSPACE: usize = 1 << 29;

/// Returns cuDNN's name and version.
pub fn version() -> String {
    let version = result::get_version();
    format!("cuDNN {}.{}.{}", version / 10_000, version / 100 % 100, version % 100)
}

/// Returns the convolution, or `None` if cuDNN has no algorithm for it. Both tensors are contiguous and of one type; weights lie as cuDNN has them.
///
/// Errors: what the device says.
pub fn convolution(way: Way, g: &Geometry, a: &Tensor, b: &Tensor) -> Result<Option<Tensor>> {
    let Device::Cuda(device) = a.device() else { candle_core::bail!("cuDNN runs on NVIDIA's GPUs") };
    let batch = a.dim(0)?;
    let reach = g.dilation * (g.kernel - 1) + 1;
    let windows = |size: usize| (size + 2 * g.pad).checked_sub(reach).map(|rest| rest / g.stride + 1);
    if (windows(g.h), windows(g.w)) != (Some(g.oh), Some(g.ow)) || batch == 0 {
        return Ok(None);
    }
    let handle = Handle::of(device)?;
    let plan = match a.dtype() {
        DType::BF16 => handle.plan::<bf16>(way, g, batch),
        _ => handle.plan::<f32>(way, g, batch),
    };
    let Some(plan) = plan else { return Ok(None) };
    a.apply_op2_no_bwd(b, &Operation { g: *g, batch, plan }).map(Some)
}

/// An algorithm.
#[derive(Clone, Copy)]
enum Algorithm {
    Forward(ForwardAlgorithm),
    Images(ImagesAlgorithm),
    Weight(WeightAlgorithm),
}

/// An algorithm and the bytes of its workspace.
#[derive(Clone, Copy)]
struct Plan {
    algorithm: Algorithm,
    workspace: usize,
}

/// Way, sizes and type of a convolution.
type Key = (Way, [usize; 12], bool);

/// A handle that functions of cuDNN take which cudarc does not wrap: it does not hand out its own.
pub(super) struct Raw(pub sys::cudnnHandle_t);

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: the handle was made by `create_handle` and is not used again. That it cannot be given back is no reason to end the process.
        let _ = unsafe { result::destroy_handle(self.0) };
    }
}

/// cuDNN on one device for one thread: it is not to be shared among threads.
pub(super) struct Handle {
    /// Dropped before `cudnn`, which keeps the stream of both.
    pub raw: Raw,
    cudnn: Arc<Cudnn>,
    plans: RefCell<BTreeMap<Key, Option<Plan>>>,
    /// Grows to what the largest plan needs; all work of a device is in one stream, one operation after the other.
    workspace: RefCell<Option<CudaSlice<u8>>>,
}

thread_local! {
    static HANDLES: RefCell<Vec<(DeviceId, Rc<Handle>)>> = RefCell::default();
}

impl Handle {
    /// Returns the handle of this thread.
    ///
    /// Errors: cuDNN does not start.
    pub fn of(device: &CudaDevice) -> Result<Rc<Handle>> {
        HANDLES.with(|handles| {
            if let Some((_, handle)) = handles.borrow().iter().find(|(id, _)| *id == device.id()) {
                return Ok(handle.clone());
            }
            let stream = device.cuda_stream();
            stream.context().bind_to_thread().map_err(candle_core::Error::wrap)?;
            let cudnn = Cudnn::new(stream.clone())?;
            let raw = Raw(result::create_handle()?);
            // SAFETY: the handle was made just now.
            unsafe { result::set_stream(raw.0, stream.cu_stream() as *mut _) }?;
            let handle = Rc::new(Handle { raw, cudnn, plans: RefCell::default(), workspace: RefCell::default() });
            handles.borrow_mut().push((device.id(), handle.clone()));
            Ok(handle)
        })
    }

    /// Returns how a convolution is computed; `None` if cuDNN refuses.
    fn plan<T: CudnnDataType>(&self, way: Way, g: &Geometry, batch: usize) -> Option<Plan> {
        let sizes = [g.h, g.w, g.c, g.oh, g.ow, g.n, g.kernel, g.stride, g.pad, g.dilation, g.groups, batch];
        let key = (way, sizes, T::DATA_TYPE == cudnnDataType_t::CUDNN_DATA_FLOAT);
        let known = self.plans.borrow().get(&key).copied();
        known.unwrap_or_else(|| {
            let plan = Described::<T>::new(&self.cudnn, g, batch).and_then(|d| d.plan(way)).ok();
            self.plans.borrow_mut().insert(key, plan);
            plan
        })
    }
}

/// A convolution in cuDNN's words.
struct Described<T> {
    conv: ConvDescriptor<f32>,
    images: TensorDescriptor<T>,
    weight: FilterDescriptor<T>,
    output: TensorDescriptor<T>,
}

impl<T: CudnnDataType> Described<T> {
    fn new(cudnn: &Arc<Cudnn>, g: &Geometry, batch: usize) -> std::result::Result<Self, CudnnError> {
        let channels_last = cudnnTensorFormat_t::CUDNN_TENSOR_NHWC;
        let ints = |sizes: [usize; 4]| sizes.map(|x| x as i32);
        let [pad, stride, dilation] = [g.pad, g.stride, g.dilation].map(|x| [x as i32; 2]);
        let mut conv = cudnn.create_conv2d::<f32>(pad, stride, dilation, cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION)?;
        conv.set_group_count(g.groups as i32)?;
        // Sums are taken in 32 bits; factors of 32 bits are not rounded to TF32.
        conv.set_math_type(match T::DATA_TYPE {
            cudnnDataType_t::CUDNN_DATA_FLOAT => cudnnMathType_t::CUDNN_FMA_MATH,
            _ => cudnnMathType_t::CUDNN_TENSOR_OP_MATH,
        })?;
        Ok(Described {
            conv,
            images: cudnn.create_4d_tensor(channels_last, ints([batch, g.c, g.h, g.w]))?,
            weight: cudnn.create_4d_filter(channels_last, ints([g.n, g.group_in(), g.kernel, g.kernel]))?,
            output: cudnn.create_4d_tensor(channels_last, ints([batch, g.n, g.oh, g.ow]))?,
        })
    }

    fn forward(&self) -> ConvForward<'_, T, f32, T> {
        ConvForward { conv: &self.conv, x: &self.images, w: &self.weight, y: &self.output }
    }

    fn by_images(&self) -> ConvBackwardData<'_, T, f32, T> {
        ConvBackwardData { conv: &self.conv, dx: &self.images, w: &self.weight, dy: &self.output }
    }

    fn by_weight(&self) -> ConvBackwardFilter<'_, T, f32, T> {
        ConvBackwardFilter { conv: &self.conv, x: &self.images, dw: &self.weight, dy: &self.output }
    }

    /// Returns cuDNN's choice, or what stands for it where its bits may differ from run to run or it needs too much room.
    fn plan(&self, way: Way) -> std::result::Result<Plan, CudnnError> {
        use ForwardAlgorithm::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM as PLAIN;
        use ImagesAlgorithm::{
            CUDNN_CONVOLUTION_BWD_DATA_ALGO_0 as IMAGES_BY_CHANCE, CUDNN_CONVOLUTION_BWD_DATA_ALGO_1 as IMAGES,
        };
        use WeightAlgorithm::{
            CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0 as BY_CHANCE, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1 as WEIGHT,
            CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3 as ALSO_BY_CHANCE,
        };
        match way {
            Way::Forward => {
                let op = self.forward();
                let picked = op.pick_algorithm()?;
                let taken = if op.get_workspace_size(picked)? > WORKSPACE { PLAIN } else { picked };
                Ok(Plan { algorithm: Algorithm::Forward(taken), workspace: op.get_workspace_size(taken)? })
            }
            Way::ByImages => {
                let op = self.by_images();
                let picked = op.pick_algorithm()?;
                let plain = picked == IMAGES_BY_CHANCE || op.get_workspace_size(picked)? > WORKSPACE;
                let taken = if plain { IMAGES } else { picked };
                Ok(Plan { algorithm: Algorithm::Images(taken), workspace: op.get_workspace_size(taken)? })
            }
            Way::ByWeight => {
                let op = self.by_weight();
                let picked = op.pick_algorithm()?;
                let chance = picked == BY_CHANCE || picked == ALSO_BY_CHANCE;
                let taken = if chance || op.get_workspace_size(picked)? > WORKSPACE { WEIGHT } else { picked };
                Ok(Plan { algorithm: Algorithm::Weight(taken), workspace: op.get_workspace_size(taken)? })
            }
        }
    }
}

/// Returns the numbers that a contiguous tensor covers.
pub(super) fn whole(layout: &Layout) -> Result<std::ops::Range<usize>> {
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(from..to),
        None => candle_core::bail!("cuDNN takes contiguous tensors"),
    }
}

/// A convolution as an operation of candle's.
struct Operation {
    g: Geometry,
    batch: usize,
    plan: Plan,
}

impl Operation {
    fn launch<T>(&self, a: (&CudaStorage, &Layout), b: (&CudaStorage, &Layout)) -> Result<(CudaStorage, Shape)>
    where
        T: CudaDType + CudnnDataType + DeviceRepr + WithDType,
    {
        let (g, batch, device) = (&self.g, self.batch, a.0.device.clone());
        let first = a.0.as_cuda_slice::<T>()?.slice(whole(a.1)?);
        let second = b.0.as_cuda_slice::<T>()?.slice(whole(b.1)?);
        let shape: Shape = match self.plan.algorithm {
            Algorithm::Forward(_) => (batch, g.windows() * g.n).into(),
            Algorithm::Images(_) => (batch, g.h * g.w * g.c).into(),
            Algorithm::Weight(_) => (g.groups * g.depth() * g.group_out()).into(),
        };
        let handle = Handle::of(&device)?;
        let described = Described::<T>::new(&handle.cudnn, g, batch)?;
        let mut workspace = handle.workspace.borrow_mut();
        if workspace.as_ref().is_none_or(|w| w.len() < self.plan.workspace) {
            *workspace = None;
            // SAFETY: cuDNN writes to the workspace before it reads from it.
            *workspace = Some(unsafe { device.alloc::<u8>(self.plan.workspace.max(1))? });
        }
        let room = workspace.as_mut();
        // SAFETY: all of it is written, since the result is not blended with what was there (the second factor is 0).
        let mut out = unsafe { device.alloc::<T>(shape.elem_count())? };
        let scale = (T::from_f64(1.0), T::from_f64(0.0));
        // SAFETY: the three buffers have the sizes, type and layout that the descriptors were made of.
        unsafe {
            match self.plan.algorithm {
                Algorithm::Forward(algorithm) => {
                    described.forward().launch(algorithm, room, scale, &first, &second, &mut out)?;
                }
                Algorithm::Images(algorithm) => {
                    described.by_images().launch(algorithm, room, scale, &mut out, &second, &first)?;
                }
                Algorithm::Weight(algorithm) => {
                    described.by_weight().launch(algorithm, room, scale, &first, &mut out, &second)?;
                }
            }
        }
        Ok((CudaStorage::wrap_cuda_slice(out, device), shape))
    }
}

impl CustomOp2 for Operation {
    fn name(&self) -> &'static str {
        "convolution by cuDNN"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        candle_core::bail!("cuDNN runs on NVIDIA's GPUs")
    }

    fn cuda_fwd(&self, a: &CudaStorage, la: &Layout, b: &CudaStorage, lb: &Layout) -> Result<(CudaStorage, Shape)> {
        match a.as_cuda_slice::<f32>() {
            Ok(_) => self.launch::<f32>((a, la), (b, lb)),
            Err(_) => self.launch::<bf16>((a, la), (b, lb)),
        }
    }
}

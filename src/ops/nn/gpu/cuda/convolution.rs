//! Convolutions of channels-last images by cuDNN, with algorithms whose sums have one order.

use super::memory::{self, Memory, size};
use crate::ops::nn::cpu::Geometry;
use crate::ops::nn::gpu::accelerator::{Allocation, Convolution, Direction, Format, Operand, Precision, Product};
use candle_core::cuda_backend::cudarc::cudnn::result::{self, CudnnError};
use candle_core::cuda_backend::cudarc::cudnn::sys;
use candle_core::cuda_backend::cudarc::driver::CudaStream;
use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::Arc;

/// The largest workspace of an algorithm, in bytes.
const WORKSPACE: usize = 1 << 30;
/// More answers than cuDNN has to a question about algorithms.
const ANSWERS: usize = 16;

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    /// There is nothing to compute.
    Nothing,
    /// The result is a sum over no images.
    Clear { at: u64, bytes: usize },
    /// Each place on its own: a product of matrices.
    Product(Product),
    /// By cuDNN.
    Library,
}

/// Returns how a convolution is computed.
pub(super) fn way(convolution: &Convolution) -> Way {
    let Convolution { direction, batch, geometry: g, format, precision, x, w, y } = *convolution;
    if batch == 0 {
        let bytes = g.n * g.depth() * format.bytes();
        return if direction == Direction::ByWeight { Way::Clear { at: w, bytes } } else { Way::Nothing };
    }
    if (g.kernel, g.stride, g.pad, g.groups) != (1, 1, 0, 1) {
        return Way::Library;
    }
    let rows = batch * g.windows();
    let matrix = |at, row, transposed| Operand { at, row, transposed, apart: 0 };
    let (size, a, b, out) = match direction {
        Direction::Forward => ((rows, g.n, g.c), matrix(x, g.c, false), matrix(w, g.c, true), matrix(y, g.n, false)),
        Direction::ByInput => ((rows, g.c, g.n), matrix(y, g.n, false), matrix(w, g.c, false), matrix(x, g.c, false)),
        Direction::ByWeight => ((g.n, g.c, rows), matrix(y, g.n, true), matrix(x, g.c, false), matrix(w, g.c, false)),
    };
    Way::Product(Product { size, a, b, out, factors: format, result: format, precision, alpha: 1.0, add: false, batch: 1 })
}

/// cuDNN on a stream, and what it was asked before. cuDNN is opened at the first convolution: it loads a quarter of a gigabyte.
pub(super) struct Convolver {
    plans: BTreeMap<(Direction, usize, Geometry, Format, Precision), Plan>,
    library: Option<Library>,
    /// Shared by all convolutions, which run one after the other; as large as the largest needed so far.
    workspace: Memory,
    stream: Arc<CudaStream>,
}

impl Convolver {
    /// Returns a convolver on a stream.
    pub fn new(stream: &Arc<CudaStream>) -> Convolver {
        Convolver { plans: BTreeMap::new(), library: None, workspace: Memory::none(stream), stream: stream.clone() }
    }

    /// Returns the version of cuDNN, as in `9.13.1`.
    pub fn version() -> String {
        let version = result::get_version();
        format!("{}.{}.{}", version / 10_000, version / 100 % 100, version % 100)
    }

    /// Gives the workspace back.
    pub fn release(&mut self) {
        self.workspace = Memory::none(&self.stream);
    }

    /// Computes a convolution.
    ///
    /// # Errors
    /// A sentence where cuDNN has no algorithm that gives the same bits each time, or fails; it names the convolution.
    pub fn run(&mut self, convolution: &Convolution) -> Result<(), String> {
        let Convolution { direction, batch, geometry, format, precision, .. } = *convolution;
        let handle = match &self.library {
            Some(library) => library.handle,
            None => self.library.insert(Library::open(&self.stream)?).handle,
        };
        let key = (direction, batch, geometry, format, precision);
        let plan = match self.plans.entry(key) {
            Entry::Occupied(plan) => plan.into_mut(),
            Entry::Vacant(place) => {
                place.insert(Plan::make(handle, convolution).map_err(|e| format!("{}: {:?}", named(convolution), e.0))?)
            }
        };
        // An algorithm may be refused only when it is run; the refusal comes at once and is the same in each run, so that the
        // next one is taken.
        while let Some(choice) = plan.choices.front().copied() {
            if self.workspace.bytes() < choice.workspace {
                self.workspace = Memory::none(&self.stream);
                self.workspace = Memory::take(&self.stream, choice.workspace)?;
            }
            match plan.run(handle, &choice, convolution, &self.workspace) {
                Err(error) if unsupported(error) => plan.choices.pop_front(),
                other => return other.map_err(|e| format!("{}: {:?}", named(convolution), e.0)),
            };
        }
        Err(format!("{}: no algorithm gives the same bits each time within {} of workspace", named(convolution), size(WORKSPACE)))
    }
}

/// Returns the begin of a fault of a convolution.
fn named(convolution: &Convolution) -> String {
    let Convolution { direction, batch, geometry: g, format, precision, .. } = convolution;
    format!(
        "cuDNN did not compute a convolution of {batch} x {} x {} x {} to {} x {} x {} (window {}, stride {}, pad {}, dilation {}, groups {}; {direction:?}, {format:?}, \
         {precision:?})",
        g.h, g.w, g.c, g.oh, g.ow, g.n, g.kernel, g.stride, g.pad, g.dilation, g.groups
    )
}

/// Returns whether a status is one of "not supported", 3000 to 3999 from cuDNN 9 on.
fn unsupported(error: CudnnError) -> bool {
    (3000..4000).contains(&(error.0 as u32))
}

/// cuDNN, opened for a stream.
struct Library {
    handle: sys::cudnnHandle_t,
    stream: Arc<CudaStream>,
}

// SAFETY: a handle may be used from any thread, one at a time, which the lock around it sees to.
unsafe impl Send for Library {}

impl Library {
    /// Opens cuDNN; the context of the stream must be current.
    fn open(stream: &Arc<CudaStream>) -> Result<Library, String> {
        let fails = |e: CudnnError| {
            let libraries = "libcudnn_*.so of the same version must be where the system looks for libraries, or in a folder of LD_LIBRARY_PATH";
            format!("cuDNN {} does not start: {:?} ({libraries})", Convolver::version(), e.0)
        };
        let library = Library { handle: result::create_handle().map_err(fails)?, stream: stream.clone() };
        // SAFETY: both are alive.
        unsafe { result::set_stream(library.handle, stream.cu_stream().cast()) }.map_err(fails)?;
        Ok(library)
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        if memory::bind(self.stream.context()).is_ok() {
            // SAFETY: opened by `open`, closed here alone. Where it fails the context is lost, and what the handle held with it.
            let _ = unsafe { result::destroy_handle(self.handle) };
        }
    }
}

/// An algorithm for one of the three directions.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Algorithm {
    Forward(sys::cudnnConvolutionFwdAlgo_t),
    ByInput(sys::cudnnConvolutionBwdDataAlgo_t),
    ByWeight(sys::cudnnConvolutionBwdFilterAlgo_t),
}

/// An algorithm that can be run.
#[derive(Clone, Copy, Debug)]
struct Choice {
    algorithm: Algorithm,
    math: sys::cudnnMathType_t,
    workspace: usize,
}

/// The shapes of a convolution as cuDNN has them, and its algorithms, best first.
struct Plan {
    shapes: Shapes,
    choices: VecDeque<Choice>,
}

/// Puts cuDNN's question about the algorithms of a direction, and returns those that always give the same bits, with their math.
/// A question that fails has no answers.
macro_rules! ask {
    ($question:path, $answer:ty, $algorithm:path, $($argument:expr),+) => {{
        let mut answers = [const { MaybeUninit::<$answer>::zeroed() }; ANSWERS];
        let mut count: c_int = 0;
        // SAFETY: the handle and the descriptors are alive and set, and cuDNN writes at most as many answers as there is room
        // for.
        let asked = unsafe { $question($($argument),+, ANSWERS as c_int, &mut count, answers.as_mut_ptr().cast()) };
        let count = if asked.is_ok() { usize::try_from(count).unwrap_or_default() } else { 0 };
        // SAFETY: cuDNN has written the first `count` answers.
        let answers = answers.iter().take(count).map(|answer| unsafe { answer.assume_init_ref() });
        answers
            .filter(|a| a.status == sys::cudnnStatus_t::CUDNN_STATUS_SUCCESS)
            .filter(|a| a.determinism == sys::cudnnDeterminism_t::CUDNN_DETERMINISTIC)
            .map(|a| ($algorithm(a.algo), a.mathType))
            .collect::<Vec<_>>()
    }};
}

impl Plan {
    /// Returns what cuDNN proposes, without running anything.
    fn make(handle: sys::cudnnHandle_t, convolution: &Convolution) -> Result<Plan, CudnnError> {
        use sys::{
            cudnnConvolutionBwdDataAlgo_t as Data, cudnnConvolutionBwdFilterAlgo_t as Filter,
            cudnnConvolutionFwdAlgo_t as Forward,
        };
        let shapes = Shapes::of(convolution)?;
        let Shapes { x, w, y, window } = &shapes;
        // The proposals, best first by cuDNN's estimate; then those that its manual calls deterministic for all shapes.
        let (mut proposed, known) = match convolution.direction {
            Direction::Forward => (
                ask!(
                    result::get_convolution_forward_algorithm,
                    sys::cudnnConvolutionFwdAlgoPerf_t,
                    Algorithm::Forward,
                    handle,
                    x.0,
                    w.0,
                    window.0,
                    y.0
                ),
                vec![
                    Algorithm::Forward(Forward::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM),
                    Algorithm::Forward(Forward::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM),
                ],
            ),
            Direction::ByInput => (
                ask!(
                    result::get_convolution_backward_data_algorithm,
                    sys::cudnnConvolutionBwdDataAlgoPerf_t,
                    Algorithm::ByInput,
                    handle,
                    w.0,
                    y.0,
                    window.0,
                    x.0
                ),
                vec![Algorithm::ByInput(Data::CUDNN_CONVOLUTION_BWD_DATA_ALGO_1)],
            ),
            Direction::ByWeight => (
                ask!(
                    result::get_convolution_backward_filter_algorithm,
                    sys::cudnnConvolutionBwdFilterAlgoPerf_t,
                    Algorithm::ByWeight,
                    handle,
                    x.0,
                    y.0,
                    window.0,
                    w.0
                ),
                vec![Algorithm::ByWeight(Filter::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1)],
            ),
        };
        proposed.extend(known.into_iter().map(|algorithm| (algorithm, math(convolution.precision))));
        let mut choices = VecDeque::new();
        for (algorithm, answered) in proposed {
            let Some(math) = allowed(convolution.precision, answered) else { continue };
            shapes.set_math(math)?;
            if let Ok(workspace) = shapes.workspace(handle, algorithm)
                && workspace <= WORKSPACE
            {
                choices.push_back(Choice { algorithm, math, workspace });
            }
        }
        Ok(Plan { shapes, choices })
    }

    /// Runs an algorithm.
    fn run(
        &self,
        handle: sys::cudnnHandle_t,
        choice: &Choice,
        convolution: &Convolution,
        workspace: &Memory,
    ) -> Result<(), CudnnError> {
        let Shapes { x: x_shape, w: w_shape, y: y_shape, window } = &self.shapes;
        let (x, w, y) = (convolution.x as *mut c_void, convolution.w as *mut c_void, convolution.y as *mut c_void);
        let (space, bytes) = (workspace.address() as *mut c_void, choice.workspace);
        let (one, zero) = (1.0_f32, 0.0_f32);
        let (one, zero) = ((&raw const one).cast(), (&raw const zero).cast());
        self.shapes.set_math(choice.math)?;
        // SAFETY: handle and descriptors are alive; the addresses are those of allocations on the handle's stream that hold
        // numbers of these shapes, which callers of the accelerator vouch for; the workspace is at least as large as cuDNN said;
        // `one` and `zero` are read before the calls return.
        unsafe {
            match choice.algorithm {
                Algorithm::Forward(algorithm) => result::convolution_forward(
                    handle, one, x_shape.0, x, w_shape.0, w, window.0, algorithm, space, bytes, zero, y_shape.0, y,
                ),
                Algorithm::ByInput(algorithm) => result::convolution_backward_data(
                    handle, one, w_shape.0, w, y_shape.0, y, window.0, algorithm, space, bytes, zero, x_shape.0, x,
                ),
                Algorithm::ByWeight(algorithm) => result::convolution_backward_filter(
                    handle, one, x_shape.0, x, y_shape.0, y, window.0, algorithm, space, bytes, zero, w_shape.0, w,
                ),
            }
        }
    }
}

/// Returns the math that a precision asks cuDNN for.
pub(super) fn math(precision: Precision) -> sys::cudnnMathType_t {
    match precision {
        Precision::F32 => sys::cudnnMathType_t::CUDNN_FMA_MATH,
        Precision::Tf32 => sys::cudnnMathType_t::CUDNN_DEFAULT_MATH,
        Precision::Bf16 => sys::cudnnMathType_t::CUDNN_TENSOR_OP_MATH,
    }
}

/// Returns the math to run an algorithm with that cuDNN proposes with `answered`; none where it would round more than the
/// precision allows.
///
/// cuDNN also proposes algorithms with another math than it was asked for. Default math rounds factors to TF32 from Ampere on;
/// with conversion, to 16 bits.
pub(super) fn allowed(precision: Precision, answered: sys::cudnnMathType_t) -> Option<sys::cudnnMathType_t> {
    use sys::cudnnMathType_t::{CUDNN_DEFAULT_MATH, CUDNN_FMA_MATH, CUDNN_TENSOR_OP_MATH, CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION};
    match (precision, answered) {
        (_, CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION) | (Precision::F32, CUDNN_TENSOR_OP_MATH) => None,
        (Precision::F32, CUDNN_DEFAULT_MATH | CUDNN_FMA_MATH) => Some(CUDNN_FMA_MATH),
        (Precision::Tf32 | Precision::Bf16, answered) => Some(answered),
    }
}

/// Declares the owner of a descriptor of cuDNN.
macro_rules! descriptor {
    ($(#[$comment:meta])* $name:ident, $raw:ty, $create:path, $destroy:path) => {
        $(#[$comment])*
        struct $name($raw);

        impl $name {
            fn new() -> Result<$name, CudnnError> {
                $create().map($name)
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: made by `new`, destroyed here alone; it is memory of the host.
                let _ = unsafe { $destroy(self.0) };
            }
        }

        // SAFETY: a descriptor is memory of the host, used by one thread at a time, which the lock around its plan sees to.
        unsafe impl Send for $name {}
    };
}

descriptor!(
    /// The shape of images.
    Images,
    sys::cudnnTensorDescriptor_t,
    result::create_tensor_descriptor,
    result::destroy_tensor_descriptor
);
descriptor!(
    /// The shape of a weight.
    Weight,
    sys::cudnnFilterDescriptor_t,
    result::create_filter_descriptor,
    result::destroy_filter_descriptor
);
descriptor!(
    /// How windows lie.
    Window,
    sys::cudnnConvolutionDescriptor_t,
    result::create_convolution_descriptor,
    result::destroy_convolution_descriptor
);

/// The shapes of a convolution as cuDNN has them.
struct Shapes {
    x: Images,
    w: Weight,
    y: Images,
    window: Window,
}

impl Shapes {
    fn of(convolution: &Convolution) -> Result<Shapes, CudnnError> {
        let (g, batch) = (&convolution.geometry, convolution.batch);
        let whole =
            |n: usize| c_int::try_from(n).map_err(|_| CudnnError(sys::cudnnStatus_t::CUDNN_STATUS_BAD_PARAM_OUT_OF_BOUND));
        let four = |a, b, c, d| Ok::<_, CudnnError>([whole(a)?, whole(b)?, whole(c)?, whole(d)?]);
        let layout = sys::cudnnTensorFormat_t::CUDNN_TENSOR_NHWC;
        let kind = match convolution.format {
            Format::F32 => sys::cudnnDataType_t::CUDNN_DATA_FLOAT,
            Format::Bf16 => sys::cudnnDataType_t::CUDNN_DATA_BFLOAT16,
        };
        let shapes = Shapes { x: Images::new()?, w: Weight::new()?, y: Images::new()?, window: Window::new()? };
        let (pad, stride, dilation) = (whole(g.pad)?, whole(g.stride)?, whole(g.dilation)?);
        let (mode, sums) = (sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION, sys::cudnnDataType_t::CUDNN_DATA_FLOAT);
        // Sizes are given as images, channels, height, width in every layout; the layout says how they lie.
        // SAFETY: the descriptors are alive.
        unsafe {
            result::set_tensor4d_descriptor(shapes.x.0, layout, kind, four(batch, g.c, g.h, g.w)?)?;
            result::set_tensor4d_descriptor(shapes.y.0, layout, kind, four(batch, g.n, g.oh, g.ow)?)?;
            result::set_filter4d_descriptor(shapes.w.0, kind, layout, four(g.n, g.group_in(), g.kernel, g.kernel)?)?;
            result::set_convolution2d_descriptor(shapes.window.0, pad, pad, stride, stride, dilation, dilation, mode, sums)?;
            result::set_convolution_group_count(shapes.window.0, whole(g.groups)?)?;
        }
        shapes.set_math(math(convolution.precision))?;
        Ok(shapes)
    }

    /// Sets how products are computed.
    fn set_math(&self, math: sys::cudnnMathType_t) -> Result<(), CudnnError> {
        // SAFETY: the descriptor is alive.
        unsafe { result::set_convolution_math_type(self.window.0, math) }
    }

    /// Returns the bytes of workspace that an algorithm needs; an error where it is not supported.
    fn workspace(&self, handle: sys::cudnnHandle_t, algorithm: Algorithm) -> Result<usize, CudnnError> {
        let Shapes { x, w, y, window } = self;
        // SAFETY: handle and descriptors are alive and set.
        unsafe {
            match algorithm {
                Algorithm::Forward(a) => result::get_convolution_forward_workspace_size(handle, x.0, w.0, window.0, y.0, a),
                Algorithm::ByInput(a) => result::get_convolution_backward_data_workspace_size(handle, w.0, y.0, window.0, x.0, a),
                Algorithm::ByWeight(a) => {
                    result::get_convolution_backward_filter_workspace_size(handle, x.0, y.0, window.0, w.0, a)
                }
            }
        }
    }
}

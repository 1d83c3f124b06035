//! Products of row-major matrices by cuBLAS, which has column-major ones: it computes the transposed product, `out^T = b^T a^T`.

use super::memory::{self, Memory};
use crate::ops::nn::gpu::accelerator::{Allocation, Format, Operand, Precision, Product};
use candle_core::cuda_backend::cudarc::cublas::result::{self, CublasError};
use candle_core::cuda_backend::cudarc::cublas::sys;
use candle_core::cuda_backend::cudarc::driver::CudaStream;
use std::ffi::c_int;
use std::sync::Arc;

/// A factor or the result of a [`Gemm`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Side {
    /// Address of the first number.
    pub at: u64,
    /// Distance between columns, in numbers.
    pub column: c_int,
    /// Whether the transpose is meant.
    pub transposed: bool,
    /// Distance between the matrices of a batch, in numbers.
    pub apart: i64,
}

/// A product of column-major matrices, `out = alpha left right + beta out`, as cuBLAS takes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gemm {
    /// Rows of `out`, columns of `out`, columns of `left`.
    pub size: (c_int, c_int, c_int),
    pub left: Side,
    pub right: Side,
    pub out: Side,
    pub factors: Format,
    pub result: Format,
    pub precision: Precision,
    pub alpha: f32,
    pub beta: f32,
    pub batch: c_int,
}

impl Gemm {
    /// Returns the transposed problem; none where the result has no numbers.
    ///
    /// # Errors
    /// A sentence for sizes that cuBLAS does not take: sums of nothing, rows that overlap, and sizes of more than 31 bits.
    pub fn of(product: &Product) -> Result<Option<Gemm>, String> {
        let (rows, columns, depth) = product.size;
        if rows == 0 || columns == 0 || product.batch == 0 {
            return Ok(None);
        }
        let sizes = || format!("a product of {} times {rows} x {depth} by {depth} x {columns} matrices", product.batch);
        let whole = |n: usize| c_int::try_from(n).map_err(|_| format!("{} is too large for cuBLAS", sizes()));
        if depth == 0 {
            return Err(format!("{} has nothing to add up", sizes()));
        }
        // Row-major `r x c` with rows `row` apart is column-major `c x r` with columns `row` apart.
        let side = |operand: &Operand, (rows, columns): (usize, usize)| -> Result<Side, String> {
            let (lines, length) = if operand.transposed { (columns, rows) } else { (rows, columns) };
            if lines > 1 && operand.row < length {
                return Err(format!("{} has rows of {length} numbers that are {} apart", sizes(), operand.row));
            }
            let apart = i64::try_from(operand.apart).map_err(|_| format!("{} is too large for cuBLAS", sizes()))?;
            Ok(Side { at: operand.at, column: whole(operand.row.max(length))?, transposed: operand.transposed, apart })
        };
        Ok(Some(Gemm {
            size: (whole(columns)?, whole(rows)?, whole(depth)?),
            left: side(&product.b, (depth, columns))?,
            right: side(&product.a, (rows, depth))?,
            out: side(&product.out, (rows, columns))?,
            factors: product.factors,
            result: product.result,
            precision: product.precision,
            alpha: product.alpha,
            beta: if product.add { 1.0 } else { 0.0 },
            batch: whole(product.batch)?,
        }))
    }
}

/// cuBLAS on a stream.
pub(super) struct Blas {
    handle: sys::cublasHandle_t,
    version: c_int,
    stream: Arc<CudaStream>,
    /// Given back after the handle is closed.
    _workspace: Memory,
}

// SAFETY: a handle may be used from any thread, one at a time, which the lock around it sees to.
unsafe impl Send for Blas {}

impl Blas {
    /// Opens cuBLAS for a device of a compute capability; the context of the stream must be current.
    pub fn open(stream: &Arc<CudaStream>, capability: (c_int, c_int)) -> Result<Blas, String> {
        let fails = |e: CublasError| format!("cuBLAS does not start: {:?}", e.0);
        // cuBLAS chooses among algorithms, some of which split sums, by the workspace that is there. Its own is one of several
        // that streams share, and which of them is free is chance; one of a fixed size makes the choice, and with it the bits,
        // the same in each run ("Results reproducibility" of its manual, which also recommends these sizes: 32 MiB from Hopper
        // on).
        let bytes = if capability.0 >= 9 { 32 << 20 } else { 8 << 20 };
        let workspace = Memory::take(stream, bytes)?;
        let mut blas =
            Blas { handle: result::create_handle().map_err(fails)?, version: 0, stream: stream.clone(), _workspace: workspace };
        // SAFETY: the handle and the stream are alive, and the workspace is given back after the handle is closed. The stream is
        // set before the workspace, because setting it puts cuBLAS's own workspace back.
        unsafe {
            result::set_stream(blas.handle, stream.cu_stream().cast()).map_err(fails)?;
            sys::cublasSetWorkspace_v2(blas.handle, blas._workspace.address() as *mut _, bytes).result().map_err(fails)?;
            sys::cublasSetAtomicsMode(blas.handle, sys::cublasAtomicsMode_t::CUBLAS_ATOMICS_NOT_ALLOWED)
                .result()
                .map_err(fails)?;
            // Parts of sums are not rounded to 16 bits either.
            let mode = sys::cublasMath_t::CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;
            sys::cublasSetMathMode(blas.handle, mode).result().map_err(fails)?;
            sys::cublasGetVersion_v2(blas.handle, &mut blas.version).result().map_err(fails)?;
        }
        Ok(blas)
    }

    /// Returns the version, as in `13.0.2`.
    pub fn version(&self) -> String {
        format!("{}.{}.{}", self.version / 10_000, self.version / 100 % 100, self.version % 100)
    }

    /// Computes a product.
    pub fn run(&mut self, gemm: &Gemm) -> Result<(), String> {
        let operation =
            |side: &Side| if side.transposed { sys::cublasOperation_t::CUBLAS_OP_T } else { sys::cublasOperation_t::CUBLAS_OP_N };
        let (factors, results) = (kind(gemm.factors), kind(gemm.result));
        let compute = match (gemm.factors, gemm.precision) {
            (Format::F32, Precision::Tf32) => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
            _ => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
        };
        let Gemm { size: (m, n, k), left, right, out, alpha, beta, batch, .. } = gemm;
        let (alpha, beta) = ((&raw const *alpha).cast(), (&raw const *beta).cast());
        let (l, r, o) = (left.at as *const _, right.at as *const _, out.at as *mut _);
        let (by_left, by_right) = (operation(left), operation(right));
        let algorithm = sys::cublasGemmAlgo_t::CUBLAS_GEMM_DFALT;
        // SAFETY: the handle is alive; the addresses are those of allocations on its stream that hold matrices of these sizes,
        // which callers of the accelerator vouch for; `alpha` and `beta` are read before the call returns.
        let done = unsafe {
            if *batch == 1 {
                result::gemm_ex(
                    self.handle,
                    by_left,
                    by_right,
                    *m,
                    *n,
                    *k,
                    alpha,
                    l,
                    factors,
                    left.column,
                    r,
                    factors,
                    right.column,
                    beta,
                    o,
                    results,
                    out.column,
                    compute,
                    algorithm,
                )
            } else {
                result::gemm_strided_batched_ex(
                    self.handle,
                    by_left,
                    by_right,
                    *m,
                    *n,
                    *k,
                    alpha,
                    l,
                    factors,
                    left.column,
                    left.apart,
                    r,
                    factors,
                    right.column,
                    right.apart,
                    beta,
                    o,
                    results,
                    out.column,
                    out.apart,
                    *batch,
                    compute,
                    algorithm,
                )
            }
        };
        done.map_err(|e| {
            let (a, b) = (gemm.factors, gemm.result);
            format!(
                "cuBLAS did not compute a product of {batch} times {n} x {k} by {k} x {m} matrices ({a:?} to {b:?}, {:?}): {:?}",
                gemm.precision, e.0
            )
        })
    }
}

impl Drop for Blas {
    fn drop(&mut self) {
        if memory::bind(self.stream.context()).is_ok() {
            // SAFETY: opened by `open`, closed here alone. Where it fails the context is lost, and what the handle held with it.
            let _ = unsafe { result::destroy_handle(self.handle) };
        }
    }
}

/// Returns a format as cuBLAS names it.
fn kind(format: Format) -> sys::cudaDataType {
    match format {
        Format::F32 => sys::cudaDataType::CUDA_R_32F,
        Format::Bf16 => sys::cudaDataType::CUDA_R_16BF,
    }
}

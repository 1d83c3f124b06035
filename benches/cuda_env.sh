# Prepares a shell for `cargo build --features cudnn` (or `cuda`) on a Linux x86-64 machine that has no CUDA toolkit, and perhaps no GPU.
#
#     . benches/cuda_env.sh DIR                     in bash, zsh, ksh
#     CFX_CUDA=DIR; . ./benches/cuda_env.sh         in any POSIX shell
#     cargo build --release --features cudnn
#
# Needs python3 with pip, a C and C++ compiler, and some GB in DIR (a path without spaces), which the first time it downloads
# from PyPI. Where a toolkit (13.0 or later) is installed, nothing of this is needed.
#
# In DIR: `nvidia/` holds NVIDIA's compiler, headers and libraries as PyPI has them; `links/` what the linker looks for by other
# names, and a stand-in for the driver's libcuda.so, whose functions all answer "no device"; `stub/` the same under the name
# that programs look for, so that tests run where no driver is installed.
#
# Set: CUDA_HOME CUDA_PATH NVCC CUDA_COMPUTE_CAP CUDARC_CUDA_VERSION PATH LIBRARY_PATH, and CFX_CUDA_LIBS, the folders of the
# libraries. To run what was built:
#
#     LD_LIBRARY_PATH=$CFX_CUDA_LIBS target/release/cfx ...                          with an NVIDIA driver (580 or later)
#     LD_LIBRARY_PATH=$CFX_CUDA_LIBS:$CFX_CUDA/stub cargo test --features cuda cuda  without one
#
# What is built with the feature does not start at all where the system finds no libcuda.so.1 or one of these libraries.
#
# CUDA_COMPUTE_CAP is what candle's kernels are compiled for, 90 (Hopper) unless it is set before. From 90 on, candle's build takes the
# variant of that generation alone (sm_90a): such a program runs on no other. 80 stands for Ampere and what came after it.

cfx_cuda_prepare() {
    mkdir -p "$CFX_CUDA" || return 1
    CFX_CUDA=$(cd "$CFX_CUDA" && pwd) || return 1
    cfx_cu13=$CFX_CUDA/nvidia/cu13
    # One version of everything: a compiler newer than the driver makes code that the driver refuses.
    if [ ! -x "$cfx_cu13/bin/nvcc" ]; then
        python3 -m pip install --no-deps --target "$CFX_CUDA" \
            nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-runtime==13.0.96 \
            nvidia-cuda-cccl==13.0.85 nvidia-cublas==13.0.2.14 nvidia-curand==10.4.0.35 nvidia-cuda-nvrtc==13.0.88 \
            nvidia-cudnn-cu13==9.13.1.26 || return 1
    fi
    mkdir -p "$CFX_CUDA/links" "$CFX_CUDA/stub" || return 1
    for cfx_lib in libcublas.so.13 libcublasLt.so.13 libcurand.so.10 libnvrtc.so.13; do
        ln -sf "$cfx_cu13/lib/$cfx_lib" "$CFX_CUDA/links/${cfx_lib%.so.*}.so" || return 1
    done
    ln -sf "$CFX_CUDA/nvidia/cudnn/lib/libcudnn.so.9" "$CFX_CUDA/links/libcudnn.so" || return 1
    ln -sf "$cfx_cu13/lib/libcudart_static.a" "$CFX_CUDA/links/libcudart.a" || return 1
    if [ ! -e "$CFX_CUDA/links/libcuda.so" ]; then
        # Every name of cuda.h that could be a function; 100 is CUDA_ERROR_NO_DEVICE.
        grep -o 'cu[A-Z][A-Za-z0-9_]*' "$cfx_cu13/include/cuda.h" | sort -u |
            sed 's/.*/int &(void) { return 100; }/' >"$CFX_CUDA/stub/cuda.c" || return 1
        "${CC:-cc}" -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$CFX_CUDA/stub/libcuda.so.1" "$CFX_CUDA/stub/cuda.c" || return 1
        ln -sf "$CFX_CUDA/stub/libcuda.so.1" "$CFX_CUDA/links/libcuda.so" || return 1
    fi
    export CFX_CUDA
    export CFX_CUDA_LIBS="$cfx_cu13/lib:$CFX_CUDA/nvidia/cudnn/lib"
    export CUDA_HOME="$cfx_cu13" CUDA_PATH="$cfx_cu13" NVCC="$cfx_cu13/bin/nvcc"
    export CUDA_COMPUTE_CAP="${CUDA_COMPUTE_CAP:-90}" CUDARC_CUDA_VERSION=13000
    case :$PATH: in
        *":$cfx_cu13/bin:"*) ;;
        *) export PATH="$cfx_cu13/bin:$PATH" ;;
    esac
    # The linker's own list of folders: flags for rustc would have everything compiled anew.
    case :${LIBRARY_PATH:-}: in
        *":$CFX_CUDA/links:"*) ;;
        *) export LIBRARY_PATH="$CFX_CUDA/links${LIBRARY_PATH:+:$LIBRARY_PATH}" ;;
    esac
}

CFX_CUDA=${1:-${CFX_CUDA:-}}
if [ -z "$CFX_CUDA" ]; then
    echo "cuda_env.sh: say where to, as in: . benches/cuda_env.sh \$HOME/cuda" >&2
    false
elif ! cfx_cuda_prepare; then
    echo "cuda_env.sh: $CFX_CUDA could not be prepared; what failed is said above" >&2
    false
fi

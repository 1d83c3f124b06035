#!/bin/sh
# Checks networks on a GPU in one call: every layer, training and probe against the host, finite differences and PyTorch's numbers; the same
# bits twice; a whole script; and the speed of training steps beside PyTorch's.
#
#   sh benches/gpu.sh [DEVICE [PYTHON]]     DEVICE: cuda:0 unless said; PYTHON: an interpreter that can import torch with CUDA
#
# Needs the CUDA toolkit and cuDNN, or Apple's tools; without a toolkit, source benches/cuda_env.sh first, which says how.
set -eu
export LD_LIBRARY_PATH="${CFX_CUDA_LIBS:+$CFX_CUDA_LIBS:}${LD_LIBRARY_PATH:-}"
cd "$(dirname "$0")/.."
device=${1:-cuda:0}
python=${2:-}
case $device in metal*) features=metal ;; *) features=cudnn ;; esac
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

echo "== layers, trainings and probes on $device"
CFX_TEST_DEVICE=$device cargo test --features "$features" --lib ops::nn

echo "== a script on $device, twice"
cargo build --release --features "$features"
for run in one two; do
    ./target/release/cfx run examples/quickstart/exp.cfx --device "$device" --store "$scratch/store-$run" --out "$scratch/$run"
done
diff -r "$scratch/one/tables" "$scratch/two/tables"
diff -r "$scratch/one/arrays" "$scratch/two/arrays"
echo "the same numbers both times"

echo "== speed on $device"
for precision in bf16 f32; do
    if [ -n "$python" ]; then
        "$python" benches/compare.py --torch "$python" --device "$device" --precision "$precision" --channels-last --rounds 3
    else
        cargo bench --features "$features" --bench nn -- --device "$device" --precision "$precision"
    fi
done

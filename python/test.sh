#!/bin/sh
# Tests the Python package with the command named by CFX, or the one that was built: sh python/test.sh
#
# Packages go to a virtual environment below target/, or, where Python has no `venv`, to a folder. Without Python or a package index the
# tests are left out, with a word.
set -eu
cd "$(dirname "$0")/.."

left_out() {
    echo "the tests of the Python package are left out: $1"
    exit 0
}

python=""
for name in python3 python; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2> /dev/null; then
        python=$name
        break
    fi
done
[ -n "$python" ] || left_out "no Python 3.9 or later"

packages="numpy pandas pyarrow xarray zarr pygments pytest"
place=target/python-env
mkdir -p target
if [ ! -x "$place/bin/python" ] && "$python" -m venv "$place" > /dev/null 2>&1 && "$place/bin/python" -m pip --version > /dev/null 2>&1; then :; fi
if [ -x "$place/bin/python" ] && "$place/bin/python" -m pip --version > /dev/null 2>&1; then
    python=$place/bin/python
    "$python" -m pip install -q --disable-pip-version-check $packages || left_out "packages cannot be installed (no network?)"
    "$python" -m pip install -q --disable-pip-version-check tree-sitter 2> /dev/null ||
        echo "the grammar for tree-sitter is not tested: its library (for Python 3.10 or later) cannot be installed"
elif "$python" -m pip --version > /dev/null 2>&1; then
    "$python" -m pip install -q --disable-pip-version-check --target target/python-packages --upgrade $packages \
        || left_out "packages cannot be installed (no network?)"
    PYTHONPATH="$PWD/target/python-packages${PYTHONPATH:+:$PYTHONPATH}"
    export PYTHONPATH
else
    left_out "Python has neither \`venv\` nor \`pip\`"
fi

if [ -z "${CFX:-}" ]; then
    for built in target/release/cfx target/debug/cfx; do
        [ -x "$built" ] && CFX=$PWD/$built && break
    done
fi
[ -n "${CFX:-}" ] || { echo "no command: build it with \`cargo build\`, or name it with CFX" >&2; exit 1; }
export CFX
"$python" -m pytest -q -p no:cacheprovider python

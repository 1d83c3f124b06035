#!/bin/sh
# Checks a wheel's licences, installs it in a fresh virtual environment and runs the quickstart with it: sh tests/wheel.sh WHEEL
set -eu
wheel=$(realpath "$1")
here=$(cd "$(dirname "$0")/.." && pwd)
python3 "$here/tests/licences.py" "$wheel"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q "${wheel}[pandas,xarray]" pygments
cp "$here/../examples/quickstart/exp.cfx" "$work/exp.cfx"
cd "$work"
unset CFX PYTHONPATH || true
"$work/env/bin/cfx" --version
"$work/env/bin/python" - <<'PY'
import pathlib, sys
import cfx
assert pathlib.Path(cfx.find_command()).parent == pathlib.Path(sys.prefix) / "bin", cfx.find_command()
run = cfx.run("exp.cfx")
assert run.claims["Classes separate with depth"]
assert run["logp"].frame().shape == (4311, 4)
assert run["logp"].dataset()["logp"].dims == ("stage", "example")
assert run.figures["Class log-densities by stage"].svg.startswith("<svg")
from pygments.lexers import get_lexer_by_name
assert get_lexer_by_name("cfx").name == "cfx"
print("the wheel works:", run)
PY

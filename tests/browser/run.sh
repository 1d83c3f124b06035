#!/bin/sh
# Tests the pages that cfx makes in a real Chromium: sh tests/browser/run.sh
#
# Chromium is taken where it is installed, or installed with apt by root. Playwright and axe-core go to a virtual environment below target/.
# Where one of them cannot be had, the tests are left out, with a word. The command is the one named by CFX, or the one that was built.
set -eu
cd "$(dirname "$0")/../.."

left_out() {
    echo "the tests in a browser are left out: $1"
    exit 0
}

python=$(command -v python3) || left_out "no Python"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' || left_out "Python is older than 3.9"
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ] && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    apt-get install -y --no-install-recommends chromium > /dev/null 2>&1 ||
        { apt-get update > /dev/null 2>&1 && apt-get install -y --no-install-recommends chromium > /dev/null 2>&1; } || true
    browser=$(command -v chromium || true)
fi
[ -n "$browser" ] || left_out "no Chromium"
env=target/browser-env
[ -x "$env/bin/pip" ] || "$python" -m venv "$env" || left_out "Python has no \`venv\`"
"$env/bin/pip" install -q --disable-pip-version-check 'playwright>=1.40' 'axe-playwright-python>=0.1.4' pytest || left_out "packages cannot be installed (no network?)"

if [ -z "${CFX:-}" ]; then
    for built in target/release/cfx target/debug/cfx; do
        [ -x "$built" ] && CFX=$PWD/$built && break
    done
fi
[ -n "${CFX:-}" ] || { echo "no command: build it with \`cargo build\`, or name it with CFX" >&2; exit 1; }
CFX_BROWSER=$browser
export CFX CFX_BROWSER
"$env/bin/python" -m pytest -q -p no:cacheprovider tests/browser

#!/bin/sh
# Finds OpenBLAS through pkg-config; where it is missing, installs it with the system's package manager, saying so.
set -eu

if command -v pkg-config >/dev/null 2>&1 && pkg-config --exists openblas; then
    exit 0
fi

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null 2>&1; then sudo "$@"; else return 1; fi
}

echo "OpenBLAS is missing; installing it with the system's package manager."
if command -v apt-get >/dev/null 2>&1; then
    as_root apt-get update -qq && as_root apt-get install -y -qq --no-install-recommends libopenblas-dev pkg-config gcc g++ && exit 0
elif command -v dnf >/dev/null 2>&1; then
    as_root dnf install -y -q openblas-devel pkgconf-pkg-config gcc gcc-c++ && exit 0
elif command -v pacman >/dev/null 2>&1; then
    as_root pacman -S --noconfirm --needed openblas pkgconf gcc && exit 0
elif command -v zypper >/dev/null 2>&1; then
    as_root zypper -n install openblas-devel pkg-config gcc gcc-c++ && exit 0
elif command -v brew >/dev/null 2>&1; then
    brew install openblas pkg-config && exit 0
fi
echo "OpenBLAS could not be installed. Install the packages libopenblas-dev and pkg-config (or what your system calls them) and try again." >&2
exit 1

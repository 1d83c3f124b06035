#!/bin/sh
# Puts a static OpenBLAS with its pkg-config file into a folder, for commands that need nothing of the system: sh packaging/openblas.sh DIR
#
#     PKG_CONFIG_PATH=DIR/lib/pkgconfig cargo build --release --features openblas-static
#
# OpenBLAS is built from source: with kernels for all processors of the architecture (DYNAMIC_ARCH), threads (cfx keeps them at one),
# and LAPACK in C, so that no Fortran runtime is needed. With SOURCE=system the archive of Debian's libopenblas-dev is taken
# instead, with the Fortran runtime of gfortran (or of the folder FORTRAN_LIBS): a quick way to try a static build.
set -eu
dir=${1:?a folder}
mkdir -p "$dir/lib/pkgconfig"
dir=$(cd "$dir" && pwd)
version=${OPENBLAS_VERSION:-0.3.30}

if [ "${SOURCE:-}" = system ]; then
    # The archive and the static Fortran runtime, away from the system's folders: there, pkg-config's users link the shared library.
    archive=$(find /usr/lib -name libopenblas.a -path '*pthread*' | head -n 1)
    [ -n "$archive" ] || { echo "there is no libopenblas.a: install libopenblas-dev" >&2; exit 1; }
    cp "$archive" "$dir/lib/"
    for name in gfortran quadmath; do
        found=$(${CC:-cc} ${FORTRAN_LIBS:+-B"$FORTRAN_LIBS"} -print-file-name="lib$name.a")
        [ -f "$found" ] || { echo "there is no lib$name.a: install gfortran" >&2; exit 1; }
        cp "$found" "$dir/lib/"
    done
    # Texts of licences, where packaging/licences.py looks for them.
    mkdir -p "$dir/share/licenses/openblas" "$dir/share/licenses/gcc"
    cp /usr/share/doc/libopenblas-dev/copyright "$dir/share/licenses/openblas/"
    cp "/usr/share/doc/gcc-$(${CC:-cc} -dumpversion)-base/copyright" /usr/share/common-licenses/GPL-3 /usr/share/common-licenses/LGPL-2.1 "$dir/share/licenses/gcc/"
    private="-lgfortran -lquadmath -lm -lpthread"
    version=$(pkg-config --modversion openblas 2> /dev/null || echo "$version")
else
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    curl -fsSL "https://github.com/OpenMathLib/OpenBLAS/releases/download/v$version/OpenBLAS-$version.tar.gz" | tar xz -C "$work"
    options="DYNAMIC_ARCH=1 USE_OPENMP=0 USE_THREAD=1 NUM_THREADS=64 NO_SHARED=1 NOFORTRAN=1 NO_CBLAS=0 NO_TEST=1"
    # shellcheck disable=SC2086
    make -C "$work/OpenBLAS-$version" -j "$(getconf _NPROCESSORS_ONLN)" $options libs netlib > "$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; exit 1; }
    # shellcheck disable=SC2086
    make -C "$work/OpenBLAS-$version" $options PREFIX="$dir" install > /dev/null
    mkdir -p "$dir/share/licenses/openblas" "$dir/share/licenses/lapack"
    cp "$work/OpenBLAS-$version/LICENSE" "$dir/share/licenses/openblas/"
    cp "$work/OpenBLAS-$version/lapack-netlib/LICENSE" "$dir/share/licenses/lapack/"
    private="-lm -lpthread"
fi

cat > "$dir/lib/pkgconfig/openblas.pc" <<PC
libdir=$dir/lib
Name: openblas
Description: OpenBLAS, static
Version: $version
Libs: -L\${libdir} -lopenblas
Libs.private: $private
PC
echo "OpenBLAS $version is in $dir"

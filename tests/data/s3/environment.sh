#!/bin/sh
# environment.sh FOLDER: makes a virtual environment of Python with an S3 server for tests, and prints its interpreter. Where that cannot be, it says why and
# ends with 1.
set -eu
place=$1
packages="moto[s3] flask flask-cors"
if [ ! -x "$place/bin/python" ]; then
    for name in python3 python; do
        "$name" -m venv "$place" > /dev/null 2>&1 && break
    done
fi
[ -x "$place/bin/python" ] || { echo "there is no Python with \`venv\`" >&2; exit 1; }
"$place/bin/python" -c 'import moto.server, boto3, flask_cors' 2> /dev/null ||
    "$place/bin/python" -m pip install -q --disable-pip-version-check $packages >&2 ||
    { echo "packages of Python cannot be installed (no network?)" >&2; exit 1; }
echo "$place/bin/python"

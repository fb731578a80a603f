#!/usr/bin/env bash
# build.sh FOLDER: the emulated driver, its NVRTC and a toolkit of empty headers, into FOLDER, unless they are there and of these
# sources. README.md says how to use them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v g++ > /dev/null; then
    echo "The emulated CUDA device is built with g++, which is missing (Debian and Ubuntu: apt-get install g++)" >&2
    exit 1
fi
mkdir -p "$1"
cd "$1"
exec 9> lock
flock 9
version=$(cat "$here"/*.cpp "$here"/*.h "$here/build.sh" | sha256sum | cut -c 1-16)
[ "$(cat version 2> /dev/null)" != "$version" ] || exit 0

# Those of kernels. NVRTC, too, joins products with sums by default.
flags="-std=c++17 -O1 -march=native -ffp-contract=fast -fno-strict-aliasing -fno-stack-protector -fPIC -fvisibility=hidden -w"
# Objects that are in use are replaced, not written over.
compile() { # library, sources
    g++ -std=c++17 -O2 -Wall -Wextra -fPIC -shared -fvisibility=hidden -Wl,-soname,"$1" "-DEMULATOR_VERSION=\"$version\"" \
        "-DKERNEL_FLAGS=\"$flags\"" -o "$1.new" "${@:2}" -ldl -lpthread
    mv "$1.new" "$1"
}
compile libcuda.so.1 "$here/driver.cpp" "$here/blocks.cpp" & driver=$!
compile libnvrtc.so.12 "$here/nvrtc.cpp" & nvrtc=$!
# Compiled once for all kernels, which halves their time.
cp "$here/device_code.h" "$here/kernel.h" .
g++ $flags -x c++-header -o device_code.h.gch device_code.h
wait $driver
wait $nvrtc

headers="cuda_runtime.h cuda_fp16.h cuda_bf16.h cuda_fp8.h cuda_fp6.h cuda_fp4.h mma.h crt/mma.h cooperative_groups.h
    cooperative_groups/memcpy_async.h cccl/cuda/barrier cccl/cuda/pipeline cccl/cuda/ptx"
for header in $headers; do
    mkdir -p "toolkit/include/$(dirname "$header")"
    touch "toolkit/include/$header"
done
echo "$version" > version

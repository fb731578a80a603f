#!/usr/bin/env bash
# Builds the emulated driver and NVRTC, and a folder that looks like CUDA's toolkit. What is up to date is left as it is.
#   tests/cuda/build.sh FOLDER
#   LD_LIBRARY_PATH=FOLDER CUDA_PATH=FOLDER/toolkit XDG_CACHE_HOME=$(mktemp -d) EMULATED_CC=8.6 PROGRAM
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
if ! command -v g++ > /dev/null; then
    echo "The emulated CUDA needs g++, which is missing: install it (Debian and Ubuntu: apt-get install g++ libc6-dev)" >&2
    exit 1
fi
mkdir -p "$1"
cd "$1"
exec 9> lock
flock 9

version=$(cat "$here"/*.cpp "$here"/*.h "$here"/build.sh | sha256sum | cut -c 1-16)
[ "$(cat version 2> /dev/null)" = "$version" ] && exit

# NVRTC, too, joins products with sums by default.
kernel_flags="-std=c++17 -O1 -march=native -ffp-contract=fast -fno-strict-aliasing -fno-stack-protector -fPIC -fvisibility=hidden -w"

library() { # name, sources
    local name=$1
    shift
    g++ -std=c++17 -O2 -fPIC -shared -fvisibility=hidden -Wall -Wextra "-DEMULATOR_VERSION=\"$version\"" \
        "-DKERNEL_FLAGS=\"$kernel_flags\"" "-Wl,-soname,$name" -o "$name.new" "${@/#/$here/}" -ldl -lpthread
    mv "$name.new" "$name"
    ln -sf "$name" "${name%.*}"
}

library libcuda.so.1 driver.cpp execute.cpp & driver=$!
library libnvrtc.so.12 nvrtc.cpp translate.cpp & nvrtc=$!
cp "$here"/{device_code,kernel_interface}.h .
g++ $kernel_flags -x c++-header -o device_code.h.gch device_code.h
wait $driver
wait $nvrtc

headers="cuda_runtime.h cuda_fp16.h cuda_bf16.h cuda_fp8.h cuda_fp6.h cuda_fp4.h cuda.h mma.h crt/mma.h cooperative_groups.h
    cooperative_groups/memcpy_async.h cooperative_groups/reduce.h cccl/cuda/barrier cccl/cuda/pipeline cccl/cuda/ptx"
for header in $headers; do
    mkdir -p "toolkit/include/$(dirname "$header")"
    touch "toolkit/include/$header"
done
echo "$version" > version

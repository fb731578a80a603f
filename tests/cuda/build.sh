#!/usr/bin/env bash
# build.sh FOLDER: the emulated driver, its NVRTC and a toolkit of empty headers, into FOLDER. README.md says how to use them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v g++ > /dev/null; then
    echo "The emulated CUDA device is built with g++, which is missing (Debian and Ubuntu: apt-get install g++)" >&2
    exit 1
fi
mkdir -p "$1/toolkit/include/crt" "$1/toolkit/include/cccl/cuda" "$1/kernels"
out=$(cd "$1" && pwd)
# Objects that are in use are replaced, not written over.
compile() {
    local library=$1
    shift
    g++ -std=c++17 -O2 -Wall -Wextra -fPIC -shared -fvisibility=hidden -Wl,-soname,"$library" -o "$out/$library.new" "$@"
    mv "$out/$library.new" "$out/$library"
}
compile libcuda.so.1 "$here/driver.cpp" "$here/blocks.cpp" -ldl -lpthread
compile libnvrtc.so.12 "$here/nvrtc.cpp" -ldl
cp "$here/device_code.h" "$here/kernel.h" "$out/"
touch "$out"/toolkit/include/{cuda_runtime.h,mma.h,crt/mma.h,cuda_fp16.h,cuda_bf16.h,cooperative_groups.h,cccl/cuda/barrier}

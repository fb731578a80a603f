#!/usr/bin/env bash
# The emulated CUDA device, for the plugin's own tests: java-shim names this path.
exec "$(dirname "$0")/../../crates/gpu/tests/cuda/build.sh" "$@"

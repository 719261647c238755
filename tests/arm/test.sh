#!/usr/bin/env bash
# test.sh FOLDER: builds the kernels for 64-bit Arm in FOLDER and runs their tests under qemu-user.
set -euo pipefail
for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  command -v "$tool" >/dev/null || { echo "skipped: $tool is absent (script/setup test brings it)"; exit 77; }
done
cmake -S "$(dirname "$0")" -B "$1" -G Ninja -DCMAKE_BUILD_TYPE=Release -DESRGAN_WARNINGS_AS_ERRORS=ON \
  -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ \
  -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc >/dev/null
cmake --build "$1" --target kernels_test -- --quiet
qemu-aarch64 "$1/kernels_test"

#!/usr/bin/env bash
# shaders_test.sh FILE...: SPIR-V is what Vulkan 1.2 takes, by spirv-val.
set -euo pipefail
command -v spirv-val >/dev/null || { echo "spirv-val not found: skipped (script/setup test)"; exit 77; }
[ $# -ge 5 ] || { echo "no shaders given"; exit 1; }
for file in "$@"; do spirv-val --target-env vulkan1.2 "$file"; done

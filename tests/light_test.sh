#!/usr/bin/env bash
# light_test.sh FILES...: programs and libraries for pictures load no library for films.
set -euo pipefail
films='lib(av|sw|postproc|zimg)[a-z]*\.so'
for file in "$@"; do
  found=$(objdump -p "$file" | awk '/NEEDED/ {print $2}' | grep -E "^$films" || true)
  [ -z "$found" ] || { echo "$file is linked with $found"; exit 1; }
done
for file in "$@"; do
  loaded=$(ldd "$file")
  if grep -q libOpenImageIO <<<"$loaded"; then
    echo "skipped: OpenImageIO brings FFmpeg by itself, so that nothing can be told from what $file loads"
    exit 77
  fi
  if grep -E "$films" <<<"$loaded"; then echo "$file loads these"; exit 1; fi
done
echo "no FFmpeg, no zimg"

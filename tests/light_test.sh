#!/usr/bin/env bash
# light_test.sh FILES...: programs and libraries for pictures load no library for films, and few at all.
set -euo pipefail
films='lib(av|sw|postproc|zimg)[a-z]*\.so'
most=40
for file in "$@"; do
  loaded=$(ldd "$file")
  if grep -E "$films|libOpenImageIO|libtorch" <<<"$loaded"; then echo "$file loads these"; exit 1; fi
  count=$(wc -l <<<"$loaded")
  [ "$count" -le "$most" ] || { echo "$file loads $count libraries: expected at most $most"; exit 1; }
  echo "$file: $count libraries"
done

#!/usr/bin/env bash
# library_symbols.sh LIBESRGAN_CORE: the library never prints, exits or aborts on its own account, and kernels that are
# compiled for one instruction set share no symbol that the linker could merge into code for another.
set -euo pipefail
archive=$1
bad=$(nm --undefined-only "$archive" 2>/dev/null | awk '{print $2}' |
  grep -E '^(printf|puts|putchar|fprintf|fputs|perror|exit|_exit|abort|_ZSt4cout|_ZSt4cerr|_ZSt4clog)$' | sort -u || true)
[ -z "$bad" ] || { echo "the library uses: $bad"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
objects=0
for object in $(ar t "$archive" | grep direct_conv); do objects=$((objects + 1)); done
[ "$objects" -ge 1 ] || { echo "no kernel found in $archive"; exit 1; }
for n in $(seq 1 "$objects"); do
  ar xN "$n" "$archive" direct_conv.cpp.o
  shared=$(nm direct_conv.cpp.o | awk '$2 ~ /^[WVu]$/ {print $3}')
  [ -z "$shared" ] || { echo "kernel object $n has symbols the linker may merge: $shared"; exit 1; }
done
echo "$objects kernel objects, none with shared symbols; no printing, no exit"

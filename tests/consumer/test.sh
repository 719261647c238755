#!/usr/bin/env bash
# test.sh BUILD_FOLDER SOURCE_FOLDER: installs the project to a folder of its own and builds the consumers against it, by
# find_package and by pkg-config. Where films were not built, their component must be refused by name.
set -euo pipefail
build=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
cmake --install "$build" --prefix "$prefix" >/dev/null
pc=$(dirname "$(find "$prefix" -name esrgan.pc)")
export PKG_CONFIG_PATH=$pc

fail() { echo "$*"; exit 1; }

# consume NAME SOURCE_FOLDER PKG_CONFIG_PACKAGE [COMPILER ARGUMENTS...]: NAME.cpp, or NAME.c, becomes the program NAME, which must
# succeed.
consume() {
  if ! cmake -S "$2" -B "$work/$1" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 ||
    ! cmake --build "$work/$1" >"$work/log" 2>&1; then
    cat "$work/log"
    return 1
  fi
  local name=$1 folder=$2 flags
  local compiler=${4:-g++ -std=c++20}
  flags=$(pkg-config --define-variable=prefix="$prefix" --cflags --libs "$3")
  shift $(($# < 4 ? $# : 4))
  "$work/$name/$name" "$@"
  # shellcheck disable=SC2086
  $compiler "$folder/$name".c* $flags -o "$work/by-pkg-config"
  LD_LIBRARY_PATH=$(dirname "$pc") "$work/by-pkg-config" "$@"
}

# Folders outside the prefix are where the packages say they are.
cmake -S "$source/../.." -B "$work/elsewhere" -G Ninja -DCMAKE_INSTALL_LIBDIR="$work/far/lib" -DESRGAN_BUILD_TRAINER=OFF \
  -DCMAKE_INSTALL_INCLUDEDIR="$work/far/include" -DESRGAN_BUILD_TESTS=OFF >/dev/null
flags=$(PKG_CONFIG_PATH=$work/elsewhere pkg-config --cflags --libs esrgan | xargs)
[ "$flags" = "-I$work/far/include -L$work/far/lib -lesrgan" ] || fail "with absolute folders pkg-config says $flags"

consume consumer "$source" esrgan
consume c_consumer "$source/c" esrgan "gcc -std=c99 -Wall -Wextra -Wpedantic -Werror" "$source/../../models/builtin-x4.safetensors"
"$prefix/bin/esrgan" --version
if [ -f "$pc/esrgan-video.pc" ]; then
  consume video_consumer "$source/video" esrgan-video
  "$prefix/bin/esrgan" video --help >/dev/null
else
  echo "films were not built"
  if cmake -S "$source/video" -B "$work/video" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1; then
    fail "the component video was found"
  fi
  grep -q "without its component 'video'" "$work/log" || { cat "$work/log"; exit 1; }
fi

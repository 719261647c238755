#!/usr/bin/env bash
# test.sh BUILD_FOLDER SOURCE_FOLDER: installs the project to a folder of its own and builds the consumer against it, by
# find_package and by pkg-config.
set -euo pipefail
build=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >/dev/null
cmake -S "$source" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/build" >"$work/log" || { cat "$work/log"; exit 1; }
"$work/build/consumer"
pc=$(dirname "$(find "$work/prefix" -name esrgan.pc)")
flags=$(PKG_CONFIG_PATH=$pc pkg-config --define-variable=prefix="$work/prefix" --cflags --libs esrgan)
# shellcheck disable=SC2086
g++ -std=c++20 "$source/consumer.cpp" $flags -o "$work/by-pkg-config"
LD_LIBRARY_PATH=$(dirname "$pc") "$work/by-pkg-config"
"$work/prefix/bin/esrgan" --version

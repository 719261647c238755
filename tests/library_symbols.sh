#!/usr/bin/env bash
# library_symbols.sh CORE LIBESRGAN [VIDEO_CORE LIBESRGAN_VIDEO]: the libraries (each as the archive of its objects, and shared)
# never print, exit or abort on their own account, write numbers alike in every locale, and export nothing but names of theirs; those of films share one log with
# libesrgan; and kernels that are compiled for one instruction set share no symbol that the linker could merge into code for another.
set -euo pipefail
archive=$1
fail() { echo "$*"; exit 1; }
while [ $# -gt 0 ]; do
  bad=$(nm --undefined-only "$1" 2>/dev/null | awk '{print $2}' |
    grep -E '^(v?f?printf|__v?f?printf_chk|fwrite|stdout|stderr|f?puts|f?putc|putchar|perror|exit|quick_exit|_[eE]xit|abort|raise|kill|__assert_fail|_ZSt4c(out|err|log))$' | sort -u || true)
  [ -z "$bad" ] || fail "$1 uses: $bad"
  # std::to_string() of a double: a decimal comma where the program has chosen such a locale.
  bad=$(nm -A --defined-only "$1" 2>/dev/null | awk '$NF ~ /^_ZN9__gnu_cxx12__to_xstring/ {print $1}' || true)
  [ -z "$bad" ] || fail "$1 has texts that depend on the locale: $bad"
  # Whoever owns a thread refers to std::terminate: these join theirs. Anybody else has a destructor, or a function that is
  # noexcept, from which an exception might come.
  bad=$(nm -A --undefined-only "$1" 2>/dev/null | awk '$NF == "_ZSt9terminatev" {print $1}' |
    grep -vE ':(thread_pool|background_sink|team|upscaler|pipeline)\.cpp\.o:' || true)
  [ -z "$bad" ] || fail "$1 may end the process: $bad"
  bad=$(nm -D --defined-only "$2" | awk '{print $3}' | grep -vE '^(_Z(N|NK|TIN|TSN|TVN)6esrgan|esrgan_)' || true)
  [ -z "$bad" ] || fail "$2 exports: $bad"
  library=$2
  shift 2
done
if [[ $library = *esrgan-video* ]]; then
  functions=$(nm -DC --defined-only "$library" | sed -nE 's/^[0-9a-f]+ [TDBR] ([^(]*).*/\1/p' | sort | tr '\n' ' ')
  [ "$functions" = "esrgan::FilmQuality::psnr esrgan::FilmQuality::ssim esrgan::compare_films esrgan::join_video esrgan::preview_video esrgan::upscale_video esrgan::work_folder_of " ] || fail "$library exports $functions"
  [[ $(nm -DC --undefined-only "$library") = *" esrgan::log_message("* ]] || fail "$library has a log of its own"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
objects=0
for object in $(ar t "$archive" | grep direct_conv); do objects=$((objects + 1)); done
[ "$objects" -ge 1 ] || fail "no kernel found in $archive"
for n in $(seq 1 "$objects"); do
  ar xN "$n" "$archive" direct_conv.cpp.o
  shared=$(nm direct_conv.cpp.o | awk '$2 ~ /^[WVu]$/ {print $3}')
  [ -z "$shared" ] || fail "kernel object $n has symbols the linker may merge: $shared"
done
echo "$objects kernel objects, none with shared symbols; no printing, no exit; nothing foreign exported"

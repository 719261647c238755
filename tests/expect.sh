# What the shell tests share: sourced, with $work a folder of its own that goes at the end.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export ESRGAN_MODELS=$work/models
mkdir models
failures=0

# fail TEXT: one more thing that is not as it should be.
fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

# expect STATUS TEXT COMMAND...: the exit status, and a text in what is printed (standard output and error together).
expect() {
  local status=$1 text=$2 found output
  shift 2
  output=$("$@" 2>&1 </dev/null)
  found=$?
  if [ "$found" -ne "$status" ] || ! grep -qF -- "$text" <<<"$output"; then
    fail "$*: expected exit status $status and '$text', found $found and:"
    echo "$output" >&2
  fi
}

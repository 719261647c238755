#!/usr/bin/env bash
# distributed_test.sh TRAINER: one, two and four processes learn the same; hosts of their own (network namespaces); a process that
# dies ends the run, which goes on afterwards. SKIPS the hosts where namespaces cannot be made.
set -euo pipefail
trainer=$1
. "$(dirname "$0")/train_support.sh"
work=$(mktemp -d)
trap 'jobs -p | xargs -r kill -9 2>/dev/null; for n in "${spaces[@]}"; do ip netns del "$n" 2>/dev/null; done; rm -rf "$work"' EXIT
spaces=()
fail() { echo "distributed_test: $*" >&2; exit 1; }

make_pictures "$work/pictures"

recipe() {  # NAME STEPS
  cat > "$work/$1.yml" <<YAML
name: $1
threads: 1
network_G: {nf: 8, nb: 1, gc: 4}
datasets: {train: {HR: $work/pictures, batch_size: 8, HR_size: 32}}
path: {root: $work/runs}
train: {niter: $2, grad_clip: 1, ema: 0.9}
logger: {print_freq: 1, save_checkpoint_freq: 5}
YAML
}
as_in_foreground='import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])'
free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'; }
start() {  # RANK COUNT NAME [COMMAND...]: in the background, where Ctrl-C reaches it as in the foreground
  local rank=$1 count=$2 name=$3
  shift 3
  RANK=$rank WORLD_SIZE=$count MASTER_PORT=$port "$@" /usr/bin/python3 -c "$as_in_foreground" "$trainer" -opt "$work/$name.yml" ${resume:-} 2> "$work/$name.$rank.log" &
  started+=($!)
}
finish() {  # exit status 0 when all that were started end well
  local status=0 process
  for process in "${started[@]}"; do wait "$process" || status=1; done
  started=()
  return $status
}
# first_checkpoint NAME: waits until two processes have written it.
first_checkpoint() {
  until [ -e "$work/runs/$1/checkpoints/step_00000005.safetensors" ]; do
    kill -0 "${started[0]}" 2> /dev/null || fail "two processes: $(cat "$work/$1".*.log)"
    sleep 0.05
  done
}
started=()
last_loss() { tail -1 "$work/runs/$1/metrics.csv" | cut -d, -f2; }
same_loss() {  # NAME [OTHER]: as one process's
  awk -v a="$(last_loss "${2:-alone}")" -v b="$(last_loss "$1")" 'BEGIN {
    d = a > b ? a - b : b - a; printf "%s beside %s: relative difference %.1e\n", b, a, d / a; exit !(d <= 1e-5 * a) }' ||
    fail "$1: the loss is not one process's"
}

recipe alone 20
"$trainer" -opt "$work/alone.yml" 2> /dev/null
for count in 2 4; do
  recipe "of$count" 20
  port=$(free_port)
  for ((rank = 0; rank < count; ++rank)); do start $rank $count "of$count"; done
  finish || fail "$count processes: $(cat "$work/of$count".*.log)"
  same_loss "of$count"
done

# Against a discriminator, with validation: two processes learn what one learns from two parts of each batch.
adversarial() {  # NAME MORE
  recipe "$1" 6
  cat >> "$work/$1.yml" <<YAML
network_D: {which_model_D: discriminator_srgan, nf: 2}
YAML
  sed -i "s|^train: {|train: {feature_weight: 0, pixel_weight: 1, $2|; s|datasets: {|datasets: {val: {own: {HR: $work/pictures}}, |
    s|logger: {|logger: {val_freq: 3, |" "$work/$1.yml"
}
adversarial parts "accumulate: 2, "
"$trainer" -opt "$work/parts.yml" 2> "$work/parts.log" || fail "two parts: $(cat "$work/parts.log")"
adversarial rivals ""
port=$(free_port)
for rank in 0 1; do start $rank 2 rivals; done
finish || fail "two processes with a discriminator: $(cat "$work"/rivals.*.log)"
same_loss rivals parts
[ "$(wc -l < "$work/runs/rivals/validation.csv")" -eq 3 ] || fail "two processes did not validate"
adversarial halves "accumulate: 2, "
port=$(free_port)
for rank in 0 1; do start $rank 2 halves; done
finish || fail "two processes, two parts each: $(cat "$work"/halves.*.log)"

# Ctrl-C to any of them stops all, with a checkpoint.
recipe asked 100000
port=$(free_port)
for rank in 0 1; do start $rank 2 asked; done
first_checkpoint asked
kill -INT "${started[1]}"
for process in "${started[@]}"; do
  status=0
  wait "$process" || status=$?
  [ $status -eq 130 ] || fail "after Ctrl-C a process ended with $status"
done
started=()
grep -q "stopped at step" "$work/asked.0.log" || fail "no word on the stop: $(tail -1 "$work/asked.0.log")"

recipe dies 100000
port=$(free_port)
for rank in 0 1; do start $rank 2 dies; done
first_checkpoint dies
kill -9 "${started[1]}"
if wait "${started[0]}"; then fail "a process goes on alone"; fi
started=()
grep -q "have lost each other; --resume goes on" "$work/dies.0.log" || fail "unclear: $(tail -1 "$work/dies.0.log")"
step=$(tail -1 "$work/runs/dies/metrics.csv" | cut -d, -f1)
recipe dies $((step + 20))
port=$(free_port)
resume=--resume
for rank in 0 1; do start $rank 2 dies; done
finish || fail "resumed: $(cat "$work"/dies.*.log)"
resume=
[ "$(tail -1 "$work/runs/dies/metrics.csv" | cut -d, -f1)" -eq $((step + 20)) ] || fail "the run did not go on"

recipe crowd 5
sed -i 's/batch_size: 8/batch_size: 5/' "$work/crowd.yml"
port=$(free_port)
for rank in 0 1; do start $rank 2 crowd; done
if finish; then fail "a batch of 5 was given to two processes"; fi
grep -q "a multiple of 2 (processes times train.accumulate)" "$work"/crowd.*.log || fail "no word on the batch"

# Two hosts: a namespace each, joined by a pair of virtual cables.
a=esrgan-$$-a b=esrgan-$$-b
spaces=("$a" "$b")
if ! ip netns add "$a" 2> /dev/null || ! ip netns exec "$a" true 2> /dev/null; then
  echo "distributed_test: network namespaces cannot be made here; hosts of their own SKIPPED"
  exit 0
fi
ip netns add "$b"
ip link add va netns "$a" type veth peer name vb netns "$b"
for end in "$a va 10.99.0.1" "$b vb 10.99.0.2"; do
  read -r space cable address <<< "$end"
  ip -n "$space" addr add "$address/24" dev "$cable"
  ip -n "$space" link set "$cable" up
  ip -n "$space" link set lo up
done
recipe hosts 20
port=29555
export MASTER_ADDR=10.99.0.1
start 0 2 hosts ip netns exec "$a" env RANK=0
start 1 2 hosts ip netns exec "$b" env RANK=1
finish || fail "two hosts: $(cat "$work"/hosts.*.log)"
same_loss hosts

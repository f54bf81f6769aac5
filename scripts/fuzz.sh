#!/usr/bin/env bash
# Looks for texts that make the loader panic, hang or eat memory, guided by what they reach in the code. A text that is
# found stays in target/fuzz/artifacts; it belongs into the tests.
#
# usage: fuzz.sh SECONDS [TARGET...]   seconds for each target: yaml template envfile syntax compose
#                              homelab record journal saved_plan printing (all by default)
#
# HL_FUZZ_SEEDS   a folder of further files to begin with. The corpus that grows stays in target/fuzz/corpus.
#
# Needs a Rust toolchain and a C++ compiler, and nothing of `cargo fuzz`, which takes the same crate.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
PATH="$PATH:$HOME/.cargo/bin"

case ${1:-} in [1-9]*) seconds=$1 ;; *) sed -n '5,6s/^# //p' "$0" >&2; exit 64 ;; esac
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(yaml template envfile syntax compose homelab record journal saved_plan printing)

command -v c++ >/dev/null || scripts/packages.sh g++
work=target/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
instruments=(
    -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1
    --cfg fuzzing
)
# With a target named, what runs while building is not instrumented.
RUSTFLAGS="${instruments[*]}" cargo build --quiet --release --manifest-path fuzz/Cargo.toml --target-dir "$work" --target "$host"

seeds=$work/corpus/seeds
mkdir -p "$seeds" "$work/artifacts"
find tests/cases src services examples ${HL_FUZZ_SEEDS:+"$HL_FUZZ_SEEDS"} -type f -size -32k \
    \( -name '*.yml' -o -name '*.yaml' -o -name '*.env' -o -name 'env.example' \) -print0 |
    while IFS= read -r -d '' file; do
        cp "$file" "$seeds/$(sha256sum "$file" | cut -c1-16)"
    done

code=0
for target in "${targets[@]}"; do
    echo "== $target"
    mkdir -p "$work/corpus/$target"
    "$work/$host/release/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=512 -max_len=16384 \
        -artifact_prefix="$work/artifacts/$target-" -print_final_stats=1 -verbosity=0 "$work/corpus/$target" "$seeds" \
        2>&1 | grep -v '^INFO' || code=1
done
exit "$code"

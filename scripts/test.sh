#!/usr/bin/env bash
# Runs the tests: all of them, against a Docker engine of their own and real Compose.
#
# usage: test.sh               everything; nothing may be skipped
#        test.sh FILTER...     the tests whose names contain one of these words, with the same surroundings
#        test.sh unit [FILTER...]   only what needs nothing but Rust; the rest is listed as skipped
#
# HL_TEST_ENGINE_VERSION   the engine: machine (the Docker that is installed, the default), 26.1, 28.5, 28.5-containerd; the
#                          Compose that people have with it comes along
#
# On Debian or Ubuntu with a Rust toolchain, as root or with passwordless sudo. Installs packages that are missing and
# leaves nothing running. The exit code is 0 if all tests passed.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
PATH="$PATH:$HOME/.cargo/bin:/usr/sbin:/sbin"

die() { echo "test.sh: $*" >&2; exit 1; }
say() { echo "test.sh: $*" >&2; }

# The packages that the tests need beside Rust: a linker; an engine, its network, its images and a registry; SSH; the programs that hl drives; one that
# reads manual pages.
packages=(gcc libc6-dev git busybox-static curl docker.io docker-registry iproute2 iptables openssh-client openssh-server sudo restic age openssl faketime mandoc)

mode=all
[ "${1:-}" = unit ] && mode=unit && shift
filters=("$@")

command -v cargo >/dev/null || die "no cargo: install a Rust toolchain (rustup.rs)"
log=$(mktemp)
engine=/tmp/hl-engine-$(pwd -P | cksum | cut -d' ' -f1)
# shellcheck disable=SC2317 # it is called by the trap
cleanup() {
    rm -f "$log"
    [ "$mode" = unit ] || scripts/engine.sh stop "$engine"
}
trap cleanup EXIT

runner=(cargo test --locked)
nextest=no
cargo nextest --version >/dev/null 2>&1 && nextest=yes && runner=(cargo nextest run --locked)

if [ "$mode" = all ]; then
    # A Docker of another vendor is as good, and its packages do not go together with Debian's.
    command -v dockerd >/dev/null && packages=("${packages[@]/docker.io/}")
    # shellcheck disable=SC2068 # an emptied entry is to vanish
    scripts/packages.sh ${packages[@]}
fi

say "building"
"${runner[@]}" --no-run

if [ "$mode" = all ]; then
    export HL_TEST_ENGINE_VERSION=${HL_TEST_ENGINE_VERSION:-machine}
    case $HL_TEST_ENGINE_VERSION in
        28.*) export HL_TEST_COMPOSE_VERSION=${HL_TEST_COMPOSE_VERSION:-2.40.3} ;;
    esac
    say "starting a private engine ($HL_TEST_ENGINE_VERSION) in $engine"
    scripts/engine.sh stop "$engine"
    scripts/engine.sh start --install "$engine"
    oracle=$(scripts/oracle.sh)
    eval "$oracle"
    export HL_TEST_REQUIRE_ALL=1
    # Inside of the engine's network is no registry; all that cargo needs is there since the build.
    export CARGO_NET_OFFLINE=true
    inside=(scripts/engine.sh exec "$engine" --)
else
    unset HL_TEST_ENGINE HL_TEST_COMPOSE HL_TEST_REQUIRE_ALL
    inside=()
fi

# Golden files are compared here, never written.
export INSTA_UPDATE=no RUST_BACKTRACE=${RUST_BACKTRACE:-0}
code=0
run() { ${inside[@]+"${inside[@]}"} "$@" 2>&1 | tee -a "$log" || code=1; }
if [ "$nextest" = yes ]; then
    run "${runner[@]}" --no-fail-fast --no-tests=warn ${filters[@]+"${filters[@]}"}
    run cargo test --locked --doc -- ${filters[@]+"${filters[@]}"}
else
    run "${runner[@]}" --no-fail-fast -- ${filters[@]+"${filters[@]}"}
fi

# The sums are those of the runners; what a filter leaves out is not counted as skipped.
colours=$(printf '\033')'\[[0-9;]*m'
total() { sed "s/$colours//g" "$log" | grep -E '^test result: | tests? run: ' | grep -oE "[0-9]+ ($1)" | awk '{ n += $1 } END { print n + 0 }'; }
if [ "$nextest" = yes ]; then
    ignored=$(cargo nextest list --locked --run-ignored only -T oneline ${filters[@]+"${filters[@]}"} 2>/dev/null || true)
    # Of a program that cannot be run, as of one that hangs, no test has passed.
    failures='failed|timed out|exec failed'
else
    ignored=$(sed -nE "s/$colours//g; s/^test (.*[^ ]) +\.\.\. ignored.*/\1/p" "$log")
    failures=failed
fi
skipped=0
if [ -n "$ignored" ]; then
    skipped=$(wc -l <<<"$ignored")
    echo "skipped:"
    printf '    %s\n' "${ignored//$'\n'/$'\n    '}"
    [ "$mode" = unit ] || code=1
fi
result=passed
[ "$code" = 0 ] || result=FAILED
echo "tests $result: $(total passed) passed, $(total "$failures") failed, $skipped skipped"
exit "$code"

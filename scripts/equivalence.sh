#!/usr/bin/env bash
# Holds hl against real Compose on real projects: started by Compose, they are adopted without a touch; made by hl, they
# are what Compose would have made, and Compose recreates none of it.
#
# usage: equivalence.sh PACK [ID,ID...]   PACK is a folder with cases.jsonl, tree/ and expect/; with ids only these cases
#
# 60 projects of the pack are taken, evenly over all that are fit: one file, several services, and nothing that another
# machine cannot have (tests/it/support/pack.rs says which and what takes its place). On Debian or Ubuntu with a Rust
# toolchain, as root or with passwordless sudo. The engine is a private one, as in scripts/test.sh.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
PATH="$PATH:$HOME/.cargo/bin"

[ -f "${1:-}/cases.jsonl" ] || { echo "equivalence.sh: no pack in '${1:-}'" >&2; exit 64; }
HL_TEST_PACK=$(readlink -f "$1")
export HL_TEST_PACK HL_TEST_PACK_ONLY=${2:-}

scripts/packages.sh gcc libc6-dev busybox-static curl iproute2 iptables
engine=/tmp/hl-equal-$(pwd -P | cksum | cut -d' ' -f1)
trap 'scripts/engine.sh stop "$engine"' EXIT
cargo build --locked --quiet --test it
scripts/engine.sh stop "$engine"
scripts/engine.sh start --install "$engine"
settings=$(scripts/engine.sh env "$engine")
oracle=$(scripts/oracle.sh)
eval "$settings"
eval "$oracle"
export HL_TEST_REQUIRE_ALL=1 CARGO_NET_OFFLINE=true
scripts/engine.sh exec "$engine" -- cargo test --locked --quiet --test it -- pack::

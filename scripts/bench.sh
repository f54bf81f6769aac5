#!/usr/bin/env bash
# How long hl takes, in one run and as ratios: beside the least that any program must do, and beside a loop of real
# Compose. A hundred running containers, as 50 projects of two and as 10 projects of ten, on an engine of its own.
#
# usage: bench.sh [--quick] [ROUNDS]    ROUNDS: how often each command is measured, 7 by default
#        --quick                        three rounds, without the minutes that it takes to make everything from nothing
#
# HL_CONFORMANCE   a folder that holds, at most two levels down, a pack `compose-*.tar.xz` of compose files: how long they
#                  take to load. By default `../shared`; without it this is left out.
#
# The measurement itself is examples/bench. On Debian or Ubuntu with a Rust toolchain, as root or with passwordless
# sudo. Leaves nothing behind but what cargo built and the copy of Compose. docs/benchmarks.md says what the figures
# mean, and that a busy machine falsifies them.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
PATH="$PATH:$HOME/.cargo/bin:/usr/sbin:/sbin"

rounds=7 apply=yes
while [ $# -gt 0 ]; do
    case $1 in
        --quick) rounds=3 apply=no ;;
        [1-9]*) rounds=$1 ;;
        *) sed -n '5,6s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
    esac
    shift
done

# A Docker of another vendor is as good, and its packages do not go together with Debian's.
packages=(gcc libc6-dev busybox-static curl iproute2 iptables openssh-client openssh-server xz-utils)
command -v dockerd >/dev/null || packages+=(docker.io)
scripts/packages.sh "${packages[@]}"

cargo build --release --locked --quiet --bin hl --example bench --example mkimage
built=$(readlink -f "${CARGO_TARGET_DIR:-target}")/release

servers=()
engine=/tmp/hl-bench-$(pwd -P | cksum | cut -d' ' -f1)
folder=$(mktemp -d)
# shellcheck disable=SC2317 # it is called by the trap
cleanup() {
    [ ${#servers[@]} -eq 0 ] || kill "${servers[@]}" 2>/dev/null || true
    for one in "$engine" "$engine-1" "$engine-2"; do scripts/engine.sh stop "$one"; done
    rm -rf "$folder"
}
trap cleanup EXIT
scripts/engine.sh stop "$engine"
scripts/engine.sh start --install "$engine"
oracle=$(scripts/oracle.sh)
eval "$oracle"
"$built/examples/mkimage" --load "$engine/docker.sock" >/dev/null

measure() {
    "$built/examples/bench" "$1" "$rounds" "$built/hl" "$HL_TEST_COMPOSE" "$engine/docker.sock" "$folder"
}
echo "$(nproc) processors, $(uname -sr), engine $(docker -H "unix://$engine/docker.sock" version -f '{{.Server.Version}}'),"
echo "Compose $("$HL_TEST_COMPOSE" version --short), load $(cut -d' ' -f1 /proc/loadavg) before; $rounds rounds"
echo "hl is $(stat -c %s "$built/hl" | awk '{ printf "%.1f", $1 / 1e6 }') MB"
echo
measure config
beside=${HL_CONFORMANCE:-../shared}
pack=$(find -H "$beside" -maxdepth 2 -name 'compose-*.tar.xz' 2>/dev/null | sort | head -n 1 || true)
if [ -n "$pack" ]; then
    mkdir "$folder/pack"
    tar -xJf "$pack" -C "$folder/pack"
    "$built/examples/bench" load "$rounds" "$(find "$folder/pack" -maxdepth 2 -name cases.jsonl -printf '%h\n' -quit)"
fi
echo
measure plan
echo
# Three engines, each behind an SSH server of its own, whose shells find nothing of the user's to do.
sockets=() port=22200
for node in 0 1 2; do
    one=$engine
    [ $node = 0 ] || one=$engine-$node
    scripts/engine.sh start "$one"
    [ $node = 0 ] || "$built/examples/mkimage" --load "$one/docker.sock" >/dev/null
    sockets+=("$one/docker.sock")
    for key in host user; do ssh-keygen -q -t ed25519 -N '' -C bench -f "$folder/$key$node"; done
    printf '%s\n' "Port $((port + node))" 'ListenAddress 127.0.0.1' "HostKey $folder/host$node" 'PidFile none' \
        "AuthorizedKeysFile $folder/user$node.pub" 'StrictModes no' 'UsePAM no' 'PermitRootLogin yes' \
        "SetEnv DOCKER_HOST=unix://$one/docker.sock" >"$folder/sshd$node"
    printf '%s\n' "Host n$node.test" '  HostName 127.0.0.1' "  Port $((port + node))" '  User root' \
        "  IdentityFile $folder/user$node" '  IdentitiesOnly yes' "  UserKnownHostsFile $folder/known" >>"$folder/ssh"
    echo "[127.0.0.1]:$((port + node)) $(cat "$folder/host$node.pub")" >>"$folder/known"
    # shellcheck disable=SC2016 # the inner shell expands it
    unshare --mount --propagation private sh -c '
        mount -t tmpfs tmpfs /root; mount -t tmpfs tmpfs /run; mkdir -m 755 /run/sshd; exec /usr/sbin/sshd -D -f "$1"
    ' sshd "$folder/sshd$node" &
    servers+=($!)
done
mkdir "$folder/bin"
printf '#!/bin/sh\nexec /usr/bin/ssh -F %s "$@"\n' "$folder/ssh" >"$folder/bin/ssh"
chmod +x "$folder/bin/ssh"
sleep 1
PATH="$folder/bin:$PATH" "$built/examples/bench" ssh "$rounds" "$built/hl" "$folder" "$folder/ssh" "${sockets[@]}"
if [ "$apply" = yes ]; then
    echo
    measure apply
fi

#!/usr/bin/env bash
# Gets real Compose v2 for the tests to hold hl against: the package docker-compose of a Debian release. It is unpacked into
# a folder and run from there; nothing is installed.
#
# usage: oracle.sh [--compose VERSION] [DIR]   prints `export HL_TEST_COMPOSE=...`. VERSION: 2.26.1 (trixie, built with
#                              compose-go 2.4.8) or 2.40.3 (sid); by default $HL_TEST_COMPOSE_VERSION or 2.26.1. DIR
#                              defaults to $HL_TEST_ORACLE_DIR or a folder of that version in ~/.cache/hl-test. What is
#                              there already is not fetched again. What the archive no longer has is said, with exit
#                              code 69.
#
# On Ubuntu, whose mirrors do not carry Debian, the distribution's docker-compose-v2 takes its place, in whatever version
# it has.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
die() { echo "oracle.sh: $*" >&2; exit 1; }

version=${HL_TEST_COMPOSE_VERSION:-2.26.1}
if [ "${1:-}" = --compose ]; then
    version=${2:-}
    shift 2
fi
case $version in
    2.26.1) suite=trixie ;;
    2.40.3) suite=sid ;;
    *) die "there is no Compose $version: write 2.26.1 or 2.40.3" ;;
esac
dir=${1:-${HL_TEST_ORACLE_DIR:-${HL_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hl-test}/compose-$version}}

fetch() {
    if grep -q '^ID=ubuntu' /etc/os-release && [ -z "${HL_TEST_MIRROR:-}" ]; then
        "$here/archive.sh" ubuntu "$dir/unpacked" docker-compose-v2 >&2
        return
    fi
    local has
    has=$("$here/archive.sh" --version "$suite" docker-compose)
    case $has in
        "$version"*) ;;
        *) echo "oracle.sh: Compose $version is not in the archive any more: $suite has ${has:-none}" >&2; exit 69 ;;
    esac
    "$here/archive.sh" "$suite" "$dir/unpacked" docker-compose >&2
}

find_binary() {
    local path
    for path in usr/bin/docker-compose usr/libexec/docker/cli-plugins/docker-compose usr/lib/docker/cli-plugins/docker-compose; do
        # A link into the cli-plugins folder is absolute and leads out of the unpacked tree.
        [ -f "$dir/unpacked/$path" ] && [ ! -L "$dir/unpacked/$path" ] && echo "$dir/unpacked/$path" && return
    done
    return 1
}

mkdir -p "$dir"
dir=$(readlink -f "$dir")
binary=$(find_binary) || { fetch && binary=$(find_binary); } || die "the package did not hold docker-compose"
"$binary" version --short >/dev/null || die "$binary does not run here"
echo "export HL_TEST_COMPOSE=$binary"

#!/usr/bin/env bash
# Gets real Compose v2 for the tests to hold hl against: the package docker-compose of Debian trixie, 2.26.1, built
# with compose-go 2.4.8. It is unpacked into a folder and run from there; nothing is installed.
#
# usage: oracle.sh [DIR]       prints `export HL_TEST_COMPOSE=...`; DIR defaults to $HL_TEST_ORACLE_DIR or
#                              ~/.cache/hl-test/oracle. What is there already is not fetched again.
#
# The mirror is the one that the machine's own apt sources name. On Ubuntu, whose mirrors do not carry Debian, the
# distribution's docker-compose-v2 takes its place, in whatever version it has. $HL_TEST_MIRROR names a Debian mirror
# explicitly.
set -euo pipefail

dir=${1:-${HL_TEST_ORACLE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/hl-test/oracle}}
die() { echo "oracle.sh: $*" >&2; exit 1; }

# Prints "URI KEYRING" of the machine's main archive, from both forms of apt's sources; KEYRING may be empty.
main_archive() {
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk '
        function flush() { if (deb && main && uri) print uri, key; deb = main = 0; uri = key = "" }
        /^[ \t]*$/ { flush() }
        /^Types:/ { deb = / deb( |$)/ }
        /^Components:/ { main = / main( |$)/ }
        /^URIs:/ { uri = $2 }
        /^Signed-By:/ && $2 ~ /^\// { key = $2 }
        END { flush() }'
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | awk '
        $1 == "deb" && / main( |$)/ {
            key = ""
            if (match($0, /signed-by=[^] ]+/)) key = substr($0, RSTART + 10, RLENGTH - 10)
            sub(/\[[^]]*\] */, "")
            print $2, key
        }'
}

fetch() {
    local distribution=debian suite=trixie package=docker-compose line uri key
    grep -q '^ID=ubuntu' /etc/os-release && distribution=ubuntu
    if [ "$distribution" = ubuntu ] && [ -z "${HL_TEST_MIRROR:-}" ]; then
        package=docker-compose-v2
        suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    fi
    # The security archive has no packages of its own release beside the main one.
    line=$(main_archive | grep -v security | head -n 1)
    read -r uri key <<<"$line"
    uri=${HL_TEST_MIRROR:-$uri}
    [ -n "$uri" ] || die "the machine's apt sources name no archive; set HL_TEST_MIRROR"
    local work=$dir/apt
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    local options
    options="arch=$(dpkg --print-architecture)${key:+ signed-by=$key}"
    local components=main
    [ "$package" = docker-compose-v2 ] && components="main universe" && suite="$suite $suite-updates"
    : >"$work/sources.list"
    for one in $suite; do echo "deb [$options] $uri $one $components" >>"$work/sources.list"; done
    local apt=(apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o Acquire::Languages=none
        -o APT::Sandbox::User="$(id -un)")
    "${apt[@]}" update >&2
    (cd "$work" && "${apt[@]}" download "$package" >&2)
    dpkg -x "$work/${package}"_*.deb "$dir/unpacked"
    rm -rf "$work"
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

#!/usr/bin/env bash
# Unpacks packages of another Debian release into a folder. Nothing is installed: what is in them is run from there.
#
# usage: archive.sh SUITE DIR PACKAGE...     SUITE: trixie, sid, …; on Ubuntu `ubuntu` is the machine's own release
#        archive.sh --version SUITE PACKAGE  the version that the archive has, or nothing
#        archive.sh --sources SUITE          the lines of apt's sources for it, with those of its security updates
#
# The mirror is the one that the machine's own apt sources name; $HL_TEST_MIRROR names one explicitly. What has left the
# archive is said by name.
set -euo pipefail
die() { echo "archive.sh: $*" >&2; exit 1; }
usage() { sed -n '4,6s/^# \{0,1\}//p' "$(readlink -f "$0")" >&2; exit 64; }

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

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Prints the lines of apt's sources that a suite has, with the mirror and the key of the machine.
source_lines() {
    local suite=$1 uri key options components=main one
    # The security archive has no packages of its own release beside the main one.
    read -r uri key <<<"$(main_archive | grep -v security | head -n 1)"
    uri=${HL_TEST_MIRROR:-$uri}
    [ -n "$uri" ] || die "the machine's apt sources name no archive; set HL_TEST_MIRROR"
    if [ "$suite" = ubuntu ]; then
        suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
        suite="$suite $suite-updates" components="main universe"
    fi
    options="arch=$(dpkg --print-architecture)${key:+ signed-by=$key}"
    for one in $suite; do echo "deb [$options] $uri $one $components"; done
}

# Prints the line of the security updates of a suite, where the machine's own sources name their archive.
security_line() {
    local suite=$1 uri key components=main
    [ "$suite" != sid ] && [ -z "${HL_TEST_MIRROR:-}" ] || return 0
    read -r uri key <<<"$(main_archive | grep security | head -n 1)"
    [ -n "$uri" ] || return 0
    if [ "$suite" = ubuntu ]; then
        suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release) components="main universe"
    fi
    echo "deb [arch=$(dpkg --print-architecture)${key:+ signed-by=$key}] $uri $suite-security $components"
}

# Reads the lists of a suite, beside those of the machine, which stay as they are.
read_lists() {
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    source_lines "$1" >"$work/sources.list"
    apt=(-o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists="$work/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$work/cache"
        -o Acquire::Languages=none -o APT::Sandbox::User="$(id -un)")
    apt-get -q "${apt[@]}" update >&2
}

version() {
    apt-cache "${apt[@]}" show "$1" 2>/dev/null | sed -n 's/^Version: //p' | head -n 1
}

if [ "${1:-}" = --version ]; then
    [ $# = 3 ] || usage
    read_lists "$2"
    version "$3"
    exit
fi
if [ "${1:-}" = --sources ]; then
    [ $# = 2 ] || usage
    source_lines "$2"
    security_line "$2"
    exit
fi
[ $# -ge 3 ] || usage
suite=$1 dir=$2
shift 2
read_lists "$suite"
for package in "$@"; do
    [ -n "$(version "$package")" ] || die "the package $package is not in $suite any more"
    (cd "$work" && apt-get -q "${apt[@]}" download "$package" >&2) || die "$package of $suite cannot be downloaded"
done
mkdir -p "$dir"
for package in "$work"/*.deb; do dpkg -x "$package" "$dir"; done

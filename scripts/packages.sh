#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages among its arguments that are missing, and starts no service of theirs: what
# the tests need of a Docker engine or an SSH server, they start themselves.
#
# usage: packages.sh PACKAGE...      as root, or with passwordless sudo
set -euo pipefail

missing=()
for package in "$@"; do
    [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
[ "$(id -u)" = 0 ] || exec sudo -n "$(readlink -f "$0")" "${missing[@]}"

# The way in which Debian's packages ask whether they may start their services.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
{ apt-get -q update && apt-get -q install -y --no-install-recommends "${missing[@]}"; } >&2

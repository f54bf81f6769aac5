#!/usr/bin/env bash
# Prints the crates that a release of hl is made of, one a line: `NAME VERSION`. What only runs while hl is built, such as
# a macro, is not in the program and not in the list.
#
# usage: linked.sh TARGET
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
cargo tree --locked --edges normal,no-proc-macro --target "$1" --prefix none --format '{p}' |
    awk '{ print $1, substr($2, 2) }' | LC_ALL=C sort -u

#!/usr/bin/env bash
# Prints the licences of all that is linked into hl, as they ask for: which crate has which, and each text once, with the
# crates that it is of.
#
# usage: notices.sh TARGET
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
target=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/texts" "$work/names"

# keep NAME FILE: notes a text and whose it is.
keep() {
    local sum
    sum=$(sha256sum <"$2" | cut -d' ' -f1)
    [ -e "$work/texts/$sum" ] || { cp "$2" "$work/texts/$sum" && echo "$sum" >>"$work/order"; }
    grep -qxF "$1" "$work/names/$sum" 2>/dev/null || echo "$1" >>"$work/names/$sum"
}

cargo metadata --locked --format-version 1 --filter-platform "$target" |
    jq -r '.packages[] | select(.source != null) | [.name, .version, .license // "see its text", .manifest_path] | @tsv' |
    LC_ALL=C sort >"$work/packages"
scripts/release/linked.sh "$target" >"$work/linked"

echo "hl is built from the following, each under the licence beside its name. The texts are below."
echo
while IFS=$'\t' read -r name version licence manifest; do
    grep -qxF "$name $version" "$work/linked" || continue
    printf '%-28s %-18s %s\n' "$name" "$version" "$licence"
    while IFS= read -r text; do keep "$name $version" "$text"; done < <(find "$(dirname "$manifest")" -maxdepth 1 -type f \
        \( -iname 'licen[sc]e*' -o -iname 'copying*' -o -iname 'copyright*' -o -iname 'notice*' \) | LC_ALL=C sort)
done <"$work/packages"
rust="$(rustc --version | cut -d' ' -f2)"
printf '%-28s %-18s %s\n' "Rust's standard library" "$rust" "MIT OR Apache-2.0"
printf '%-28s %-18s %s\n' musl "" MIT
keep "Rust's standard library $rust" "$(rustc --print sysroot)/share/doc/rust/licenses/MIT.txt"
keep musl /usr/share/doc/musl/copyright

while read -r sum; do
    printf '\n%s\n' "--------------------------------------------------------------------------------"
    paste -s -d, "$work/names/$sum" | sed 's/,/, /g' | fold -s -w 80 | sed 's/ $//'
    printf '%s\n\n' "--------------------------------------------------------------------------------"
    # Some texts come with the line ends of another system.
    tr -d '\r' <"$work/texts/$sum"
done <"$work/order"

#!/usr/bin/env bash
# Prints what is in a release as a bill of materials: CycloneDX 1.5 in JSON. The crates with their licences, the sums of
# their archives and which uses which; Rust's own library and the C library, which are linked, too.
#
# usage: sbom.sh TARGET      SOURCE_DATE_EPOCH is the time that it says
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
target=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

scripts/release/linked.sh "$target" >"$work/linked"
cargo metadata --locked --format-version 1 --filter-platform "$target" >"$work/metadata.json"
# The sums that Cargo.lock has: NAME VERSION SHA256.
awk -F'"' '/^name = /{ n = $2 } /^version = /{ v = $2 } /^checksum = /{ print n, v, $2 }' Cargo.lock >"$work/sums"
rust=$(rustc --version | cut -d' ' -f2)
libc=$(strings -a "$(rustc --print sysroot)/lib/rustlib/$target/lib/self-contained/libc.a" 2>/dev/null |
    grep -m 1 -xE '1\.[0-9]+\.[0-9]+' || true)

jq -n --rawfile linked "$work/linked" --rawfile sums "$work/sums" --slurpfile metadata "$work/metadata.json" \
    --arg rust "$rust" --arg libc "$libc" --argjson time "${SOURCE_DATE_EPOCH:-0}" '
    def rows: split("\n") | map(select(. != "") | split(" "));
    def purl: "pkg:cargo/\(.[0])@\(.[1])";
    # Some older crates write a choice of licences with a slash.
    def licence: if . == null then {} else { licenses: [{ expression: gsub("/"; " OR ") }] } end;
    ($linked | rows | map({ key: purl, value: true }) | from_entries) as $in |
    ($sums | rows | map({ key: purl, value: .[2] }) | from_entries) as $sum |
    ($metadata[0].packages | map({ key: .id, value: ([.name, .version] | purl) }) | from_entries) as $purl |
    def component: ([.name, .version] | purl) as $ref | {
        type: "library", "bom-ref": $ref, name, version, purl: $ref, scope: "required"
    } + (if .description then { description: (.description | gsub("\\s+"; " ") | sub(" $"; "")) } else {} end)
      + (.license | licence)
      + (if $sum[$ref] then { hashes: [{ alg: "SHA-256", content: $sum[$ref] }] } else {} end)
      + (if .repository then { externalReferences: [{ type: "vcs", url: .repository }] } else {} end);
    ($metadata[0].packages | map(select($in[[.name, .version] | purl])) | sort_by(.name, .version)) as $packages |
    ($packages[] | select(.source == null)) as $hl | ([$hl.name, $hl.version] | purl) as $root |
    ([{ type: "library", "bom-ref": "rust-std", name: "rust-std", version: $rust, scope: "required" }
        + ("MIT OR Apache-2.0" | licence)]
      + (if $libc == "" then [] else
          [{ type: "library", "bom-ref": "musl", name: "musl", version: $libc, scope: "required" } + ("MIT" | licence)]
        end)) as $system |
    {
        bomFormat: "CycloneDX", specVersion: "1.5", version: 1,
        metadata: {
            timestamp: ($time | todate),
            component: ($hl | component | .type = "application" | del(.scope))
        },
        components: (($packages | map(select(.source != null) | component)) + $system),
        dependencies: (
            ($metadata[0].resolve.nodes | map(
                $purl[.id] as $ref | select($in[$ref]) | {
                    ref: $ref,
                    dependsOn: ([.deps[] | select(any(.dep_kinds[]; .kind == null)) | $purl[.pkg] | select($in[.])]
                        + (if $ref == $root then $system | map(.["bom-ref"]) else [] end) | unique)
                }) | sort_by(.ref)
            ) + ($system | map({ ref: .["bom-ref"], dependsOn: [] }))
        )
    }'

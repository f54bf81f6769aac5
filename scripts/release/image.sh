#!/usr/bin/env bash
# Makes a container image of hl: a small Debian with an SSH client, git and certificates, and the program. The file is an
# OCI image and one for `docker load`, so that old engines take it as well.
#
# usage: image.sh TREE VERSION FILE    TREE: what is laid over Debian, such as usr/local/bin/hl
#
# SOURCE_DATE_EPOCH   the time of all files
# HL_COMMIT           the commit, for a label
#
# Without a registry: Debian's packages come from the mirror that the machine's own apt sources name.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
tree=$1 version=$2 file=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
blobs=$work/image/blobs/sha256
mkdir -p "$blobs"

suite=trixie codename=trixie
if grep -q '^ID=ubuntu' /etc/os-release && [ -z "${HL_TEST_MIRROR:-}" ]; then
    suite=ubuntu codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
fi

# The user that hl runs as, whose home is for keys of SSH. A mounted repository may belong to another user, which git
# otherwise takes for an attack. No sources of apt: they name the mirror of the machine that made the image.
cat >"$work/customise" <<'END'
#!/bin/sh
set -e
cd "$1"
echo 'hl:x:1000:1000:hl:/home/hl:/bin/sh' >>etc/passwd
echo 'hl:x:1000:' >>etc/group
printf '[safe]\n\tdirectory = /homelab\n' >etc/gitconfig
mkdir -m 755 home/hl homelab
mkdir -m 700 home/hl/.ssh
chown -R 1000:1000 home/hl homelab
rm -rf etc/apt/sources.list etc/apt/sources.list.d
END
chmod +x "$work/customise"
# Git's programs in Perl are not what hl calls, and their libraries are a third of everything.
leave_out=(/usr/share/man /usr/share/info /usr/share/locale /usr/share/doc /usr/share/perl '/usr/lib/*/perl' /usr/share/gitweb)
options=()
for path in "${leave_out[@]}"; do options+=(--dpkgopt="path-exclude=$path/*"); done
options+=(--dpkgopt='path-include=/usr/share/doc/*/copyright')
scripts/archive.sh --sources "$suite" >"$work/sources"
mmdebstrap --quiet --variant=essential --include=openssh-client,git,ca-certificates "${options[@]}" \
    --aptopt='APT::Install-Recommends "false"' --customize-hook="$work/customise" \
    --format=tar "$codename" "$work/base.tar" - <"$work/sources" >&2
tar -C "$tree" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --format=ustar -cf "$work/hl.tar" .

# Moves a file among the blobs, and prints its digest and its size.
blob() {
    local sum size
    sum=$(sha256sum "$1" | cut -d' ' -f1) size=$(stat -c %s "$1")
    mv "$1" "$blobs/$sum"
    echo "$sum $size"
}

layers='[]' ids='[]' paths='[]'
for layer in base hl; do
    id=$(sha256sum "$work/$layer.tar" | cut -d' ' -f1)
    gzip -n "$work/$layer.tar"
    read -r sum size <<<"$(blob "$work/$layer.tar.gz")"
    ids=$(jq -c --arg id "sha256:$id" '. + [$id]' <<<"$ids")
    paths=$(jq -c --arg path "blobs/sha256/$sum" '. + [$path]' <<<"$paths")
    layers=$(jq -c --arg sum "$sum" --argjson size "$size" '. + [{
        mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: "sha256:\($sum)", size: $size }]' <<<"$layers")
done

architecture=$(dpkg --print-architecture)
jq -nc --argjson ids "$ids" --arg architecture "$architecture" --arg version "$version" --arg commit "${HL_COMMIT:-}" \
    --argjson time "$SOURCE_DATE_EPOCH" '($time | todate) as $created | {
    created: $created, architecture: $architecture, os: "linux",
    config: {
        User: "1000:1000", WorkingDir: "/homelab", Entrypoint: ["/usr/local/bin/hl"], Cmd: ["--help"],
        Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        Labels: ({
            "org.opencontainers.image.title": "hl", "org.opencontainers.image.version": $version,
            "org.opencontainers.image.created": $created, "org.opencontainers.image.licenses": "MIT"
        } + (if $commit == "" then {} else { "org.opencontainers.image.revision": $commit } end))
    },
    rootfs: { type: "layers", diff_ids: $ids },
    history: [{ created: $created, created_by: "Debian" }, { created: $created, created_by: "hl" }]
}' >"$work/config"
read -r config config_size <<<"$(blob "$work/config")"
jq -nc --arg config "$config" --argjson size "$config_size" --argjson layers "$layers" '{
    schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: "sha256:\($config)", size: $size },
    layers: $layers
}' >"$work/manifest"
read -r manifest manifest_size <<<"$(blob "$work/manifest")"

echo '{"imageLayoutVersion":"1.0.0"}' >"$work/image/oci-layout"
jq -nc --arg manifest "$manifest" --argjson size "$manifest_size" --arg architecture "$architecture" --arg version "$version" '{
    schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [{
        mediaType: "application/vnd.oci.image.manifest.v1+json", digest: "sha256:\($manifest)", size: $size,
        platform: { architecture: $architecture, os: "linux" },
        annotations: {
            "org.opencontainers.image.ref.name": $version, "io.containerd.image.name": "docker.io/library/hl:\($version)"
        }
    }]
}' >"$work/image/index.json"
jq -nc --arg config "blobs/sha256/$config" --arg tag "hl:$version" --argjson layers "$paths" \
    '[{ Config: $config, RepoTags: [$tag], Layers: $layers }]' >"$work/image/manifest.json"
tar -C "$work/image" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --format=ustar -cf "$file" blobs index.json manifest.json oci-layout

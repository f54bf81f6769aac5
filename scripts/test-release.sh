#!/usr/bin/env bash
# Tries the files of a release as people install them: in a fresh Debian that has nothing else, on an engine of its own,
# and, what is static, in a folder without any library. Packs twice, to see that the bytes are the same.
#
# usage: test-release.sh                  build the release, which takes long, and try it
#        test-release.sh --binary PATH    pack this program, such as target/debug/hl, in a minute or two
#
# On Debian or Ubuntu with rustup, as root or with passwordless sudo. Leaves nothing behind but what cargo built.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
PATH="$PATH:/usr/sbin:/sbin"
die() { echo "test-release.sh: $*" >&2; exit 1; }
say() { echo "== $*"; }

binary=''
case ${1:-} in
    '') ;;
    --binary)
        binary=$(readlink -f "${2:-}" || true)
        [ -x "$binary" ] || die "there is no program ${2:-}"
        ;;
    *) sed -n '5,6s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac
if [ "$(id -u)" != 0 ]; then exec sudo -n env PATH="$PATH" HOME="$HOME" "$(readlink -f "$0")" "$@"; fi

packages=(curl iproute2 iptables jq lintian mmdebstrap openssl)
# A Docker of another vendor is as good, and its packages do not go together with Debian's.
command -v dockerd >/dev/null || packages+=(docker.io)
scripts/packages.sh "${packages[@]}"
engine=/tmp/hl-release-$(pwd -P | cksum | cut -d' ' -f1)
work=$(mktemp -d)
trap 'scripts/engine.sh stop "$engine"; rm -rf "$work"' EXIT
trap 'echo "test-release.sh: FAILED in line $LINENO" >&2' ERR

version=$(sed -n '0,/^version = /s/^version = "\(.*\)"/\1/p' Cargo.toml)
name=hl-$version-$(uname -m)
deb=$work/one/hl_${version}_$(dpkg --print-architecture).deb

say "packed twice, the same bytes"
scripts/release.sh ${binary:+--binary "$binary"} "$work/one"
tar -xzf "$work/one/$name-linux.tar.gz" -C "$work" "$name-linux/bin/hl"
hl=$work/$name-linux/bin/hl
scripts/release.sh --binary "$hl" "$work/two" 2>/dev/null
diff -r "$work/one" "$work/two"
[ -n "$binary" ] || "$hl" --version | grep -qF "($(git rev-parse --short=10 HEAD)"
(cd "$work/one" && sha256sum --quiet -c SHA256SUMS && [ "$(wc -l <SHA256SUMS)" = 4 ])

say "the bill of materials has what is linked"
# shellcheck disable=SC2016 # jq's variables
jq -e --rawfile linked <(scripts/release/linked.sh "$(uname -m)-unknown-linux-musl") '
    ([.components[], .metadata.component] | map(.["bom-ref"])) as $refs |
    ($linked | split("\n") | map(select(. != "") | split(" ") | "pkg:cargo/\(.[0])@\(.[1])")) as $crates |
    ($crates - $refs == []) and ($refs | length == (unique | length)) and ([.dependencies[].dependsOn[]] - $refs == []) and
    ([.components[] | select(.licenses | not)] == [])' "$work/one/$name.cdx.json" >/dev/null

say "lintian"
tags=()
# A program that is there for a try is linked with the C library of this machine, and its package does not say so.
[ -z "$binary" ] || tags=(--suppress-tags undeclared-elf-prerequisites)
lintian --allow-root --fail-on error,warning ${tags[@]+"${tags[@]}"} "$deb"

say "a fresh system"
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
scripts/archive.sh --sources "$(grep -q '^ID=ubuntu' /etc/os-release && echo ubuntu || echo "$suite")" >"$work/sources"
root=$work/root
mmdebstrap --quiet --variant=minbase --include=bash-completion,fish,man-db,zsh "$suite" "$root" - <"$work/sources"
# Runs a program in the fresh system, with mounts and processes of its own.
inside() {
    # shellcheck disable=SC2016 # the inner shell expands it
    unshare --mount --pid --fork --kill-child --propagation private sh -c '
        root=$1 && shift && mount -t proc proc "$root/proc" && exec env -i PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin \
            HOME=/root LANG=C.UTF-8 MANPAGER=cat chroot "$root" "$@"' sh "$root" "$@"
}
# The checks that hold wherever hl is installed.
works() {
    inside hl --version | grep -q "^hl $version" || die "hl does not say its version"
    inside man hl | grep -q 'EXIT STATUS' || die "there is no page hl(1)"
    inside man hl-plan | grep -q -- '--detailed-exitcode' || die "there is no page hl-plan(1)"
    # shellcheck disable=SC2016 # bash in there expands it
    inside bash -c '. /usr/share/bash-completion/bash_completion
        _comp_load hl 2>/dev/null || _completion_loader hl
        COMP_WORDS=(hl vali) COMP_CWORD=1
        _hl hl vali hl; echo "${COMPREPLY[@]}"' | grep -qx validate || die "bash does not complete hl"
    # shellcheck disable=SC2016 # zsh expands it
    inside zsh -fc 'autoload -Uz compinit; compinit -D -u; print $_comps[hl]' | grep -qx _hl || die "zsh does not complete hl"
    # As a desktop has it; fish by itself looks below /usr alone.
    inside env XDG_DATA_DIRS=/usr/local/share:/usr/share fish -c 'complete -C "hl vali"' | grep -q ^validate || die "fish does not complete hl"
    inside hl -C "$1/share/doc/hl/examples/quickstart" validate || die "the quickstart is not valid"
}

say "the Debian package"
cp "$deb" "$root/hl.deb"
inside dpkg -i /hl.deb
works /usr
inside dpkg --verify hl
inside dpkg --purge hl
[ -z "$(find "$root/usr" "$root/etc" -name '*hl*' -newer "$root/hl.deb")" ] || die "something of the package stays"

say "the archive, by the line of the README"
line=$(sed -n 's/^sudo \(tar -xzf hl-.*\)$/\1/p' README.md)
[ -n "$line" ] || die "README.md does not say how to unpack the archive"
cp "$work/one/$name-linux.tar.gz" "$root/root"
inside sh -c "cd && $line"
works /usr/local
[ "$(inside sh -c 'command -v hl')" = /usr/local/bin/hl ]

if readelf -lW "$hl" | grep -q INTERP; then
    echo "left out: the program is not static, so it cannot run without libraries"
else
    say "without any library: names of machines"
    bare=$work/bare
    mkdir -p "$bare"/{bin,etc,certs,homelab/inventory}
    cp "$hl" "$bare/bin"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=test \
        -keyout "$bare/certs/key.pem" -out "$bare/certs/cert.pem" 2>/dev/null
    cp "$bare/certs/cert.pem" "$bare/certs/ca.pem"
    cp /etc/resolv.conf "$bare/etc"
    printf '127.0.0.1 localhost\n127.0.0.1 engine.test\n' >"$bare/etc/hosts"
    # A name that only DNS knows: that of the mirror.
    public=$(sed -n 's|.* https\?://\([^/: ]*\)[/:].*|\1|p' "$work/sources" | head -n 1)
    printf 'version: 1\nname: home\nnodes:\n' >"$bare/homelab/inventory/topology.yaml"
    for node in localhost engine.test nowhere.test "$public"; do
        printf '  %s: { address: "tcp://%s:1", connect_timeout: 5s }\n' "${node%%.*}" "$node"
    done >>"$bare/homelab/inventory/topology.yaml"
    plan=$(env -i HOME=/homelab DOCKER_CERT_PATH=/certs "$(command -v chroot)" "$bare" /bin/hl -C /homelab plan --format json 2>&1 || true)
    unknown() { grep -F "tcp://$1:1" <<<"$plan" | grep -q "$2"; }
    unknown localhost refused || die "localhost is not found: $plan"
    unknown engine.test refused || die "a name of /etc/hosts is not found: $plan"
    unknown nowhere.test lookup || die "a name that is nowhere is found: $plan"
    if getent ahosts "$public" >/dev/null; then
        ! unknown "$public" lookup || die "DNS is not asked: $plan"
    fi
fi

say "the container image"
scripts/engine.sh stop "$engine"
scripts/engine.sh start --install "$engine"
settings=$(scripts/engine.sh env "$engine")
eval "$settings"
docker load --quiet --input "$work/one/$name.oci.tar"
image=hl:$version
docker run --rm "$image" --version | grep "^hl $version"
[ "$(docker run --rm --entrypoint id "$image" -un)" = hl ] || die "the image runs as another user"
docker run --rm --entrypoint sh "$image" -ec 'ssh -V; git --version; [ -s /etc/ssl/certs/ca-certificates.crt ]; touch here'
# A repository of somebody else, as it is when a person mounts theirs.
cp -R examples/quickstart "$work/homelab"
(cd "$work/homelab" && git init --quiet && git add -A)
mkdir "$work/node"
chown 1000:1000 "$work/homelab" "$work/node"
chmod 755 "$work"
docker run --rm -v "$work/homelab:/homelab:ro" "$image" validate
docker run --rm -v "$work/homelab:$work/homelab" -w "$work/homelab" -v "$work/node:/opt/homelab-quickstart" \
    -v "$engine/docker.sock:/var/run/docker.sock" --group-add "$(stat -c %g "$engine/docker.sock")" "$image" plan |
    tee "$work/plan"
grep -q 'Plan: .* to create' "$work/plan" || die "there is no plan"

echo
echo "release tried: $(cut -d' ' -f3 "$work/one/SHA256SUMS" | paste -s -d' ')"

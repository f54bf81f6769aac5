#!/usr/bin/env bash
# Builds what a person installs: an archive for /usr/local, a Debian package, a container image, a bill of materials and
# the sums of all of them. The program is static and runs on any Linux of this machine's processor.
#
# usage: release.sh [--binary PATH] [OUT]   OUT: a folder, target/release-files by default
#        --binary                           pack this program instead of building one
#
# Packing the same program again gives the same bytes, as long as the packages that the image is made of are the same. The
# time of all files is that of the commit, or SOURCE_DATE_EPOCH. On Debian or Ubuntu with rustup, as root or with passwordless sudo.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
PATH="$PATH:$HOME/.cargo/bin:/usr/sbin:/sbin"
die() { echo "release.sh: $*" >&2; exit 1; }
say() { echo "release.sh: $*" >&2; }

binary='' out=target/release-files
while [ $# -gt 0 ]; do
    case $1 in
        --binary) binary=${2:-}; shift; [ -x "$binary" ] || die "there is no program $binary" ;;
        -*) sed -n '5,6s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
        *) out=$1 ;;
    esac
    shift
done

scripts/packages.sh binutils dpkg gcc jq libc6-dev mmdebstrap musl-tools xz-utils
version=$(sed -n '0,/^version = /s/^version = "\(.*\)"/\1/p' Cargo.toml)
processor=$(uname -m) target=$(uname -m)-unknown-linux-musl
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
HL_COMMIT=${HL_COMMIT:-$(git describe --always --dirty --abbrev=10 --exclude '*')}
export SOURCE_DATE_EPOCH HL_COMMIT LC_ALL=C TZ=UTC
umask 022

rustup target list --installed | grep -qxF "$target" || rustup target add "$target"
if [ -z "$binary" ]; then
    say "building hl $version ($HL_COMMIT) for $target"
    # Where it was built says nothing to who runs it, and must not make two builds differ.
    RUSTFLAGS="--remap-path-prefix=$PWD=. --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" \
        cargo build --locked --quiet --profile dist --target "$target" --bin hl
    binary=${CARGO_TARGET_DIR:-target}/$target/dist/hl
    readelf -lW "$binary" | grep -q INTERP && die "$binary is not static"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
name=hl-$version-$processor
tree=$work/$name-linux doc=$work/$name-linux/share/doc/hl

say "the files that go below /usr/local"
install -D -m 755 --strip "$binary" "$tree/bin/hl"
said=$("$tree/bin/hl" --version)
[[ $said =~ ^"hl $version"(\ \((.*)\))?$ ]] || die "this is $said, and Cargo.toml has $version"
# Of a program that was built elsewhere it alone knows the commit.
HL_COMMIT=${BASH_REMATCH[2]:-}
"$tree/bin/hl" man "$tree/share/man/man1"
# complete SHELL FILE
complete() { mkdir -p "$(dirname "$tree/share/$2")" && "$tree/bin/hl" completions "$1" >"$tree/share/$2"; }
complete bash bash-completion/completions/hl
complete zsh zsh/site-functions/_hl
complete fish fish/vendor_completions.d/hl.fish
mkdir -p "$doc"
git ls-files -z README.md CHANGELOG.md LICENSE docs examples/quickstart | xargs -0 cp --parents -t "$doc"
scripts/release/notices.sh "$target" >"$doc/NOTICES"

mkdir -p "$out"
out=$(readlink -f "$out")
rm -f "$out"/hl[-_]* "$out/SHA256SUMS"
say "$name-linux.tar.gz"
tar -C "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --format=ustar -c "$name-linux" | gzip -n9 >"$out/$name-linux.tar.gz"
deb=hl_${version}_$(dpkg --print-architecture).deb
say "$deb"
scripts/release/deb.sh "$tree" "$version" "$out/$deb"
say "$name.oci.tar"
install -D -m 755 "$tree/bin/hl" "$work/image/usr/local/bin/hl"
install -D -m 644 -t "$work/image/usr/local/share/doc/hl" "$doc/LICENSE" "$doc/NOTICES"
scripts/release/image.sh "$work/image" "$version" "$out/$name.oci.tar"
say "$name.cdx.json"
scripts/release/sbom.sh "$target" >"$out/$name.cdx.json"
(cd "$out" && sha256sum hl[-_]* >SHA256SUMS)
(cd "$out" && ls -sh1 hl[-_]* SHA256SUMS) >&2

#!/usr/bin/env bash
# Makes a Debian package of a tree in which hl lies as below /usr.
#
# usage: deb.sh TREE VERSION FILE
#
# SOURCE_DATE_EPOCH       the time of all files
# DEBFULLNAME, DEBEMAIL   who makes the package; the author of the last commit by default
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
tree=$1 version=$2 file=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
maintainer="${DEBFULLNAME:-$(git log -1 --format=%an)} <${DEBEMAIL:-$(git log -1 --format=%ae)}>"

root=$work/root doc=$work/root/usr/share/doc/hl
mkdir -p "$root/DEBIAN"
cp -R "$tree" "$root/usr"
# Where Debian has it, and where /usr/local has it otherwise.
mkdir -p "$root/usr/share/zsh/vendor-completions"
mv "$root/usr/share/zsh/site-functions/_hl" "$root/usr/share/zsh/vendor-completions/_hl"
rmdir "$root/usr/share/zsh/site-functions"
gzip -n9 "$root"/usr/share/man/man1/*.1 "$doc/CHANGELOG.md" "$doc/NOTICES"

{
    echo 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/'
    echo 'Upstream-Name: hl'
    echo 'Comment: The licences of what is linked into hl are in NOTICES.gz, in this folder.'
    printf '\nFiles: *\n'
    sed -n 's/^Copyright (c) /Copyright: /p' LICENSE
    echo 'License: MIT'
    sed '1,/^Copyright/d; s/^$/./; s/^/ /' LICENSE | sed 1d
} >"$doc/copyright"
rm "$doc/LICENSE"
printf 'hl (%s) unstable; urgency=medium\n\n  * CHANGELOG.md.gz says what is new.\n\n -- %s  %s\n' "$version" "$maintainer" \
    "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -n9 >"$doc/changelog.gz"
mkdir -p "$root/usr/share/lintian/overrides"
cat >"$root/usr/share/lintian/overrides/hl" <<'END'
# One program for every Debian and Ubuntu, whatever C library they have. It can be loaded anywhere in memory, so that some
# versions of lintian take it for a library.
hl: statically-linked-binary [usr/bin/hl]
hl: shared-library-lacks-prerequisites [usr/bin/hl]
# It was never in Debian, so that no bug asks for it.
hl: initial-upload-closes-no-bugs *
END
chmod -R u=rwX,go=rX "$root"

cat >"$root/DEBIAN/control" <<END
Package: hl
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: $maintainer
Installed-Size: $(du -k --apparent-size -s "$root/usr" | cut -f1)
Recommends: git, openssh-client
Suggests: age, docker.io
Section: admin
Priority: optional
Description: plan and apply for a homelab that runs on Docker Compose
 A git repository says which services run on which machines. hl compares that
 with what really runs, field by field, and shows what would change, in which
 order, and why. It then does exactly that, verifies that each service works
 before its dependents go on, and records the result, so that drift shows.
 .
 The machines need nothing but Docker and a shell.
END
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
chmod 644 "$root"/DEBIAN/*
dpkg-deb --root-owner-group -Zxz --threads-max=1 --build "$root" "$file" >&2

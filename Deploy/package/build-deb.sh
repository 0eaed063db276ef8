#!/bin/bash
# Makes a Debian package of what `make install` has put into a directory: `make deb` calls it, and says in
# SOURCE_DATE_EPOCH of which time it is.
#
#     build-deb.sh ROOT PACKAGE.deb VERSION
set -euo pipefail
root=$(realpath "$1") package=$2 version=$3
here=$(cd "$(dirname "$0")" && pwd)
maintainer=${DEB_MAINTAINER:-Footfall maintainers <maintainers@footfall.example>}
documents=$root/usr/share/doc/footfall

# The documents that Debian's policy wants, in place of those that it has elsewhere.
rm "$documents/LICENSE"
install -m 644 "$here/copyright" "$documents/copyright"
gzip -9nc "$documents/CHANGELOG.md" > "$documents/changelog.gz"
rm "$documents/CHANGELOG.md"
gzip -9nc > "$documents/changelog.Debian.gz" <<END
footfall ($version) unstable; urgency=medium

  * Footfall ${version%-*}: see changelog.gz.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END

install -D -m 644 "$here/lintian-overrides" "$root/usr/share/lintian/overrides/footfall"

# What the programs need is what they are linked with. dpkg-shlibdeps wants the control file of a source.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/debian" "$root/DEBIAN"
printf 'Source: footfall\n\nPackage: footfall\nArchitecture: any\n' > "$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O -e"$root/usr/bin/footfall" -e"$root/usr/bin/footfall-bench")

cat > "$root/DEBIAN/control" <<END
Package: footfall
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: $maintainer
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Pre-Depends: init-system-helpers (>= 1.54~)
Depends: ${depends#shlibs:Depends=}, systemd | systemd-standalone-sysusers | systemd-sysusers
Suggests: nginx | haproxy | caddy, kcat
Section: web
Priority: optional
Description: collector of hits from web pages, each on disk before its answer
 A page loads /track.js (or an image, or sends a beacon). Footfall gives the
 visitor an identifier in a cookie, writes the hit to an append-only log on the
 local disk, and only then answers: an acknowledged hit is on disk.
 .
 Stored hits are lines of JSON, which Footfall reports on, checks, and forwards
 to Apache Kafka. A load tester is included that proves that none was lost.
END
(cd "$root" && find etc -type f -printf '/%p\n') > "$root/DEBIAN/conffiles"
(cd "$root" && find lib usr -type f -print0 | sort -z | xargs -0 md5sum) > "$root/DEBIAN/md5sums"
install -m 755 "$here/postinst" "$here/prerm" "$here/postrm" "$root/DEBIAN/"

dpkg-deb --root-owner-group -Zxz --build "$root" "$package"

#!/bin/bash
# Makes the root directory of an image: the programs, the libraries that they are linked with, and the
# certificates of authorities, for brokers with TLS. Nothing else is needed.
#
#     image-root.sh ROOT PROGRAM...
set -euo pipefail
root=$1
shift
install -D -s -t "$root/usr/bin" "$@"
# A line of ldd: `libssl.so.3 => /lib/x86_64-linux-gnu/libssl.so.3 (0x…)`, or the path alone.
ldd "$@" | sed -n 's|.*\s\(/\S*\) (0x.*|\1|p' | sort -u | xargs -d '\n' cp --dereference --parents -t "$root"
install -D -m 644 -t "$root/etc/ssl/certs" /etc/ssl/certs/ca-certificates.crt

#!/bin/bash
# Tests the Debian package: `make test-deb` calls it, as root.
#
#     test-deb.sh PACKAGE.deb
#
# It is installed, used, upgraded, removed and purged in a view of this machine's file system and network
# that nobody else sees and that ends with this script.
set -euo pipefail
package=$(realpath "$1")

if [ "${2:-}" = "" ]; then
    lintian --allow-root --fail-on error,warning "$package"
    dpkg-deb --contents "$package" | awk '{ print $1, $2, $6 }'
    if ! unshare --mount --net true; then
        echo "SKIPPED: without mount and network namespaces the package is not installed" >&2
        exit 0
    fi
    exec unshare --mount --net "$0" "$package" view
elif [ "$2" = view ]; then
    view=$(mktemp -d)
    mount -t tmpfs tmpfs "$view"
    mkdir "$view/upper" "$view/work" "$view/root"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$view/upper,workdir=$view/work" "$view/root"
    mount --rbind /dev "$view/root/dev"
    mount --rbind /proc "$view/root/proc"
    mount -t tmpfs tmpfs "$view/root/tmp"
    cp "$package" "$view/root/tmp/footfall.deb"
    install "$0" "$view/root/tmp/test-deb.sh"
    ip link set lo up
    trap 'umount -l "$view"; rmdir "$view"' EXIT
    chroot "$view/root" /tmp/test-deb.sh /tmp/footfall.deb installed
    exit
fi

configuration=/etc/footfall/footfall.yaml
wanted="/etc/systemd/system/multi-user.target.wants/footfall.service
    /etc/systemd/system/sockets.target.wants/footfall.socket"
server=
failed() {
    echo "test-deb.sh: line $1: $2" >&2
    [ -z "$server" ] || kill "$server"
    cat /tmp/server >&2 2> /dev/null || true
}
trap 'failed $LINENO "$BASH_COMMAND"' ERR

export DEBIAN_FRONTEND=noninteractive
# Containers have rules that leave out manuals, and such that start no service; they are not this package's.
rm -f /etc/dpkg/dpkg.cfg.d/*
dpkg --install "$package"

echo "== what it has put there"
getent passwd footfall
[ "$(stat -c '%U:%G %a' $configuration)" = "root:footfall 640" ]
for link in $wanted; do [ -e "$link" ]; done
systemd-analyze verify footfall.service footfall.socket
for program in footfall footfall-bench; do
    man --warnings "$program" 2>&1 > /dev/null | (! grep .)
    "$program" --version
    bash -c "source /usr/share/bash-completion/completions/$program && complete -p $program"
done
of_unit() { sed -n "s/^$2=//p" "/lib/systemd/system/footfall.$1" | head -n 1; }
install -d -o footfall -g footfall -m "$(of_unit service StateDirectoryMode)" /var/lib/footfall
as_footfall=(setpriv --reuid footfall --regid footfall --clear-groups --no-new-privs)
"${as_footfall[@]}" footfall check --config $configuration 2>&1 > /dev/null | (! grep .)

echo "== a hit, as the units have it"
address=$(of_unit socket ListenStream)
serve() {
    # shellcheck disable=SC2046 # a command with its arguments
    "${as_footfall[@]}" systemd-socket-activate --listen="$address" --fdname="$(of_unit socket FileDescriptorName)" \
        $(of_unit service ExecStart) 2> /tmp/server &
    server=$!
    curl --silent --fail --retry 50 --retry-delay 1 --retry-connrefused \
        "http://$address/track.js?s=$1"
    curl --silent --fail http://127.0.0.1:8001/ready
    echo
    kill "$server"
    wait "$server"
    server=
}
serve installed
footfall tail --data /var/lib/footfall
footfall verify --data /var/lib/footfall | grep '^1 event,'

echo "== an upgrade keeps what the operator has written, and what was stored"
echo "log_level: debug" >> $configuration
dpkg --install "$package"
tail -n 1 $configuration | grep 'log_level: debug'
serve upgraded
footfall verify --data /var/lib/footfall | grep '^2 events,'

echo "== removal keeps the configuration, a purge the data"
dpkg --remove footfall
[ ! -e /usr/bin/footfall ] && [ ! -e /lib/systemd/system/footfall.service ]
[ -e $configuration ]
dpkg --purge footfall
[ ! -e /etc/footfall ]
for link in $wanted /etc/systemd/system/footfall.{service,socket}; do
    [ ! -e "$link" ] && [ ! -L "$link" ]
done
(! dpkg-query --listfiles footfall 2> /dev/null)
[ "$(find /var/lib/footfall/events -type f | wc -l)" = 2 ]
echo "the package is good"

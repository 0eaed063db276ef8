#!/bin/bash
# Tests the Debian package: `make test-deb` calls it, as root.
#
#     test-deb.sh PACKAGE.deb
#
# systemd is started in a container, on a view of this machine's file system that nobody else sees and
# that ends with this script. In there the package is installed, used, upgraded, removed and purged.
set -euo pipefail
here=$(realpath "$0")

skip() {
    echo "SKIPPED: no container can be started here, so the package is not installed" >&2
    exit 0
}

start_container() {
    view=$(mktemp -d)
    mount -t tmpfs tmpfs "$view"
    trap 'umount -l "$view"; rmdir "$view"' EXIT
    root=$view/root
    mkdir "$view/upper" "$view/work" "$root"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$view/upper,workdir=$view/work" "$root"
    # A machine without services of its own, and without rules that leave out manuals or start nothing.
    tr -d - < /proc/sys/kernel/random/uuid > "$root/etc/machine-id"
    rm -rf "$root"/etc/systemd/system/*.wants "$root"/etc/dpkg/dpkg.cfg.d/* "$root/usr/sbin/policy-rc.d"
    cp "$1" "$root/root/footfall.deb"
    cp "$here" "$root/root/test-deb.sh"
    cat > "$root/etc/systemd/system/test-deb.service" <<'END'
[Service]
Type=oneshot
ExecStart=/root/test-deb.sh --inside
ExecStopPost=systemctl poweroff --no-block
StandardOutput=append:/root/output
StandardError=append:/root/output
TimeoutStartSec=180
[Install]
WantedBy=multi-user.target
END
    systemctl --root="$root" --quiet enable test-deb.service
    systemctl --root="$root" --quiet set-default multi-user.target
    timeout 240 systemd-nspawn --boot --register=no --keep-unit --private-network --console=pipe \
        --directory="$root" < /dev/null > "$view/console" 2>&1 || true
    cat "$root/root/output" || skip
    [ -e "$root/root/passed" ] && exit
    cat "$view/console"
    exit 1
}

case "$1" in
--inside) ;;
--container)
    start_container "$2"
    ;;
*)
    package=$(realpath "$1")
    lintian --allow-root --fail-on error,warning "$package"
    dpkg-deb --contents "$package" | awk '{ print $1, $2, $6 }'
    unshare --mount mount -t tmpfs tmpfs /mnt || skip
    exec unshare --mount "$here" --container "$package"
    ;;
esac

ended() {
    [ "$1" = 0 ] && exit
    echo "failed with $1: $2"
    journalctl --no-pager -u "footfall.*"
}
trap 'ended $? "$BASH_COMMAND"' EXIT
export DEBIAN_FRONTEND=noninteractive
package=/root/footfall.deb
configuration=/etc/footfall/footfall.yaml
data=/var/lib/footfall
url=http://127.0.0.1:8000/track.js
hit() { curl --silent --fail --max-time 60 "$url?s=$1" "${@:2}"; }
ready() { curl --silent --fail --max-time 60 http://127.0.0.1:8001/ready; }

dpkg --install $package

echo "== what it has put there"
getent passwd footfall
[ "$(stat -c '%U:%G %a' $configuration)" = "root:footfall 640" ]
[ "$(systemctl is-enabled footfall.service footfall.socket | sort -u)" = enabled ]
systemd-analyze verify footfall.service footfall.socket
for program in footfall footfall-bench; do
    man --warnings "$program" 2>&1 > /dev/null | (! grep .)
    "$program" --version
    bash -c "source /usr/share/bash-completion/completions/$program && complete -p $program"
    fish -c "source /usr/share/fish/vendor_completions.d/$program.fish && complete -C '$program --v'" \
        | grep -e --version
    zsh -n "/usr/share/zsh/vendor-completions/_$program"
done
setpriv --reuid footfall --regid footfall --clear-groups \
    footfall check --config $configuration 2>&1 > /dev/null | (! grep .)

echo "== it runs, and systemd restarts it under load: no request fails"
hit installed
ready
echo
[ "$(stat -c '%U:%G %a' $data $data/events | sort -u)" = "footfall:footfall 750" ]
footfall-bench $url --duration 4s -c 16 --quiet --fail-if 'errors>0' --reconcile $data &
for _ in 1 2; do
    sleep 1
    systemctl restart footfall
done
wait $!

echo "== it is killed: the next one answers"
systemctl kill --signal=KILL footfall
hit killed
[ "$(systemctl show --property NRestarts --value footfall)" = 1 ]
ready

echo "== it stands still: systemd ends it, and the next one answers again"
mkdir /run/systemd/system/footfall.service.d
printf '[Service]\nWatchdogSec=2\n' > /run/systemd/system/footfall.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart footfall
kill -STOP "$(systemctl show --property MainPID --value footfall)"
# What it had accepted in between is reset when it goes on for a moment, to end.
hit still --retry 5 --retry-all-errors
journalctl --no-pager -u footfall | grep 'Watchdog timeout'

echo "== a reload takes what is right, and says what is wrong"
printf 'access_log: /var/log/footfall/access.log\nretain_age: 90d\n' >> $configuration
systemctl reload footfall
echo "retain_agee: 90d" >> $configuration
(! systemctl reload footfall)
journalctl --no-pager -u footfall | grep "unknown key 'retain_agee'"
sed -i '$d' $configuration
ready

echo "== an upgrade keeps what the operator has written, and what was stored"
dpkg --install $package
tail -n 1 $configuration | grep '^retain_age: 90d$'
hit upgraded
grep 's=upgraded' /var/log/footfall/access.log
footfall report --data $data --by search
footfall verify --data $data | grep ': no damage$'

echo "== removal keeps the configuration, a purge the data"
dpkg --remove footfall
(! systemctl is-active footfall.service footfall.socket)
[ ! -e /usr/bin/footfall ] && [ ! -e /lib/systemd/system/footfall.service ] && [ -e $configuration ]
dpkg --purge footfall
[ ! -e /etc/footfall ] && [ ! -e /var/log/footfall ] && [ -e $data/events ]
find /etc/systemd /var/lib/systemd -name 'footfall*' | (! grep .)
touch /root/passed
echo "the package is good"

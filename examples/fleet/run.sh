#!/bin/sh
# Makes three machines out of this one and runs hl over them.
#
#   examples/fleet/run.sh          plan, apply, plan; then pi is cut off, and the plan says so
#   examples/fleet/run.sh clean    take the machines away again
#
# Each machine is an engine of scripts/engine.sh in namespaces of its own, with a link to this one and an SSH server.
# HL=/path/to/hl is used instead of building it; HL_FLEET_ROOT is where all of it is kept.
set -eu
here=$(cd "$(dirname -- "$(readlink -f "$0")")" && pwd)
repository=$(cd "$here/../.." && pwd)
root=${HL_FLEET_ROOT:-/tmp/hl-fleet}
hl=${HL:-${CARGO_TARGET_DIR:-$repository/target}/release/hl}
PATH="$PATH:/usr/sbin:/sbin"
image=hl-fleet/busybox:1

die() { echo "run.sh: $*" >&2; exit 1; }
say() { printf '\n== %s\n' "$*"; }

# The machines: each has a name in the inventory and a number, which is that of its link.
machines="nas pi edge"
host() {
    case $1 in
        nas) echo nas.lan ;;
        pi) echo pi.lan ;;
        edge) echo edge.example.org ;;
    esac
}
number() {
    case $1 in
        nas) echo 1 ;;
        pi) echo 2 ;;
        edge) echo 3 ;;
    esac
}
address() { echo "10.204.0.$(($1 * 4 + $2))"; }
process_1() { cut -d' ' -f1 "$root/$1/e/init"; }
on() {
    machine=$1
    shift
    nsenter --target "$(process_1 "$machine")" --net --mount --pid -- sh -ec "$*"
}

start_machine() {
    name=$1 folder=$root/$1 number=$(number "$1")
    mkdir -p "$folder/opt/homelab"
    "$repository/scripts/engine.sh" start --install "$folder/e"
    if [ -e "$folder/started" ] && kill -0 "$(cat "$folder/started")" 2>/dev/null; then return; fi
    pid=$(process_1 "$name")
    ip link del "hlfleet$number" 2>/dev/null || true
    ip link add "hlfleet$number" type veth peer name eth0 netns "$pid"
    ip addr add "$(address "$number" 1)/30" dev "hlfleet$number"
    ip link set "hlfleet$number" up
    [ -e "$folder/host" ] || ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$folder/host"
    printf '%s\n' "ListenAddress $(address "$number" 2)" "HostKey $folder/host" "AuthorizedKeysFile $root/user.pub" \
        'PidFile none' 'StrictModes no' 'UsePAM no' 'PermitRootLogin yes' >"$folder/sshd_config"
    # Its own /opt and /run, and a home whose shell finds nothing to do.
    on "$name" "ip addr add $(address "$number" 2)/30 dev eth0; ip link set eth0 up
        mount --bind $folder/opt /opt; mount -t tmpfs tmpfs /root; mkdir -m 755 /run/sshd
        ln -s $folder/e/docker.sock /run/docker.sock
        setsid /usr/sbin/sshd -D -E $folder/sshd.log -f $folder/sshd_config </dev/null >/dev/null 2>&1 &"
    process_1 "$name" >"$folder/started"
}

# A static busybox with a link for each of its programs.
make_image() {
    tree=$root/image
    if [ -e "$root/image.tar" ]; then return; fi
    mkdir -p "$tree/bin" "$tree/tmp" "$tree/data" "$tree/www"
    cp "$(command -v busybox)" "$tree/bin/busybox"
    for applet in $("$tree/bin/busybox" --list); do [ "$applet" = busybox ] || ln -sf busybox "$tree/bin/$applet"; done
    tar -C "$tree" --owner=0 --group=0 -cf "$root/image.tar" .
}

# ssh by these names, with these keys, and nothing of the user's own.
write_client() {
    [ -e "$root/user" ] || ssh-keygen -q -t ed25519 -N '' -C fleet -f "$root/user"
    : >"$root/ssh_config"
    : >"$root/known_hosts"
    for name in $machines; do
        printf '%s\n' "Host $(host "$name")" "  HostName $(address "$(number "$name")" 2)" "  HostKeyAlias $name" "  IdentityFile $root/user" \
            '  IdentitiesOnly yes' "  UserKnownHostsFile $root/known_hosts" >>"$root/ssh_config"
        echo "$name $(cat "$root/$name/host.pub")" >>"$root/known_hosts"
    done
    mkdir -p "$root/bin"
    printf '#!/bin/sh\nexec /usr/bin/ssh -F %s "$@"\n' "$root/ssh_config" >"$root/bin/ssh"
    chmod +x "$root/bin/ssh"
}

up() {
    "$repository/scripts/packages.sh" openssh-client openssh-server iproute2 iptables busybox-static
    if [ -z "${HL:-}" ]; then
        say "Building hl (the first time takes some minutes)"
        (cd "$repository" && cargo build --release --locked)
    fi
    mkdir -p "$root"
    [ -e "$root/user" ] || ssh-keygen -q -t ed25519 -N '' -C fleet -f "$root/user"
    say "Starting three machines"
    make_image
    for name in $machines; do
        start_machine "$name"
        docker -H "unix://$root/$name/e/docker.sock" image inspect "$image" >/dev/null 2>&1 ||
            docker -H "unix://$root/$name/e/docker.sock" import --change 'CMD ["sh"]' "$root/image.tar" "$image" >/dev/null
        echo "$name runs"
    done
    write_client
    if [ ! -d "$root/homelab" ]; then
        mkdir "$root/homelab"
        cp -R "$here/inventory" "$here/services" "$root/homelab/"
    fi
    export PATH="$root/bin:$PATH" XDG_DATA_HOME="$root/share"
    cd "$root/homelab"
    say "hl plan: what would happen on which machine"
    "$hl" plan
    say "hl apply: make it so, in the order of what needs what"
    "$hl" apply --yes
    say "hl plan: nothing is left to do"
    "$hl" plan
    say "pi is cut off; hl plan says so, and plans for the others"
    on pi "iptables -w -I INPUT -i eth0 -j DROP; iptables -w -I OUTPUT -o eth0 -j DROP"
    sed -i 's/SITE: .*/SITE: Two of three/' inventory/topology.yaml
    echo '<h1>More photos</h1>' >services/photos/www/index.html
    "$hl" plan || [ $? = 3 ] || die "that was to be an incomplete plan"
    on pi "iptables -w -D INPUT -i eth0 -j DROP; iptables -w -D OUTPUT -o eth0 -j DROP"
    say "pi is back"
    "$hl" apply --yes
    "$hl" status
    cat <<END

The homelab:  $root/homelab
Go on there:  export PATH=$root/bin:\$PATH XDG_DATA_HOME=$root/share; cd $root/homelab; $hl plan

Take it all away: $here/run.sh clean
END
}

clean() {
    for name in $machines; do
        "$repository/scripts/engine.sh" stop "$root/$name/e"
        ip link del "hlfleet$(number "$name")" 2>/dev/null || true
    done
    rm -rf "$root"
    echo "Left in place: $hl and packages that apt installed."
}

if [ "$(id -u)" != 0 ]; then
    exec sudo -n --preserve-env=HL,HL_FLEET_ROOT,CARGO_TARGET_DIR env PATH="$PATH" HOME="$HOME" "$0" "$@"
fi
case ${1:-up} in
    up) up ;;
    clean) clean ;;
    *) echo "usage: run.sh [clean]" >&2; exit 64 ;;
esac

#!/usr/bin/env bash
# A private Docker engine for tests. It shares nothing with the engine of the machine: it has its own data root,
# its own containerd, and its own network, mount and process namespaces, so that no container, image, bridge or
# firewall rule of anybody else is ever touched, and so that nothing of it can outlive `stop`.
#
# usage: engine.sh start [--install] [--engine VERSION] [DIR]
#                                            start it (quick if it runs already); --install: apt-get what is missing
#        engine.sh stop [DIR]                end it and remove DIR
#        engine.sh status [DIR]              say whether it answers; exit 0 if it does
#        engine.sh env [DIR]                 print export lines: DOCKER_HOST, HL_TEST_ENGINE, HL_TEST_NETNS, ...
#        engine.sh exec [DIR] -- CMD...      run CMD in the engine's network, where its published ports are
#        engine.sh kill [DIR]                kill -9 the engine but not its folder; `start` brings it back
#
# VERSION is `machine`, the Docker that is installed, or one of Debian's archive: 26.1, 28.5, or 28.5-containerd, which keeps
# images in containerd's store. It defaults to $HL_TEST_ENGINE_VERSION or `machine`. What the archive no longer has is
# said, with exit code 69.
#
# Further arguments for dockerd, one a line, may stand in DIR/arguments.
#
# DIR defaults to $HL_TEST_ENGINE_DIR or /tmp/hl-engine. Several engines with different DIRs run side by side.
# Keep DIR short: the path of a unix socket has at most 107 bytes.
#
# How it holds together: `unshare` makes the namespaces and runs a shell as their process 1. That shell prepares
# the mounts and then only waits. dockerd is started beside it with nsenter. When process 1 dies, however it dies,
# the kernel kills everything in the process namespace, and the mounts and the network go with the last process.
set -euo pipefail
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
self=$(readlink -f "$0")

die() { echo "engine.sh: $*" >&2; exit 1; }
usage() { sed -n '6,15s/^# \{0,1\}//p' "$self" >&2; exit 64; }

# The words that start a process's life: "PID STARTTIME". A pid alone may belong to somebody else by now.
identity() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    # shellcheck disable=SC2086 # a list of words
    set -- "$1" $stat
    [ "$2" != Z ] && echo "$1 ${21}"
}

# Prints the pid that FILE records if that very process still runs.
alive() {
    local pid start
    [ -s "$1" ] && read -r pid start <"$1" && [ "$(identity "$pid")" = "$pid $start" ] && echo "$pid"
}

ping() {
    if command -v curl >/dev/null; then
        curl -fsS -m 5 --unix-socket "$sock" http://engine/_ping >/dev/null 2>&1
    else
        docker -H "unix://$sock" version >/dev/null 2>&1
    fi
}

# Two starts of one DIR take turns. The lock file goes away with the engine, so who waited for it looks again
# whether the file that was locked is still the one that has the name.
lock() {
    while :; do
        exec 9>"$dir.lock"
        flock 9
        [ "$dir.lock" -ef /proc/$$/fd/9 ] && return
    done
}

missing_packages() {
    local need=()
    command -v dockerd >/dev/null || need+=(docker.io)
    command -v docker >/dev/null || command -v curl >/dev/null || need+=(curl)
    command -v ip >/dev/null || need+=(iproute2)
    command -v iptables >/dev/null || need+=(iptables)
    command -v busybox >/dev/null || need+=(busybox-static)
    echo "${need[*]:-}"
}

# The suite of Debian that has a version, and that version as the packages begin.
suite_of() {
    case $1 in
        26.1) echo trixie 26.1 ;;
        28.5 | 28.5-containerd) echo sid 28.5 ;;
        *) die "there is no engine $1: write machine, 26.1, 28.5 or 28.5-containerd" ;;
    esac
}

# Prints the folder that an engine of the archive is unpacked in, after getting it. The machine's own runc goes with it.
unpacked_engine() {
    local suite number folder has
    read -r suite number <<<"$(suite_of "$1")"
    folder=${HL_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hl-test}/engine-$number
    if [ ! -x "$folder/usr/sbin/dockerd" ]; then
        has=$("$(dirname "$self")/archive.sh" --version "$suite" docker.io)
        case $has in
            "$number".*) ;;
            *) echo "engine.sh: Docker $number is not in the archive any more: $suite has ${has:-none}" >&2; exit 69 ;;
        esac
        rm -rf "$folder" "$folder.new"
        "$(dirname "$self")/archive.sh" "$suite" "$folder.new" docker.io containerd >&2
        mv "$folder.new" "$folder"
    fi
    echo "$folder"
}

require_tools() {
    local need
    need=$(missing_packages)
    [ -n "$need" ] || return 0
    [ "$install" = yes ] || die "missing packages: $need (start --install gets them)"
    # shellcheck disable=SC2086 # a list of words
    "$(dirname "$self")/packages.sh" $need
}

# The parent of process 1, outside of the namespaces; runs as `engine.sh __keep DIR`. Its record is written before
# it becomes `unshare`, and it shares the lock until then, so whoever kills `start` half way leaves nothing behind
# that the next start cannot find.
keep() {
    identity $$ >"$dir/keeper"
    exec 9>&-
    exec unshare --net --mount --pid --fork --kill-child --propagation private "$self" __init "$dir"
}

# Process 1 of the namespaces; runs as `engine.sh __init DIR`.
init() {
    # /proc is still the outer one here, so this is the pid by which the outside knows this shell.
    read -r pid _ </proc/self/stat
    identity "$pid" >"$dir/init.new"
    mount -t proc proc /proc
    # A private /run hides the machine's containerd, which dockerd would use if it saw its socket.
    local resolv resolv_text
    resolv=$(readlink -f /etc/resolv.conf)
    resolv_text=$(cat /etc/resolv.conf 2>/dev/null || true)
    mount -t tmpfs -o mode=755 tmpfs /run
    case $resolv in
        /run/*) mkdir -p "$(dirname "$resolv")" && echo "$resolv_text" >"$resolv" ;;
    esac
    ip link set lo up
    mv "$dir/init.new" "$dir/init"
    trap : TERM INT HUP
    # bash reaps what is orphaned into it while it waits.
    while :; do
        sleep 3600 &
        wait $! || true
    done
}

start_namespaces() {
    rm -f "$dir/init" "$dir/init.new"
    setsid "$self" __keep "$dir" </dev/null >>"$dir/keeper.log" 2>&1 &
    for _ in $(seq 100); do
        [ -s "$dir/init" ] && return
        sleep 0.05
    done
    die "the namespaces did not come up: $(tail -n 3 "$dir/keeper.log" 2>/dev/null)"
}

start_dockerd() {
    local pid=$1 parent version unpacked='' more=()
    version=$(cat "$dir/version" 2>/dev/null || echo machine)
    [ "$version" = machine ] || unpacked=$(unpacked_engine "$version")
    [ "$version" != 28.5-containerd ] || more=(--feature containerd-snapshotter=true)
    parent=/hl-test$(echo "$dir" | tr -c 'a-zA-Z0-9\n' -)
    mkdir -p "$dir/root"
    [ -s "$dir/daemon.json" ] || echo '{}' >"$dir/daemon.json"
    rm -f "$sock"
    # Its own configuration file, because dockerd would read the machine's; many small networks, because tests
    # make many; cgroups by file system below a parent of its own, because they are shared with the machine.
    # shellcheck disable=SC2016 # the inner shell expands it
    nsenter --target "$pid" --mount --net --pid -- bash -c '
        echo "$1" >"$2/cgroup-parent"
        [ ! -s "$2/room" ] || mountpoint -q "$2/root" || mount -t tmpfs -o size="$(cat "$2/room")" tmpfs "$2/root"
        more=(); [ ! -s "$2/arguments" ] || mapfile -t more <"$2/arguments"
        [ -z "$4" ] || PATH="$4/usr/bin:$4/usr/sbin:$PATH"
        setsid dockerd --config-file "$2/daemon.json" --data-root "$2/root" -H "unix://$2/docker.sock" \
            -G "$3" --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$1" \
            --default-address-pool base=10.128.0.0/12,size=24 "${more[@]}" "${@:5}" \
            </dev/null >>"$2/dockerd.log" 2>&1 9>&- &
    ' dockerd "$parent" "$dir" "${SUDO_GID:-0}" "$unpacked" "${more[@]}"
}

wait_for_ping() {
    for _ in $(seq 300); do
        ping && return 0
        # A dockerd that refused to start says why and is gone.
        [ -n "$(dockerd_pid)" ] || return 1
        sleep 0.1
    done
    return 1
}

# The outer pid of dockerd, or nothing: the one dockerd in this engine's process namespace.
dockerd_pid() {
    local init_pid ns p
    init_pid=$(alive "$dir/init") || return 0
    ns=$(readlink "/proc/$init_pid/ns/pid")
    for p in /proc/[0-9]*; do
        if [ "$(readlink "$p/ns/pid" 2>/dev/null)" = "$ns" ] && [ "$(cat "$p/comm" 2>/dev/null)" = dockerd ]; then
            echo "${p#/proc/}"
            return
        fi
    done
}

# Ends every process of the engine and waits until the kernel has really taken them away.
end_processes() {
    local pid _
    for file in init keeper; do
        pid=$(alive "$dir/$file") || continue
        kill -KILL "$pid" 2>/dev/null || true
        for _ in $(seq 200); do
            alive "$dir/$file" >/dev/null || break
            sleep 0.05
        done
        alive "$dir/$file" >/dev/null && die "process $pid of $dir does not end"
    done
    remove_cgroups
}

# Containers that were killed leave empty cgroups behind; only those below this engine's own parent are removed.
remove_cgroups() {
    local parent
    parent=$(cat "$dir/cgroup-parent" 2>/dev/null) || return 0
    case $parent in /hl-test-?*) ;; *) return 0 ;; esac
    for group in "/sys/fs/cgroup$parent" /sys/fs/cgroup/*"$parent"; do
        [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
}

require_root() {
    [ "$(id -u)" = 0 ] && return
    exec sudo -n --preserve-env=HL_TEST_ENGINE_DIR,HL_TEST_ENGINE_VERSION,HL_TEST_CACHE env PATH="$PATH" "$self" "$@"
}

start() {
    require_root start "${args[@]}"
    if [ -S "$sock" ] && alive "$dir/init" >/dev/null && ping; then return; fi
    require_tools
    [ "$version" = machine ] || unpacked_engine "$version" >/dev/null
    mkdir -p "$(dirname "$dir")"
    lock
    mkdir -p "$dir"
    [ -s "$dir/version" ] || echo "$version" >"$dir/version"
    ping && alive "$dir/init" >/dev/null && return
    local init_pid attempt
    for attempt in first second; do
        init_pid=$(alive "$dir/init") || {
            end_processes
            start_namespaces
            init_pid=$(alive "$dir/init") || die "process 1 died: $(tail -n 3 "$dir/keeper.log")"
        }
        [ -n "$(dockerd_pid)" ] || start_dockerd "$init_pid"
        wait_for_ping && return
        # A data root that was cut off in the middle of a write may be beyond repair; tests can do without it.
        echo "engine.sh: the $attempt start failed: $(grep -E 'level=(error|fatal)|^failed|^Status' "$dir/dockerd.log" | tail -n 3)" >&2
        end_processes
        rm -rf "$dir/root"
    done
    die "dockerd did not start, see $dir/dockerd.log"
}

stop() {
    require_root stop "${args[@]}"
    [ -d "$dir" ] || return 0
    # A start that was killed at once has not written anything yet.
    [ -e "$dir/keeper.log" ] || rmdir "$dir" 2>/dev/null || die "$dir is not the folder of an engine"
    lock
    end_processes
    rm -rf "$dir" "$dir.lock"
}

kill_engine() {
    require_root kill "${args[@]}"
    [ -e "$dir/keeper" ] || die "$dir is not the folder of an engine"
    lock
    end_processes
}

status() {
    if [ -S "$sock" ] && ping; then
        echo "running: unix://$sock"
    else
        echo "not running: $dir"
        return 1
    fi
}

print_env() {
    local init_pid
    init_pid=$(alive "$dir/init") || die "no engine runs in $dir"
    echo "export DOCKER_HOST=unix://$sock"
    echo "export HL_TEST_ENGINE=unix://$sock"
    echo "export HL_TEST_ENGINE_DIR=$dir"
    echo "export HL_TEST_NETNS=/proc/$init_pid/ns/net"
}

run_inside() {
    [ ${#command[@]} -gt 0 ] || usage
    local init_pid
    init_pid=$(alive "$dir/init") || die "no engine runs in $dir"
    eval "$(print_env)"
    if [ "$(id -u)" = 0 ]; then
        exec nsenter --net="$HL_TEST_NETNS" -- "${command[@]}"
    fi
    exec sudo -n -E env PATH="$PATH" HOME="$HOME" nsenter --net="$HL_TEST_NETNS" -- "${command[@]}"
}

[ $# -gt 0 ] || usage
verb=$1
shift
args=("$@") install=no dir='' command=() version=${HL_TEST_ENGINE_VERSION:-machine}
while [ $# -gt 0 ]; do
    case $1 in
        --install) install=yes ;;
        --engine) shift; version=${1:-} ;;
        --) shift; command=("$@"); break ;;
        -*) usage ;;
        *) [ -z "$dir" ] || usage; dir=$1 ;;
    esac
    shift
done
dir=${dir:-${HL_TEST_ENGINE_DIR:-/tmp/hl-engine}}
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
sock=$dir/docker.sock
[ ${#sock} -le 100 ] || die "the path $sock is too long for a socket"

[ "$version" = machine ] || suite_of "$version" >/dev/null

case $verb in
    start) start ;;
    stop) stop ;;
    kill) kill_engine ;;
    status) status ;;
    env) print_env ;;
    exec) run_inside ;;
    __keep) keep ;;
    __init) init ;;
    *) usage ;;
esac

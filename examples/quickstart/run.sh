#!/bin/sh
# Builds hl and brings up the quickstart: three services on this machine.
#
#   examples/quickstart/run.sh          plan, apply, plan; a second run changes nothing
#   examples/quickstart/run.sh clean    remove what this script brought up
#
# It works on a copy of this folder under $HL_QUICKSTART_ROOT (default:
# ~/.local/share/hl-quickstart), so the repository stays as it is.
# Needs a Rust toolchain and Debian or Ubuntu. Where there is no Docker engine
# it installs docker.io, if it may. DOCKER_HOST=unix:///path is honoured, and
# HL=/path/to/hl is used instead of building it.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
repository=$(CDPATH='' cd -- "$here/../.." && pwd)
root=${HL_QUICKSTART_ROOT:-$HOME/.local/share/hl-quickstart}
image="hl-quickstart/busybox:1"
projects="quickstart-web quickstart-api quickstart-db" # dependents first
hl=${HL:-${CARGO_TARGET_DIR:-$repository/target}/release/hl}
mark=.made-by-hl-quickstart
as_root= # "sudo" where this user may not speak to the engine

say() { printf '\n== %s\n' "$*"; }
die() {
  printf 'run.sh: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# --- what the machine must have -------------------------------------------

may_be_root() { [ "$(id -u)" -eq 0 ] || { has sudo && sudo -n true 2>/dev/null; }; }

root_do() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }

install() {
  { has apt-get && may_be_root; } || die "$* missing, and I may not install packages here." "Install it, then run this again:" "sudo apt-get install $*"
  say "Installing $* with apt"
  root_do apt-get -qq update
  root_do env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install "$@"
}

engine_answers() { $as_root docker version >/dev/null 2>&1; }

await_engine() {
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    root_do docker version >/dev/null 2>&1 && return
    sleep 1
  done
  return 1
}

start_engine() {
  say "Starting the Docker engine"
  if [ -d /run/systemd/system ]; then
    root_do systemctl start docker && await_engine
  else
    root_do service docker start >/dev/null 2>&1 && await_engine && return
    # Inside a container there is often no service manager at all.
    # shellcheck disable=SC2016 # the inner shell expands it
    root_do setsid sh -c 'dockerd >"$1/dockerd.log" 2>&1 </dev/null & echo $! >"$1/dockerd.pid"' sh "$root"
    await_engine || { tail -n 3 "$root/dockerd.log" >&2; return 1; }
  fi
}

need_engine() {
  has docker || install docker.io
  has docker || install docker-cli # a package of its own since Debian 13
  engine_answers && return
  [ -z "${DOCKER_HOST:-}" ] || die "no Docker engine answers at DOCKER_HOST=$DOCKER_HOST."
  if may_be_root && { root_do docker version >/dev/null 2>&1 || start_engine; }; then
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    engine_answers && return
  fi
  die "no Docker engine answers." "Start it, for example: sudo systemctl start docker" \
    "If it runs, let yourself in: sudo usermod -aG docker $(id -un), then log in again."
}

need_toolchain() {
  has cargo || die "cargo is missing." "Install Rust from https://rustup.rs, then run this again."
  has cc || install gcc libc6-dev
}

# --- the images: one busybox, no registry -----------------------------------

# Prints the path of a busybox that runs without any library.
static_busybox() {
  for candidate in /bin/busybox /usr/bin/busybox "$root/busybox/bin/busybox" "$root/busybox/usr/bin/busybox"; do
    [ -x "$candidate" ] && ! ldd "$candidate" >/dev/null 2>&1 && echo "$candidate" && return
  done
  return 1
}

# Unpacks Debian's busybox-static beside the copy; nothing is installed.
fetch_busybox() {
  has apt-get || die "a statically linked busybox is missing." "Install the package busybox-static."
  mkdir -p "$root/busybox"
  cd "$root/busybox"
  apt-get -qq download busybox-static 2>/dev/null || { root_do apt-get -qq update && apt-get -qq download busybox-static; }
  cd "$here"
  dpkg-deb -x "$root"/busybox/busybox-static_*.deb "$root/busybox"
}

make_image() {
  $as_root docker image inspect "$image" >/dev/null 2>&1 && return
  say "Making the image $image from busybox"
  static_busybox >/dev/null || fetch_busybox
  busybox=$(static_busybox) || die "busybox-static has no busybox that runs without libraries."
  tree=$root/image
  mkdir -p "$tree/bin" "$tree/tmp" "$tree/data" "$tree/www" "$tree/etc"
  cp "$busybox" "$tree/bin/busybox"
  for applet in $("$busybox" --list); do [ "$applet" = busybox ] || ln -sf busybox "$tree/bin/$applet"; done
  tar -C "$tree" --owner=0 --group=0 -c . | $as_root docker import --change 'CMD ["sh"]' - "$image" >/dev/null
  rm -r "$tree"
}

# --- the homelab --------------------------------------------------------------

copy_homelab() {
  [ -d "$root/homelab" ] && return
  rm -rf "$root/homelab.new"
  mkdir "$root/homelab.new"
  cp -R "$here/inventory" "$here/services" "$root/homelab.new/"
  address=local
  case ${DOCKER_HOST:-} in unix://*) address=$DOCKER_HOST ;; esac
  sed -i -e "s|^    address: .*|    address: $address|" -e "s|^    root: .*|    root: $root/node|" \
    "$root/homelab.new/inventory/topology.yaml"
  # A homelab is a git repository: what git does not track is taken for a secret.
  (cd "$root/homelab.new" && git init -q && git add -A) || say "without git, plans show no content of files"
  mv "$root/homelab.new" "$root/homelab"
}

# Takes $root for this script, unless it holds something that is not ours.
claim_root() {
  mkdir -p "$root"
  root=$(CDPATH='' cd -- "$root" && pwd)
  [ -e "$root/$mark" ] || [ -z "$(ls -A "$root")" ] || die "$root is not empty and not mine." "Set HL_QUICKSTART_ROOT to another folder."
  : >"$root/$mark"
}

up() {
  claim_root
  need_engine
  has curl || has wget || has busybox || install wget # for the health checks
  if [ -z "${HL:-}" ]; then
    need_toolchain
    say "Building hl (the first time takes some minutes)"
    (cd "$repository" && cargo build --release --locked)
  fi
  copy_homelab
  make_image
  cd "$root/homelab"

  say "hl plan: what would happen"
  $as_root "$hl" plan
  say "hl apply: make it so"
  $as_root "$hl" apply --yes
  say "hl plan: nothing is left to do"
  $as_root "$hl" plan

  page=$(sed -n 's/^ *WEB_PORT: "\(.*\)"/\1/p' inventory/topology.yaml)
  cat <<END

It runs:        http://127.0.0.1:$page/
The homelab:    $root/homelab
Data, secrets:  $root/node

Change something and see what that means:

  cd $root/homelab
  sed -i 's/Hello from/Greetings from/' inventory/topology.yaml
  ${as_root:+$as_root }$hl plan
  ${as_root:+$as_root }$hl apply

Break something and put it back:

  ${as_root:+$as_root }docker stop quickstart-api
  ${as_root:+$as_root }$hl drift
  ${as_root:+$as_root }$hl apply

Remove all of it: $here/run.sh clean
END
}

clean() {
  if ! engine_answers && may_be_root && has sudo; then as_root=sudo; fi
  engine_answers || die "no Docker engine answers, so its containers cannot be removed."
  for project in $projects; do
    label=label=com.docker.compose.project=$project
    for kind in container network volume; do
      all=
      [ "$kind" = container ] && all=-a
      # shellcheck disable=SC2086 # an empty $all is no argument
      for id in $($as_root docker "$kind" ls -q $all --filter "$label"); do
        if [ "$kind" = container ]; then $as_root docker rm -f "$id"; else $as_root docker "$kind" rm "$id"; fi >/dev/null
        echo "removed $kind $id of $project"
      done
    done
  done
  if $as_root docker image inspect "$image" >/dev/null 2>&1; then
    $as_root docker image rm "$image" >/dev/null && echo "removed image $image"
  fi
  engine=$(cat "$root/dockerd.pid" 2>/dev/null) || engine=none
  if [ "$(cat "/proc/$engine/comm" 2>/dev/null)" = dockerd ]; then
    root_do kill "$engine" && echo "stopped the Docker engine that was started here"
  fi
  # hl keeps the key of each homelab's state outside of its repository.
  lineage=$(sed -n 's/^ *"lineage": "\([0-9a-f]*\)".*/\1/p' "$root/homelab/state/homelab.json" 2>/dev/null) || lineage=
  if [ -n "$lineage" ]; then
    # shellcheck disable=SC2016 # the inner shell expands it, as the user that hl ran as
    $as_root sh -c 'rm -f "${XDG_DATA_HOME:-$HOME/.local/share}/hl/keys/$1.key"' sh "$lineage"
  fi
  if [ -e "$root/$mark" ]; then
    $as_root rm -rf "$root" && echo "removed $root"
  fi
  echo "Left in place: $hl and packages that apt installed."
}

case ${1:-up} in
  up) up ;;
  clean) clean ;;
  *) die "unknown word '$1'." "usage: run.sh [clean]" ;;
esac

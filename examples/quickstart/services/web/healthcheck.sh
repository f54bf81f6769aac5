#!/bin/sh
# Opens the start page as a person on this node would. This counts a visit,
# so it proves the whole chain: web, api, db and its volume.
set -u

get() {
  if command -v curl >/dev/null; then
    curl -fsS -m 4 "$1"
  elif command -v wget >/dev/null; then
    timeout 4 wget -q -O - "$1"
  else
    timeout 4 busybox wget -q -O - "$1"
  fi 2>/dev/null
}

url=http://127.0.0.1:${WEB_PORT:-18480}/
if ! page=$(get "$url"); then
  echo "web does not answer at $url, or api does not answer web"
  exit 1
fi
case $page in
  *"was opened "[0-9]*) exit 0 ;;
  *) echo "the page at $url shows no number of visits"; exit 1 ;;
esac

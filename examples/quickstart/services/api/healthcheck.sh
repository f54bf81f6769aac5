#!/bin/sh
# Asks api over its published port, as a client on this node would.
set -u

get() {
  if command -v curl >/dev/null; then
    curl -fsS -m 3 "$1"
  elif command -v wget >/dev/null; then
    timeout 3 wget -q -O - "$1"
  else
    timeout 3 busybox wget -q -O - "$1"
  fi 2>/dev/null
}

url=http://127.0.0.1:${API_PORT:-18481}/cgi-bin/health
if ! answer=$(get "$url"); then
  echo "api does not answer at $url, or db does not answer api"
  exit 1
fi
case $answer in
  ok\ *) exit 0 ;;
  *) echo "api answers without a counter: $answer"; exit 1 ;;
esac

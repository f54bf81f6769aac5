#!/bin/sh
# uptime-kuma answers, and it has its database: before that it offers to set one up.
set -u

get() { if command -v curl >/dev/null; then curl -fsS -m 5 "$1"; else timeout 5 wget -q -O - "$1"; fi 2>/dev/null; }

url=http://127.0.0.1:3002/api/entry-page
if ! answer=$(get "$url"); then
  echo "uptime-kuma does not answer $url"
  exit 1
fi
case $answer in
  *setup-database*) echo "uptime-kuma has no database"; exit 1 ;;
  *'"type"'*) exit 0 ;;
  *) echo "uptime-kuma answers something else: $(echo "$answer" | head -n 1 | cut -c1-100)"; exit 1 ;;
esac

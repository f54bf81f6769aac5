#!/bin/sh
# jellyfin reports on itself; "Healthy" includes its database.
set -u

get() { if command -v curl >/dev/null; then curl -fsS -m 5 "$1"; else timeout 5 wget -q -O - "$1"; fi 2>/dev/null; }

url=http://127.0.0.1:8096/health
if ! answer=$(get "$url"); then
  echo "jellyfin does not answer $url"
  exit 1
fi
case $answer in
  Healthy*) exit 0 ;;
  *) echo "jellyfin is not healthy: $(echo "$answer" | head -n 1 | cut -c1-100)"; exit 1 ;;
esac

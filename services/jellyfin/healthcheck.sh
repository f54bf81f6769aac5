#!/bin/sh
# jellyfin reports on itself; "Healthy" includes its database.
set -u

url=http://127.0.0.1:8096/health
if ! answer=$(curl -fsS -m 5 "$url" 2>/dev/null || wget -q -T 5 -O - "$url" 2>/dev/null); then
  echo "jellyfin does not answer $url"
  exit 1
fi
case $answer in
  Healthy*) exit 0 ;;
  *) echo "jellyfin is not healthy: $(echo "$answer" | head -n 1 | cut -c1-100)"; exit 1 ;;
esac

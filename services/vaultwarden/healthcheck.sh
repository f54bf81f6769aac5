#!/bin/sh
# /alive answers with the time, after a query to the database.
set -u

get() { if command -v curl >/dev/null; then curl -fsS -m 5 "$1"; else timeout 5 wget -q -O - "$1"; fi 2>/dev/null; }

url=http://127.0.0.1:8222/alive
if ! answer=$(get "$url"); then
  echo "vaultwarden does not answer $url"
  exit 1
fi
case $answer in
  \"20[0-9][0-9]-*) exit 0 ;;
  *) echo "vaultwarden answers without a time: $(echo "$answer" | head -n 1 | cut -c1-100)"; exit 1 ;;
esac

#!/bin/sh
# /alive answers with the time, after a query to the database.
set -u

url=http://127.0.0.1:8222/alive
if ! answer=$(curl -fsS -m 5 "$url" 2>/dev/null || wget -q -T 5 -O - "$url" 2>/dev/null); then
  echo "vaultwarden does not answer $url"
  exit 1
fi
case $answer in
  \"20[0-9][0-9]-*) exit 0 ;;
  *) echo "vaultwarden answers without a time: $(echo "$answer" | head -n 1 | cut -c1-100)"; exit 1 ;;
esac

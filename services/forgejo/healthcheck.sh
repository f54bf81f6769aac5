#!/bin/sh
# forgejo reports on itself: the status is "pass" only while its database and
# its cache work.
set -u

get() { if command -v curl >/dev/null; then curl -fsS -m 5 "$1"; else timeout 5 wget -q -O - "$1"; fi 2>/dev/null; }

url=http://127.0.0.1:3001/api/healthz
if ! answer=$(get "$url"); then
  echo "forgejo does not answer $url"
  exit 1
fi
case $(echo "$answer" | tr -d ' \n\t') in
  '{"status":"pass"'*) exit 0 ;;
  *) echo "forgejo is not well: $(echo "$answer" | tr -d '\n' | cut -c1-200)"; exit 1 ;;
esac

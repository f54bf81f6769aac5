#!/bin/sh
# grafana answers, and its database works.
set -u

get() { if command -v curl >/dev/null; then curl -fsS -m 5 "$1"; else timeout 5 wget -q -O - "$1"; fi 2>/dev/null; }

url=http://127.0.0.1:3000/api/health
if ! answer=$(get "$url"); then
  echo "grafana does not answer $url"
  exit 1
fi
case $(echo "$answer" | tr -d ' \n\t') in
  *'"database":"ok"'*) exit 0 ;;
  *) echo "grafana's database is not ok: $(echo "$answer" | tr -d '\n' | cut -c1-200)"; exit 1 ;;
esac

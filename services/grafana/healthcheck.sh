#!/bin/sh
# grafana answers, and its database works.
set -u

url=http://127.0.0.1:3000/api/health
if ! answer=$(curl -fsS -m 5 "$url" 2>/dev/null || wget -q -T 5 -O - "$url" 2>/dev/null); then
  echo "grafana does not answer $url"
  exit 1
fi
case $(echo "$answer" | tr -d ' \n\t') in
  *'"database":"ok"'*) exit 0 ;;
  *) echo "grafana's database is not ok: $(echo "$answer" | tr -d '\n' | cut -c1-200)"; exit 1 ;;
esac

#!/bin/sh
# ntfy reports on itself.
set -u

url=http://127.0.0.1:2586/v1/health
if ! answer=$(curl -fsS -m 5 "$url" 2>/dev/null || wget -q -T 5 -O - "$url" 2>/dev/null); then
  echo "ntfy does not answer $url"
  exit 1
fi
case $answer in
  *'"healthy":true'*) exit 0 ;;
  *) echo "ntfy is not healthy: $(echo "$answer" | head -n 1 | cut -c1-100)"; exit 1 ;;
esac

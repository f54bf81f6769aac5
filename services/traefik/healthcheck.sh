#!/bin/sh
# traefik answers its ping, and its way in for plain HTTP sends people to HTTPS.
set -u

get() { if command -v curl >/dev/null; then curl -fsS -m 4 "$1"; else timeout 4 wget -q -O - "$1"; fi 2>/dev/null; }

if ! get http://127.0.0.1:8082/ping >/dev/null; then
  echo "traefik does not answer http://127.0.0.1:8082/ping"
  exit 1
fi
command -v curl >/dev/null || exit 0 # only curl can show a redirect without following it
target=$(curl -sS -m 4 -o /dev/null -w '%{redirect_url}' http://127.0.0.1:80/ 2>&1)
case $target in
  https://*) exit 0 ;;
  *) echo "port 80 does not redirect to HTTPS: ${target:-no redirect}"; exit 1 ;;
esac

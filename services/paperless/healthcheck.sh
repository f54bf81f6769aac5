#!/bin/sh
# The page on which people log in is rendered after the database was asked.
set -u

get() { if command -v curl >/dev/null; then curl -fsS -m 8 "$1"; else timeout 8 wget -q -O - "$1"; fi 2>/dev/null; }

url=http://127.0.0.1:8010/accounts/login/
if ! page=$(get "$url"); then
  echo "paperless does not answer $url"
  exit 1
fi
case $page in
  *csrfmiddlewaretoken*) exit 0 ;;
  *) echo "$url shows no form to log in"; exit 1 ;;
esac

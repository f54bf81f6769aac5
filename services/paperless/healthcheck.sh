#!/bin/sh
# The page on which people log in is rendered after the database was asked.
set -u

url=http://127.0.0.1:8010/accounts/login/
if ! page=$(curl -fsS -m 10 "$url" 2>/dev/null || wget -q -T 10 -O - "$url" 2>/dev/null); then
  echo "paperless does not answer $url"
  exit 1
fi
case $page in
  *csrfmiddlewaretoken*) exit 0 ;;
  *) echo "$url shows no form to log in"; exit 1 ;;
esac

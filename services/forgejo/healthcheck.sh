#!/bin/sh
# forgejo reports on itself: the status is "pass" only while its database and
# its cache work.
set -u

url=http://127.0.0.1:3001/api/healthz
if ! answer=$(curl -fsS -m 5 "$url" 2>/dev/null || wget -q -T 5 -O - "$url" 2>/dev/null); then
  echo "forgejo does not answer $url"
  exit 1
fi
case $(echo "$answer" | tr -d ' \n\t') in
  '{"status":"pass"'*) exit 0 ;;
  *) echo "forgejo is not well: $(echo "$answer" | tr -d '\n' | cut -c1-200)"; exit 1 ;;
esac

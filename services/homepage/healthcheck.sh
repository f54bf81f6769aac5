#!/bin/sh
# homepage answers, and it has read the list of services of this repository.
set -u

get() { if command -v curl >/dev/null; then curl -fsS -m 4 "$1"; else timeout 4 wget -q -O - "$1"; fi 2>/dev/null; }

base=http://127.0.0.1:3003/api
if ! get "$base/healthcheck" >/dev/null; then
  echo "homepage does not answer $base/healthcheck"
  exit 1
fi
case $(get "$base/services") in
  *'"Every day"'*) exit 0 ;;
  *) echo "homepage answers, but shows no services: see config/services.yaml"; exit 1 ;;
esac

#!/bin/sh
# The server answers, and it can ask its database: the configuration that every
# visitor gets says whether there is an account, which is a query.
set -u

get() { if command -v curl >/dev/null; then curl -fsS -m 4 "$1"; else timeout 4 wget -q -O - "$1"; fi 2>/dev/null; }

base=http://127.0.0.1:2283/api/server
case $(get "$base/ping") in
  *'"pong"'*) ;;
  *) echo "immich does not answer $base/ping"; exit 1 ;;
esac
case $(get "$base/config") in
  *'"isInitialized"'*) exit 0 ;;
  *) echo "immich answers, but $base/config does not: its database may be down"; exit 1 ;;
esac

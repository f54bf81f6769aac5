#!/bin/sh
# prometheus is ready, and it has scraped the machine that it runs on.
set -u

get() { if command -v curl >/dev/null; then curl -fsS -m 4 "$1"; else timeout 4 wget -q -O - "$1"; fi 2>/dev/null; }

if ! get http://127.0.0.1:9090/-/ready >/dev/null; then
  echo "prometheus is not ready at http://127.0.0.1:9090/-/ready"
  exit 1
fi
answer=$(get 'http://127.0.0.1:9090/api/v1/query?query=up%7Bjob%3D%22node%22%7D') || answer=
case $answer in
  *'"job":"node"'*',"1"]'*) exit 0 ;;
  *) echo "prometheus is ready, but has no metrics of node-exporter yet"; exit 1 ;;
esac

#!/bin/sh
# db publishes no port, so it is asked from inside its own container.
set -u

url=http://127.0.0.1:8080/cgi-bin/health
if ! answer=$(docker exec quickstart-db timeout 3 wget -q -O - "$url" 2>&1); then
  echo "db does not answer: $answer"
  exit 1
fi
case $answer in
  ok\ *) exit 0 ;;
  *) echo "db answers without a counter: $answer"; exit 1 ;;
esac

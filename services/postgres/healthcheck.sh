#!/bin/sh
# postgres publishes no port: ask it inside its container, and let it write.
set -u

query='CREATE TEMPORARY TABLE probe AS SELECT 1; SELECT count(*) FROM probe;'
if ! answer=$(docker exec postgres psql -X -qAt -U postgres -c "$query" 2>&1); then
  echo "postgres does not answer: $(echo "$answer" | head -n 1)"
  exit 1
fi
if [ "$answer" != 1 ]; then
  echo "postgres answers a count of 1 with: $answer"
  exit 1
fi

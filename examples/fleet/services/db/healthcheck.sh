#!/bin/sh
# Whoever asks gets a number.
count=$(docker exec db-db-1 wget -q -O - http://127.0.0.1:8080/cgi-bin/count) || exit 1
case $count in
    *[!0-9]* | '') echo "no number but: $count"; exit 1 ;;
esac

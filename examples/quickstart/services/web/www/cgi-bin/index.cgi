#!/bin/sh
# The start page: asks api and writes what it said into HTML.
set -u

if ! answer=$(timeout 3 wget -q -O - "$API_URL/hello"); then
  printf 'Status: 502 Bad Gateway\r\nContent-Type: text/plain\r\n\r\napi does not answer\n'
  exit 0
fi
greeting=$(echo "$answer" | sed -n 's/.*"greeting": "\(.*\)", "visits".*/\1/p' | sed 's/&/\&amp;/g; s/</\&lt;/g')
visits=$(echo "$answer" | sed -n 's/.*"visits": \([0-9]*\).*/\1/p')

printf 'Content-Type: text/html; charset=utf-8\r\n\r\n'
cat <<PAGE
<!doctype html>
<title>hl quickstart</title>
<link rel="stylesheet" href="/style.css">
<h1>$greeting</h1>
<p>This page was opened $visits times. web asked api, and api counted in db.</p>
PAGE

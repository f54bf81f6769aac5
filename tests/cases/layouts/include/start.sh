# As the owner of this repository starts it.
set -e
$COMPOSE up -d

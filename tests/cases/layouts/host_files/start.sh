# As the owner of this repository starts it.
set -e
$COMPOSE -f compose.nas.yml up -d
DOCKER_HOST=$PI $COMPOSE -f compose.pi.yml up -d

# As the owner of this repository starts it.
set -e
(cd nas/sample-lab-agent && $COMPOSE up -d) && (cd nas/sample-lab-web && $COMPOSE up -d) && cd pi/sample-lab-agent && DOCKER_HOST=$PI $COMPOSE up -d

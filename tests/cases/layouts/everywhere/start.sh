# As the owner of this repository starts it.
set -e
cd services/sample-lab-agent
WHERE=nas $COMPOSE up -d
WHERE=pi DOCKER_HOST=$PI $COMPOSE up -d
WHERE=vps DOCKER_HOST=$VPS $COMPOSE up -d

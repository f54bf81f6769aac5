# As the owner of this repository starts it.
set -e
cd apps/sample-lab-web
$COMPOSE up -d
cd ../../infra/sample-lab-proxy
$COMPOSE up -d

# As the owner of this repository starts it.
set -e
cd services/sample-lab-web
$COMPOSE up -d

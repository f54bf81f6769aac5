# As the owner of this repository starts it.
set -e
cd apps
$COMPOSE -p sample-lab-web -f sample-lab-web.yml up -d
$COMPOSE -p sample-lab-db -f sample-lab-db.yml up -d

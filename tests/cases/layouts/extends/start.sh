# As the owner of this repository starts it.
set -e
cd stacks/sample-lab-web
$COMPOSE up -d

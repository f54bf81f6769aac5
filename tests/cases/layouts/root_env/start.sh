# As the owner of this repository starts it.
set -e
export COMPOSE_ENV_FILES=../../.env
cd stacks/sample-lab-web
$COMPOSE up -d
cd ../sample-lab-db
$COMPOSE up -d

# As the owner of this repository starts it.
set -e
ln -s ../real/sample-lab-web stacks/sample-lab-web
mkdir -p ../outside/sample-lab-far
cp real/sample-lab-web/compose.yml ../outside/sample-lab-far
ln -s ../../outside/sample-lab-far stacks/sample-lab-far
cd stacks/sample-lab-web
$COMPOSE up -d
cd ../sample-lab-far
$COMPOSE up -d

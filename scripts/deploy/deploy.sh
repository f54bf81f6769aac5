#!/bin/sh
# deploy.sh prepare|deploy|verify [SERVICE...]: the three steps of a deployment, each a command of hl.
set -eu
stage=${1:?usage: deploy.sh prepare|deploy|verify [SERVICE...]}; shift
for service in "$@"; do set -- "$@" --target "$service"; shift; done
case $stage in
  prepare) exec "${HL:-hl}" apply --until prepare --yes "$@" ;; # directories, files and images; no container changes
  deploy) exec "${HL:-hl}" apply --yes "$@" ;;
  verify) exec "${HL:-hl}" verify "$@" ;;
  *) echo "deploy.sh: unknown step '$stage': prepare, deploy or verify" >&2; exit 64 ;;
esac

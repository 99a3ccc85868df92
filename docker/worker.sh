#!/bin/sh
# Waits until the web container has brought the database up to date, then takes jobs: those of the queue that the
# arguments name, else all.
set -eu
. docker/wait.sh
wait_for "the migrations" python manage.py migrate --check --verbosity 0
# Workers tell each other nothing: the database says which job is whose. A heartbeat to a dead broker would never end.
exec celery --app portal worker --without-mingle --without-gossip --without-heartbeat --loglevel INFO "$@"

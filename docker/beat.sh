#!/bin/sh
# Sends the periodic tasks. One of it is enough; two would send everything twice, which harms nothing.
set -eu
. docker/wait.sh
wait_for "the migrations" python manage.py migrate --check --verbosity 0
exec celery --app portal beat --loglevel INFO --schedule /tmp/beat-schedule

#!/bin/sh
# Waits until the web container has brought the database up to date, then takes jobs.
set -eu
. docker/wait.sh
wait_for "the migrations" python manage.py migrate --check --verbosity 0
exec celery --app portal worker --loglevel INFO

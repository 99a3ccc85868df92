#!/bin/sh
# Brings the database up to date as soon as it answers, then serves.
set -eu
. docker/wait.sh
wait_for "the database" python manage.py migrate --no-input --verbosity 0
exec gunicorn --config python:portal.web_server --bind 0.0.0.0:8000

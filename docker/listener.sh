#!/bin/sh
# Receives images over the DICOM network. The address is the container's own; docker/compose.yaml says who reaches it.
set -eu
. docker/wait.sh
wait_for "the migrations" python manage.py migrate --check --verbosity 0
export DICOM_HOST=0.0.0.0
exec python manage.py listen_dicom

#!/bin/sh
# Receives HL7 messages. The address is the container's own; docker/compose.yaml says who reaches it.
set -eu
. docker/wait.sh
wait_for "the migrations" python manage.py migrate --check --verbosity 0
export MLLP_HOST=0.0.0.0
exec python manage.py listen_hl7

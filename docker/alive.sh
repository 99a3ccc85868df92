#!/bin/sh
# Exit status 0 when the worker or beat of this container touched ALIVE_FILE within the last 30 seconds.
[ -n "$(find "$ALIVE_FILE" -newermt '-30 seconds' 2> /dev/null)" ]

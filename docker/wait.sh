# Sourced. Containers start in any order, so each waits for what it needs instead of trusting the order.

wait_for() { # wait_for "what" command…
    what=$1
    shift
    tries=0
    until reason=$("$@" 2>&1); do
        tries=$((tries + 1))
        if [ "$tries" -ge 60 ]; then
            echo "Gave up waiting for $what after two minutes. The last answer was:" >&2
            echo "$reason" >&2
            exit 1
        fi
        [ "$tries" -gt 1 ] || echo "Waiting for $what …"
        sleep 2
    done
}

# Sourced. Containers start in any order, so each waits for what it needs instead of trusting the order.

wait_for() { # wait_for "what" command…
    what=$1
    shift
    tries=0
    said=""
    until reason=$("$@" 2>&1); do
        tries=$((tries + 1))
        last=$(printf '%s\n' "$reason" | tail -n 1)
        if [ "$tries" -eq 1 ] || [ "$last" != "$said" ]; then
            echo "Waiting for $what: $last"
            said=$last
        fi
        if [ "$tries" -ge 60 ]; then
            echo "Gave up waiting for $what. The last answer was:" >&2
            echo "$reason" >&2
            exit 1
        fi
        sleep 2
    done
}

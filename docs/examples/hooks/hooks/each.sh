#!/bin/sh
# Tells one event by several hooks, beside each other: sh hooks/each.sh slack pagerduty
# It fails when one of them does, so that the run says so.
set -eu
notice=$(cat)
folder=$(dirname "$0")
told=
for hook; do
    printf '%s' "$notice" | sh "$folder/$hook.sh" &
    told="$told $!"
done
failed=0
for one in $told; do
    wait "$one" || failed=$?
done
exit "$failed"

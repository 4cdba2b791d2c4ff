#!/bin/sh
# Shows a notice on the desktop of whoever drives the run: notify-send on Linux, osascript on macOS. It wants jq.
set -eu
notice=$(cat)
said() { printf '%s' "$notice" | jq --raw-output "$1"; }
title=$(said '"\(.runbook) \(.event | sub("_"; " "))"')
text=$(said '.question.prompt // .step.why // .title')

# What is told goes in as arguments, never into a script: a quote in it would end the text.
if command -v notify-send >/dev/null; then
    exec notify-send --app-name=runbook -- "$title" "$text"
elif command -v osascript >/dev/null; then
    exec osascript -e 'on run told' -e 'display notification (item 2 of told) with title (item 1 of told)' -e 'end run' "$title" "$text"
fi

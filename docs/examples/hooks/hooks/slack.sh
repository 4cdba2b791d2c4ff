#!/bin/sh
# Tells a channel what became of a run: Slack, or whatever else takes an incoming webhook (Mattermost, Rocket.Chat).
# It wants jq, curl, and SLACK_WEBHOOK, the URL. Where that is not set nobody is told.
set -eu
[ -n "${SLACK_WEBHOOK:-}" ] || exit 0

# The URL is a secret, so it stands in no argument list: curl reads it as configuration, and the message from descriptor 3.
jq --compact-output '
  def plain: tostring | gsub("&"; "&amp;") | gsub("<"; "&lt;") | gsub(">"; "&gt;");
  ({started: ":arrow_forward:", waiting: ":raised_hand:", failed: ":x:", stopped: ":octagonal_sign:",
    finished: ":white_check_mark:", rolled_back: ":rewind:"}[.event] // ":information_source:") as $sign
  | [ "\($sign) *\(.runbook | plain)* \(.event | sub("_"; " ")): \(.title | plain)",
      "run `\(.run)` on \(.host | plain), started by \(.operator | plain)"
        + (if .reason then ": \(.reason | plain)" else "" end),
      (.question // empty | "asked of \(.who // "anyone" | plain): \(.prompt // "" | plain)"),
      (.step // empty | "step `\(.id | plain)`: \(.why // .title | plain)"),
      (.step.output // [] | select(length > 0) | "```\n" + (map(plain) | join("\n")) + "\n```"),
      (.next[]? | "\(.what | plain): `\(.command | plain)`") ]
  | {text: join("\n")}
' | {
    printf 'url = "%s"\n' "$SLACK_WEBHOOK" |
        curl --fail --silent --show-error --max-time 8 --output /dev/null \
            --header 'Content-Type: application/json' --data-binary @/dev/fd/3 --config -
} 3<&0

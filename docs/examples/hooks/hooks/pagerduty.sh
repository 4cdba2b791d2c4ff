#!/bin/sh
# Raises an alert in PagerDuty when a run fails or waits for a person, and resolves it when the run is over (Events API v2).
# A run that failed and was rolled back stays an alert until somebody resolves it there: with `on_failure: rollback` the hook is told
# of nothing else, and nobody would learn of the failure.
# It wants jq, curl, and PAGERDUTY_ROUTING_KEY, the integration key of the service. Where that is not set nobody is paged.
set -eu
[ -n "${PAGERDUTY_ROUTING_KEY:-}" ] || exit 0

# The key is a secret: jq takes it from the environment, and curl reads the whole alert from stdin.
# One run is one alert, however often it fails: `dedup_key` is its id.
jq --compact-output '
  {routing_key: env.PAGERDUTY_ROUTING_KEY, dedup_key: "runbook-\(.run)"}
  + if .event == "finished" or (.event == "rolled_back" and .complete and .step == null) then {event_action: "resolve"}
    else {
      event_action: "trigger",
      payload: {
        summary: (
          (if .event != "rolled_back" then .event elif .complete then "failed and was rolled back" else "is rolled back in part" end) as $what
          | "\(.runbook) \($what): \(.step.why // .question.prompt // .title)" | .[:1024]
        ),
        source: .host,
        severity: (if .event == "failed" or .event == "rolled_back" then "error" else "warning" end),
        timestamp: .time,
        component: (.step.id // .runbook),
        class: .event,
        custom_details: {run, operator, reason, step, question, next: [.next[]? | "\(.what): \(.command)"]}
      }
    } end
' | curl --fail --silent --show-error --max-time 8 --output /dev/null \
    --header 'Content-Type: application/json' --data-binary @- \
    "${PAGERDUTY_URL:-https://events.pagerduty.com/v2/enqueue}"

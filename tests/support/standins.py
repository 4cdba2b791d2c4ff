"""Stand-ins for gcloud, k6, npx artillery and npm: they read their arguments as strictly as the real tools, and answer as those
do. What they find stands in `FOLDER/TOOL.json`, where a test wrote it; what they change is written there.

    python standins.py FOLDER TOOL ARGUMENT…
"""

import json
import os
import re
import sys

FOLDER, TOOL, ARGUMENTS = sys.argv[1], sys.argv[2], sys.argv[3:]
FILE = os.path.join(FOLDER, f"{TOOL}.json")


def end(code, text=""):
    if text:
        print(text, file=sys.stderr)
    sys.exit(code)


def state():
    try:
        with open(FILE) as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def keep(value):
    with open(FILE + ".new", "w") as file:
        json.dump(value, file)
    os.replace(FILE + ".new", FILE)


def split(words, known, unknown):
    """Returns the plain words and the flags. `known`: flag (or short one) to its name, and whether a word follows."""
    plain, flags, words = [], {}, list(words)
    while words:
        word = words.pop(0)
        if word == "--":
            return plain + words, flags
        if not word.startswith("-") or word == "-":
            plain.append(word)
            continue
        flag, equals, value = word.partition("=")
        if flag not in known:
            unknown(flag)
        name, takes = known[flag]
        if takes and not equals:
            if not words:
                end(2, f"flag needs an argument: {flag}")
            value = words.pop(0)
        flags.setdefault(name, []).append(value if takes else value or "true")
    return plain, flags


# gcloud

def gcloud():
    places = ["--zone", "--region", "--location"]
    every = {flag: (flag, True) for flag in ["--project", "--format", "--account", "--verbosity", *places]}
    every |= {"-z": ("--zone", True), "--quiet": ("--quiet", False), "-q": ("--quiet", False)}
    verbs = {
        "container clusters resize": {"--node-pool": 1, "--num-nodes": 1, "--size": 1, "--async": 0},
        "container clusters describe": {},
        "container clusters list": {},
        "container node-pools describe": {"--cluster": 1},
        "container node-pools list": {"--cluster": 1},
        "config get-value": {},
    }
    given = " ".join(word for word in ARGUMENTS if not word.startswith("-"))
    verb = next((verb for verb in verbs if (given + " ").startswith(verb + " ")), None)
    if verb is None:
        end(2, f"ERROR: (gcloud) Invalid choice: '{given.split(' ')[0]}'.")
    name = "(gcloud." + verb.replace(" ", ".") + ")"
    known = every | {flag: (flag, bool(takes)) for flag, takes in verbs[verb].items()}
    plain, flags = split(ARGUMENTS, known, lambda flag: end(2, f"ERROR: {name} unrecognized arguments: {flag}"))
    plain = plain[len(verb.split()):]
    have = state()
    flag = lambda key: flags.get(key, [None])[-1]
    if verb == "config get-value":
        return print(have.get("project", "")) if plain == ["project"] else end(1, f"ERROR: {name} no such property")
    if have.get("refuses"):
        end(1, f"ERROR: {name} {have['refuses']}")
    clusters = have.get("clusters", [])
    if verb == "container clusters list":
        return formatted([view(it) for it in clusters], flag("--format"), name)
    wanted = flag("--cluster") if "node-pools" in verb else (plain or [None])[0]
    if wanted is None:
        missing = "argument --cluster: Must be specified." if "node-pools" in verb else "argument NAME: Must be specified."
        end(2, f"ERROR: {name} {missing}")
    place = next((flag(it) for it in places if flag(it)), None)
    if place is None:
        end(1, f"ERROR: {name} One of [--location, --zone, --region] must be supplied.")
    found = next((it for it in clusters if it["name"] == wanted and it["location"] == place), None)
    if found is None:
        kind = "zones" if flag("--zone") else "locations"
        path = f"projects/{have.get('project', 'test')}/{kind}/{place}/clusters/{wanted}"
        end(1, f"ERROR: {name} ResponseError: code=404, message=Not found: {path}.")
    if verb == "container clusters describe":
        return formatted(view(found), flag("--format"), name)
    if verb == "container node-pools list":
        return formatted(found["pools"], flag("--format"), name)
    pool_name = plain[0] if "node-pools" in verb and plain else flag("--node-pool") or "default-pool"
    pool = next((it for it in found["pools"] if it["name"] == pool_name), None)
    if pool is None:
        end(1, f"ERROR: {name} No node pool named '{pool_name}' in {wanted}.")
    if verb == "container node-pools describe":
        return formatted(pool, flag("--format"), name)
    number = flag("--num-nodes") or flag("--size")
    if number is None:
        end(2, f"ERROR: {name} argument --num-nodes: Must be specified.")
    if not number.isdigit():
        end(2, f"ERROR: {name} argument --num-nodes: invalid int value: '{number}'")
    if not flag("--quiet"):
        print(f"Pool [{pool_name}] for [{wanted}] will be resized to {number} node(s) in each zone\n it spans.\n", file=sys.stderr)
        end(1, f"Do you want to continue (Y/n)?  \nERROR: {name} This prompt could not be answered because you are not in an "
               "interactive session.  You can re-run the command with the --quiet flag to accept default answers for all prompts.")
    pool["currentNodeCount"] = int(number)
    keep(have)
    print(f"Resizing {wanted}...\ndone.", file=sys.stderr)
    print(f"Updated [https://container.googleapis.com/v1/projects/{have.get('project', 'test')}/zones/{place}/clusters/{wanted}].",
          file=sys.stderr)


def view(cluster):
    pools = cluster["pools"]
    return {"name": cluster["name"], "location": cluster["location"], "status": "RUNNING",
            "currentNodeCount": sum(pool["currentNodeCount"] for pool in pools), "nodePools": pools}


def formatted(value, how, name):
    """Prints a value as `--format` says: json, or value(KEY, …) with a tab between."""
    if how in (None, "yaml", "json"):
        return print(json.dumps(value, indent=2))
    match = re.fullmatch(r"(?:value|get)\(([\w., \[\]]+)\)", how)
    if match is None:
        end(1, f"ERROR: {name} Format [{how}] is not known.")
    for it in value if isinstance(value, list) else [value]:
        cells = []
        for key in match.group(1).split(","):
            cell = it
            for part in key.strip().split("."):
                cell = cell.get(part, "") if isinstance(cell, dict) else ""
            cells.append(str(cell))
        print("\t".join(cells))


# Load tests. The state: p95, median, failed (a rate from 0 to 1), requests, seconds, crossed (a list of [metric, condition]).

def load():
    return {"p95": 180.0, "median": 60.0, "failed": 0.0, "requests": 60000, "seconds": 300, "crossed": []} | state()


def k6():
    words = ["--vus", "--duration", "--summary-export", "--out", "--env", "--tag", "--stage", "--iterations", "--rps",
             "--summary-trend-stats", "--summary-mode", "--log-output", "--config", "--address"]
    known = {flag: (flag, True) for flag in words}
    known |= {flag: (flag, False) for flag in ["--quiet", "--no-color", "--no-summary", "--no-thresholds", "--insecure-skip-tls-verify",
                                                "--no-usage-report", "--no-connection-reuse"]}
    short = {"-u": "--vus", "-d": "--duration", "-o": "--out", "-e": "--env", "-i": "--iterations", "-s": "--stage", "-q": "--quiet"}
    known |= {flag: known[name] for flag, name in short.items()}
    if ARGUMENTS[:1] == ["version"] or ARGUMENTS[:1] == ["--version"]:
        return print("k6 v1.4.0 (go1.25.4, linux/amd64)")
    if ARGUMENTS[:1] != ["run"]:
        end(255, f'time="2026-11-22T10:00:00Z" level=error msg="unknown command \\"{(ARGUMENTS or [""])[0]}\\" for \\"k6\\""')
    plain, flags = split(ARGUMENTS[1:], known, lambda flag: end(255, f'time="2026-11-22T10:00:00Z" level=error msg="unknown flag: {flag}"'))
    if len(plain) != 1:
        end(255, f'level=error msg="accepts 1 arg(s), received {len(plain)}: the path of a script or - for stdin"')
    if plain[0] != "-" and not os.path.isfile(plain[0]):
        end(255, f'level=error msg="The moduleSpecifier \\"{plain[0]}\\" couldn\'t be found on local disk. Make sure that you\'ve '
                 'specified the right path to the file."')
    for name, form in [("--vus", r"\d+"), ("--iterations", r"\d+"), ("--duration", r"(\d+(\.\d+)?(ms|s|m|h))+")]:
        for value in flags.get(name, []):
            if not re.fullmatch(form, value):
                end(255, f'level=error msg="invalid argument \\"{value}\\" for \\"{name}\\" flag"')
    it = load()
    vus = int(flags.get("--vus", ["1"])[-1])
    crossed = {metric: condition for metric, condition in it["crossed"]} if "--no-thresholds" not in flags else {}
    with_threshold = lambda metric, value: value | ({"thresholds": {crossed[metric]: True}} if metric in crossed else {})
    failures = round(it["requests"] * it["failed"])
    duration = {"avg": it["median"] * 1.2, "min": it["median"] / 10, "med": it["median"], "max": it["p95"] * 3,
                "p(90)": it["p95"] * 0.9, "p(95)": it["p95"]}
    # It tells no 99th percentile unless it is asked for.
    if "p(99)" in flags.get("--summary-trend-stats", [""])[-1].split(","):
        duration["p(99)"] = it["p95"] * 1.5
    metrics = {
        "http_req_duration": with_threshold("http_req_duration", duration),
        "http_req_failed": with_threshold("http_req_failed", {"passes": failures, "fails": it["requests"] - failures, "value": it["failed"]}),
        "http_reqs": with_threshold("http_reqs", {"count": it["requests"], "rate": it["requests"] / it["seconds"]}),
        "vus": {"value": vus, "min": vus, "max": vus},
        "iterations": {"count": it["requests"], "rate": it["requests"] / it["seconds"]},
    }
    for path in flags.get("--summary-export", []):
        try:
            with open(path, "w") as file:
                json.dump({"root_group": {"name": "", "path": "", "groups": {}, "checks": {}}, "metrics": metrics}, file, indent=4)
        except OSError as error:
            end(255, f'level=error msg="failed to handle the end-of-test summary" error="open {path}: {error.strerror.lower()}"')
    if "--no-summary" not in flags:
        mark = lambda metric: "✗" if metric in crossed else " "
        print(f'   {mark("http_req_duration")} http_req_duration..............: avg={duration["avg"]:.2f}ms min={duration["min"]:.2f}ms '
              f'med={duration["med"]:.2f}ms max={duration["max"]:.2f}ms p(90)={duration["p(90)"]:.2f}ms p(95)={duration["p(95)"]:.2f}ms')
        print(f'   {mark("http_req_failed")} http_req_failed................: {it["failed"] * 100:.2f}% {failures} out of {it["requests"]}')
        print(f'   {mark("http_reqs")} http_reqs......................: {it["requests"]} {it["requests"] / it["seconds"]:.6f}/s')
        print(f'     vus............................: {vus} min={vus} max={vus}')
    if crossed:
        end(99, f'time="2026-11-22T10:00:00Z" level=error msg="thresholds on metrics \'{", ".join(crossed)}\' have been crossed"')


def artillery(words):
    known = {flag: (flag, True) for flag in ["--output", "--target", "--environment", "--overrides", "--variables", "--config",
                                              "--payload", "--dotenv", "--name", "--tags", "--count"]}
    known |= {"--quiet": ("--quiet", False), "--insecure": ("--insecure", False), "--solo": ("--solo", False)}
    short = {"-o": "--output", "-t": "--target", "-e": "--environment", "-v": "--variables", "-c": "--config", "-p": "--payload",
             "-q": "--quiet", "-k": "--insecure"}
    known |= {flag: known[name] for flag, name in short.items()}
    if words[:1] == ["version"]:
        return print("Artillery: 2.0.26\nNode.js:   v22.12.0\nOS:        linux")
    if words[:1] != ["run"]:
        end(2, f" ›   Error: command {(words or [''])[0]} not found")
    plain, flags = split(words[1:], known, lambda flag: end(2, f" ›   Error: Nonexistent flag: {flag}\n ›   See more help with --help"))
    if not plain:
        end(2, " ›   Error: Missing 1 required arg:\n ›   SCRIPT\n ›   See more help with --help")
    for script in plain:
        if not os.path.isfile(script):
            end(1, f"ENOENT: no such file or directory, open '{script}'")
    it = load()
    failures = round(it["requests"] * it["failed"])
    summary = {"min": round(it["median"] / 10), "max": round(it["p95"] * 3), "count": it["requests"], "mean": it["median"] * 1.2,
               "p50": it["median"], "median": it["median"], "p75": it["median"] * 1.4, "p90": it["p95"] * 0.9, "p95": it["p95"],
               "p99": it["p95"] * 1.5, "p999": it["p95"] * 2}
    counters = {"vusers.created": it["requests"], "http.requests": it["requests"], "http.responses": it["requests"],
                "http.codes.200": it["requests"] - failures, "vusers.completed": it["requests"] - failures,
                "vusers.failed": failures}
    counters |= {"http.codes.503": failures} if failures else {}
    report = {"aggregate": {"counters": counters, "rates": {"http.request_rate": round(it["requests"] / it["seconds"])},
                            "summaries": {"http.response_time": summary}, "histograms": {"http.response_time": summary}},
              "intermediate": []}
    for path in flags.get("--output", []):
        with open(path, "w") as file:
            json.dump(report, file, indent=2)
    print("All VUs finished. Total time: 5 minutes, 1 second\n\n--------------------------------\nSummary report @ 10:05:01(+0000)")
    print("--------------------------------\n")
    for key, value in sorted(counters.items()):
        print(f"{key}: {'.' * max(2, 74 - len(key))} {value}")
    print(f"http.request_rate: {'.' * 57} {round(it['requests'] / it['seconds'])}/sec\nhttp.response_time:")
    for key in ("min", "max", "mean", "median", "p95", "p99"):
        print(f"  {key}: {'.' * (72 - len(key))} {round(summary[key], 1)}")
    if it["crossed"]:
        print("\nChecks:")
        for metric, condition in it["crossed"]:
            print(f"fail: {metric}.{condition}")
        end(1)


def npx():
    words = list(ARGUMENTS)
    while words and words[0].startswith("-"):
        if words[0] not in ("-y", "--yes", "--no", "--no-install", "-q", "--quiet"):
            end(1, f"npm error Unknown cli config \"{words[0]}\"")
        words.pop(0)
    if not words or words[0].split("@")[0] != "artillery":
        end(1, "npm error could not determine executable to run")
    artillery(words[1:])


# npm. The state: {"scripts": {NAME: {"code": 0, "stdout": "", "stderr": ""}}}; the arguments that a script got are kept in it.

def npm():
    words, silent, folder = list(ARGUMENTS), False, "."
    rest = []
    if "--" in words:
        at = words.index("--")
        words, rest = words[:at], words[at + 1:]
    plain = []
    while words:
        word = words.pop(0)
        if word in ("--silent", "-s"):
            silent = True
        elif word in ("--prefix", "-C"):
            folder = words.pop(0)
        elif word.startswith("--prefix="):
            folder = word.partition("=")[2]
        elif word.startswith("-"):
            # As the real one: a flag before `--` is npm's own, and the script does not get it.
            print(f"npm warn Unknown cli config \"{word.partition('=')[0]}\". This will stop working in the next major version of npm.",
                  file=sys.stderr)
        else:
            plain.append(word)
    if plain[:1] not in (["run"], ["run-script"]) or len(plain) < 2:
        end(1, f'Unknown command: "{(plain or [""])[0]}"')
    have = state()
    script = have.get("scripts", {}).get(plain[1])
    if script is None:
        end(1, f'npm error Missing script: "{plain[1]}"\nnpm error\nnpm error To see a list of scripts, run:\nnpm error   npm run')
    script.setdefault("calls", []).append(plain[2:] + rest)
    keep(have)
    if not silent:
        print(f"\n> {plain[1]}\n> {' '.join([plain[1], *plain[2:], *rest])}\n")
    sys.stdout.write(script.get("stdout", ""))
    sys.stderr.write(script.get("stderr", ""))
    sys.exit(script.get("code", 0))


if __name__ == "__main__":
    {"gcloud": gcloud, "k6": k6, "npx": npx, "npm": npm}.get(TOOL, lambda: end(127, f"no stand-in for {TOOL}"))()

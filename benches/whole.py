#!/usr/bin/env python3
"""Measures `check` and `plan` as whole processes on projects that are made up: seconds and the most memory held.

    cargo build --release
    python3 benches/whole.py target/release/runbook                 # a table
    python3 benches/whole.py NEW OLD                                # two builds, by turns, and their ratio
    python3 benches/whole.py target/release/runbook --only steps    # the cases whose name holds `steps`
    python3 benches/whole.py target/release/runbook --runs 9 --json > figures.json

Each case is run at its size and at a quarter of it: the last column is how many times longer four times as much takes.
4 is in proportion, 16 is quadratic. The middle of several runs is shown; "cpu" is the processor's time, which other work on
the machine does not make longer. Two builds take turns run by run, so that a
machine that slows down slows both.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time


def runbook(name, steps, more=""):
    return f"runbook: {name}\ntitle: Made up\nsummary: Made up to be measured.\nowner: nobody\n{more}steps:\n{steps}"


def steps(n):
    """A chain in which every step reads what one far before it printed."""
    lines = []
    for i in range(n):
        before = f"{{{{ steps.s{i // 2}.outputs.o }}}}" if i else "none"
        lines.append(f"  - {{id: s{i}, run: \"echo {before}\", effect: read, outputs: {{o: stdout}}}}\n")
    return {"runbooks/x.yaml": runbook("x", "".join(lines))}


def wide(n):
    """As people write them: 12 lines a step, gates, captures, undo."""
    step = """  - id: s{i}
    title: Scale the service {i} in {{{{ env }}}}
    phase: Phase {p}
    capture:
      run: echo {{{{ env }}}} {i}
      outputs: {{n: stdout}}
    satisfied: captured.n == 'never'
    run: "true scale {{{{ env }}}} --replicas={i}"
    idempotent: true
    verify: {{run: echo {i}, pass: "stdout == '{i}'", every: 1s, within: 1m}}
    rollback: {{run: "true scale {{{{ env }}}} {{{{ captured.n }}}}"}}
"""
    more = "vars:\n  env: {type: string, default: staging}\n"
    return {"runbooks/x.yaml": runbook("x", "".join(step.format(i=i, p=i // 50) for i in range(n)), more)}


def edges(n):
    """Layers of 100 steps, each of which needs all of the layer before: 100 edges a step."""
    lines = []
    for i in range(n):
        layer = i // 100
        needs = ", ".join(f"s{j}" for j in range((layer - 1) * 100, layer * 100)) if layer else ""
        lines.append(f"  - {{id: s{i}, needs: [{needs}], run: echo {i}, effect: read}}\n")
    return {"runbooks/x.yaml": runbook("x", "".join(lines))}


def instances(n):
    """One step for each of so many."""
    more = f"let:\n  all: \"{{{{ range({n}) }}}}\"\nlimits: {{instances: {n}}}\n"
    step = "  - {id: each, for_each: all, run: \"echo {{ item }} of {{ run.id }}\", effect: read}\n"
    return {"runbooks/x.yaml": runbook("x", step, more)}


def entries(n):
    """One step for each entry of a table, with a template, a capture, a gate and an undo."""
    table = "all:\n" + "".join(f"  service-{i}: {{replicas: {i % 50}, zone: z{i % 3}}}\n" for i in range(n))
    more = f"data: {{t: t.yaml}}\nlimits: {{instances: {n}}}\n"
    step = """  - id: each
    for_each: t.all
    uses: tool/scale
    with: {name: "{{ item.key }}", replicas: "{{ item.value.replicas }}"}
"""
    template = """step: tool/scale
title: Scale {{ name }} to {{ replicas }}
summary: Sets it.
params:
  name: {type: string}
  replicas: {type: integer}
capture: {run: "echo {{ name }}", outputs: {replicas: stdout}}
changes: "replicas {{ captured.replicas }} → {{ replicas }}"
run: "true {{ name }} {{ replicas }}"
idempotent: true
verify: {run: "echo {{ name }}", pass: "stdout == name"}
rollback: {run: "true {{ name }} {{ captured.replicas }}"}
"""
    return {"runbooks/x.yaml": runbook("x", step, more), "runbooks/t.yaml": table, "steps/tool/scale.yaml": template}


def pairs(n):
    """So many instances, and as many of another step that each read what one of the first printed."""
    more = f"let:\n  all: \"{{{{ range({n}) }}}}\"\n"
    lines = "  - {id: a, for_each: all, run: \"echo {{ item }}\", effect: read, outputs: {o: stdout}}\n"
    lines += "  - {id: b, for_each: all, run: \"echo {{ steps.a.outputs.o['0'] }}\", effect: read}\n"
    return {"runbooks/x.yaml": runbook("x", lines, more)}


def copies(n):
    """A runbook that is brought in so many times."""
    more = f"let:\n  all: \"{{{{ range({n}) }}}}\"\n"
    lines = "  - {id: each, for_each: all, runbook: y, vars: {name: \"n{{ item }}\"}}\n"
    inside = "  - {id: go, run: \"echo {{ name }}\", effect: read}\n"
    inside = runbook("y", inside, "vars:\n  name: {type: string}\n")
    return {"runbooks/x.yaml": runbook("x", lines, more), "runbooks/y.yaml": inside}


def names(n):
    """So many vars and as many `let`, each used once, and a chain of `let`."""
    more = "vars:\n" + "".join(f"  v{i}: {{type: string, default: a}}\n" for i in range(n))
    more += "let:\n  l0: \"{{ v0 }}\"\n" + "".join(f"  l{i}: \"{{{{ v{i} }}}}{{{{ l{i // 2} }}}}\"\n" for i in range(1, n))
    uses = "".join(f"      {{{{ l{i} | quote }}}}\n" for i in range(n // 2, n))
    return {"runbooks/x.yaml": runbook("x", "  - id: a\n    effect: read\n    stdin: |\n" + uses + "    run: cat\n", more)}


def names_and_steps(n):
    """So many vars, and as many steps that use one each."""
    more = "vars:\n" + "".join(f"  v{i}: {{type: string, default: a}}\n" for i in range(n))
    lines = "".join(f"  - {{id: s{i}, run: \"echo {{{{ v{i} }}}}\", effect: read}}\n" for i in range(n))
    return {"runbooks/x.yaml": runbook("x", lines, more)}


def table(n):
    """A table of so many kilobytes, of which one value is used."""
    rows = n * 1024 // 64
    text = "rows:\n" + "".join(f"  - {{id: {i}, name: \"row number {i}\", zone: eu-west-1, on: true}}\n" for i in range(rows))
    step = "  - {id: a, run: \"echo {{ t.rows[3].name }}\", effect: read}\n" * 1
    more_steps = "".join(f"  - {{id: b{i}, run: \"echo {{{{ t.rows[{i}].name }}}}\", effect: read}}\n" for i in range(100))
    return {"runbooks/x.yaml": runbook("x", step + more_steps, "data: {t: t.yaml}\n"), "runbooks/t.yaml": text}


def templates(n):
    """So many step templates, and a step for each."""
    files = {
        f"steps/tool/t{i}.yaml": f"step: tool/t{i}\ntitle: Look at {{{{ what }}}}\nsummary: Looks.\nparams: {{what: {{type: string}}}}\nrun: echo {{{{ what }}}}\neffect: read\n"
        for i in range(n)
    }
    lines = "".join(f"  - {{id: s{i}, uses: tool/t{i}, with: {{what: a{i}}}}}\n" for i in range(n))
    return {"runbooks/x.yaml": runbook("x", lines)} | files


def mistakes(n):
    """A mistake in every step."""
    kinds = ["run: \"echo {{ nope }}\", effect: read", "run: echo, effekt: read", "run: echo", "uses: no/where", "run: \"echo {{ x\", effect: read"]
    lines = "".join(f"  - {{id: s{i}, {kinds[i % len(kinds)]}}}\n" for i in range(n))
    return {"runbooks/x.yaml": runbook("x", lines)}


def needs_nobody(n):
    """Every step needs one that is not there, with a name that is near to many."""
    lines = "".join(f"  - {{id: step-number-{i}, needs: [step-numbre-{i}], run: echo, effect: read}}\n" for i in range(n))
    return {"runbooks/x.yaml": runbook("x", lines)}


def script(n):
    """One script of so many lines with a value in each."""
    lines = "      echo {{ run.id }} \"$(echo '{{ run.name }}')\"\n" * n
    return {"runbooks/x.yaml": runbook("x", "  - id: a\n    effect: read\n    shell: |\n" + lines)}


def scalar(n):
    """One text of so many kilobytes."""
    return {"runbooks/x.yaml": runbook("x", "  - {id: a, run: cat, effect: read, stdin: \"" + "long value " * (n * 1024 // 11) + "\"}\n")}


def anchors(n):
    """Steps that share what they hold by anchors and merge keys."""
    lines = "  - &a {id: s0, run: echo, effect: read, timeout: 5m, retry: {attempts: 3, delay: 1s}}\n"
    lines += "".join(f"  - {{<<: *a, id: s{i}}}\n" for i in range(1, n))
    return {"runbooks/x.yaml": runbook("x", lines)}


# Name, what makes it, the size, the verb.
CASES = [
    ("check steps", steps, 10_000, "check"),
    ("plan steps", steps, 10_000, "plan"),
    ("check wide", wide, 10_000, "check"),
    ("plan wide", wide, 10_000, "plan"),
    ("check edges", edges, 10_000, "check"),
    ("plan edges", edges, 10_000, "plan"),
    ("plan instances", instances, 100_000, "plan"),
    ("plan entries", entries, 100_000, "plan"),
    ("plan pairs", pairs, 20_000, "plan"),
    ("plan copies", copies, 9_000, "plan"),
    ("check names", names, 10_000, "check"),
    ("plan names", names, 10_000, "plan"),
    ("check names and steps", names_and_steps, 10_000, "check"),
    ("plan names and steps", names_and_steps, 10_000, "plan"),
    ("check table", table, 5_000, "check"),
    ("plan table", table, 5_000, "plan"),
    ("check templates", templates, 2_000, "check"),
    ("plan templates", templates, 2_000, "plan"),
    ("check mistakes", mistakes, 50_000, "check"),
    ("check needs nobody", needs_nobody, 10_000, "check"),
    ("check script", script, 15_000, "check"),
    ("check scalar", scalar, 10_000, "check"),
    ("plan scalar", scalar, 10_000, "plan"),
    ("check anchors", anchors, 4_000, "check"),
]


def write(folder, files):
    for path, text in files.items():
        path = pathlib.Path(folder, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def once(binary, verb, folder, limit):
    """Returns seconds, MB, the size of what was printed and the seconds of the processor; `None` for seconds where the time ran out."""
    arguments = [str(binary), verb] + (["x"] if verb == "plan" else [])
    env = {"PATH": os.environ["PATH"], "HOME": folder, "TZ": "UTC"}
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        child = subprocess.Popen(arguments, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            # wait4 tells of this one child what RUSAGE_CHILDREN mixes with those before it.
            while True:
                pid, status, usage = os.wait4(child.pid, os.WNOHANG)
                took = time.perf_counter() - began
                if pid:
                    break
                if took > limit:
                    child.kill()
                    os.wait4(child.pid, 0)
                    return None, 0, 0, 0
                time.sleep(0.001)
        finally:
            child.returncode = 0
        code = os.waitstatus_to_exitcode(status)
        if code not in (0, 2):
            out.seek(0)
            sys.exit(f"{arguments} ended with {code}: {out.read()[-2000:]!r}")
        return took, usage.ru_maxrss / 1024, out.seek(0, os.SEEK_END), usage.ru_utime + usage.ru_stime


def measure(case, binaries, runs, limit):
    name, make, size, verb = case
    rows = {}
    for part in (size // 4, size):
        with tempfile.TemporaryDirectory() as folder:
            write(folder, make(part))
            seen = {binary: [] for binary in binaries}
            for _ in range(runs):
                for binary in binaries:
                    found = once(binary, verb, folder, limit)
                    seen[binary].append(found)
                    if found[0] is None:
                        break
            for binary, all_runs in seen.items():
                times = [run[0] for run in all_runs if run[0] is not None]
                rows[binary, part] = {
                    "seconds": statistics.median(times) if times and len(times) == len(all_runs) else None,
                    "cpu": statistics.median(run[3] for run in all_runs),
                    "mb": max((run[1] for run in all_runs), default=0),
                    "printed": max((run[2] for run in all_runs), default=0),
                }
    found = []
    for binary in binaries:
        small, large = rows[binary, size // 4], rows[binary, size]
        ratio = large["cpu"] / small["cpu"] if large["seconds"] and small["cpu"] else None
        found.append({"case": name, "size": size, "binary": str(binary), **large, "quarter": small["seconds"], "grows": ratio})
    return found


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binaries", nargs="+", type=lambda path: pathlib.Path(path).resolve())
    arguments.add_argument("--only", default="")
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--limit", type=float, default=120, help="seconds after which one run is given up")
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    rows = []
    if not given.json:
        print(f"{'case':24}{'size':>9}{'seconds':>10}{'cpu':>8}{'MB':>8}{'printed KB':>12}{'4x takes':>10}" + ("  build" if len(given.binaries) > 1 else ""), flush=True)
    for case in CASES:
        if given.only not in case[0]:
            continue
        found = measure(case, given.binaries, given.runs, given.limit)
        rows += found
        if given.json:
            continue
        for row in found:
            seconds = f"{row['seconds']:.3f}" if row["seconds"] else f">{given.limit:.0f}"
            grows = f"{row['grows']:.1f}" if row["grows"] else "-"
            which = f"  {row['binary']}" if len(given.binaries) > 1 else ""
            print(f"{row['case']:24}{row['size']:>9}{seconds:>10}{row['cpu']:>8.2f}{row['mb']:>8.0f}{row['printed'] / 1024:>12.0f}{grows:>10}{which}", flush=True)
    if given.json:
        json.dump(rows, sys.stdout, indent=1)
        print()


main()

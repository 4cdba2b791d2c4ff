#!/usr/bin/env python3
"""Measures whole runs: the engine beside the same processes with no engine, with a flushed journal, and beside its rivals.

    python3 benches/processes.py                       # all parts, written to benches/results.md
    python3 benches/processes.py --part table --runs 9 # one part, printed only
    python3 benches/processes.py --binary OTHER        # another build
    python3 benches/processes.py --quick               # small sizes: does the script work?

Every figure is a ratio of two runs that were made one after the other; of so many pairs the middle is told. `README.md`
says how each figure is made. The machine must be quiet: the load is told beside the figures.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# From PyPI, where they are packed: nothing is put into the system.
RIVALS = {"ninja": "ninja==1.13.2", "just": "rust-just==1.59.0", "doit": "doit==0.37.0"}


class Run:
    """What one process took, with all it waited for."""

    def __init__(self, wall, usage, code):
        self.wall = wall
        self.cpu = usage.ru_utime + usage.ru_stime
        self.mb = usage.ru_maxrss / 1024
        self.code = code


def run(command, folder, env=None, out=os.devnull, codes=(0,)):
    """Runs a command to its end; its output goes to `out`."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "TZ": "UTC", "LANG": "C.UTF-8"} | (env or {})
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(out), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, str(pathlib.Path(folder, "stderr")), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    command = [str(word) for word in command]
    before = os.getcwd()
    os.chdir(folder)
    try:
        began = time.perf_counter()
        pid = os.posix_spawnp(command[0], command, env, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
        took = time.perf_counter() - began
    finally:
        os.chdir(before)
    code = os.waitstatus_to_exitcode(status)
    if codes is not None and code not in codes:
        said = pathlib.Path(folder, "stderr").read_text(errors="replace")[-2000:]
        sys.exit(f"{command} ended with {code}: {said}")
    return Run(took, usage, code)


# The graphs. Each gives the numbers of the steps that a step needs.
def chain(number):
    return [number - 1] if number else []


def wide(number):
    return []


def layered(number, of=10):
    first = number // of * of
    return list(range(first - of, first)) if first else []


def diamond(number, of=8):
    """One, then eight beside each other, then one that needs the eight, and so on."""
    place, within = divmod(number, of + 1)
    if within == 0:
        return list(range(number - of, number)) if place else []
    return [place * (of + 1)]


GRAPHS = {"chain": chain, "wide": wide, "layered": layered, "diamond": diamond}


# Who runs them. Each writes what it reads into a folder, and gives the command.
class Spawn:
    """The processes and nothing else."""

    name = "spawn"

    def __init__(self, limit):
        self.limit = limit

    def prepare(self, folder, graph, count):
        pass

    def command(self, folder, count, at_once):
        return [self.limit, "spawn", count, at_once], {}


class Flushed(Spawn):
    name = "limit with a flushed journal (group commit)"

    def command(self, folder, count, at_once):
        return [self.limit, "flushed", count, at_once, pathlib.Path(folder, "journal")], {}


class Runbook:
    name = "runbook"

    def __init__(self, binary):
        self.binary = binary
        self.stores = 0

    def prepare(self, folder, graph, count):
        lines = ["runbook: b\ntitle: B\nsteps:\n"]
        for number in range(count):
            needs = ", ".join(f"s{need}" for need in graph(number))
            lines.append(f"  - {{id: s{number}, needs: [{needs}], run: /bin/true, irreversible: nothing}}\n")
        write(folder, "runbooks/b.yaml", "".join(lines))

    def store(self, folder):
        self.stores += 1
        return pathlib.Path(folder, f"store{self.stores}", "journal.db")

    def command(self, folder, count, at_once):
        env = {"RUNBOOK_STORE": str(self.store(folder))}
        return [self.binary, "exec", "b", "--max-parallel", at_once], env


class Bash:
    name = "bash, written by hand"

    def prepare(self, folder, graph, count):
        one = f"for ((i = 0; i < {count}; i++)); do\n    /bin/true || exit 1\ndone\n"
        many = f"for ((i = 0; i < {count}; i++)); do\n    if ((i >= $1)); then wait -n || exit 1; fi\n    /bin/true &\ndone\nwait\n"
        write(folder, "run.sh", f"if (($1 == 1)); then\n{one}else\n{many}fi\n")

    def command(self, folder, count, at_once):
        return ["bash", "run.sh", at_once], {}


class Make:
    name = "make"

    def prepare(self, folder, graph, count):
        lines = [f"all: {' '.join(f's{number}' for number in range(count))}\n"]
        for number in range(count):
            needs = " ".join(f"s{need}" for need in graph(number))
            lines.append(f"s{number}: {needs}\n\t@/bin/true\n")
        lines.append(f".PHONY: all {' '.join(f's{number}' for number in range(count))}\n")
        write(folder, "Makefile", "".join(lines))

    def command(self, folder, count, at_once):
        return ["make", "-s", "-r", f"-j{at_once}"], {}


class Ninja:
    name = "ninja"

    def __init__(self, binary):
        self.binary = binary

    def prepare(self, folder, graph, count):
        lines = ["rule true\n  command = /bin/true\n"]
        for number in range(count):
            needs = " ".join(f"s{need}" for need in graph(number))
            lines.append(f"build s{number}: true {needs}\n")
        write(folder, "build.ninja", "".join(lines))

    def command(self, folder, count, at_once):
        return [self.binary, "--quiet", f"-j{at_once}"], {}


class Just:
    name = "just"

    def __init__(self, binary):
        self.binary = binary

    def prepare(self, folder, graph, count):
        needed = " ".join(f"s{number}" for number in range(count))
        lines = [f"[parallel]\nall: {needed}\n\nlast: s{count - 1}\n"]
        for number in range(count):
            needs = " ".join(f"s{need}" for need in graph(number))
            lines.append(f"s{number}: {needs}\n    @/bin/true\n")
        write(folder, "justfile", "".join(lines))

    def command(self, folder, count, at_once):
        # It has no bound on what runs at once: `[parallel]` starts all.
        return [self.binary, "last" if at_once == 1 else "all"], {}


class Doit:
    name = "doit"

    def __init__(self, binary):
        self.binary = binary

    def prepare(self, folder, graph, count):
        needs = [[f"s{need}" for need in graph(number)] for number in range(count)]
        write(
            folder,
            "dodo.py",
            f"NEEDS = {json.dumps(needs)}\n\n\ndef task_all():\n    for number, needs in enumerate(NEEDS):\n"
            "        yield {'basename': f's{number}', 'actions': [['/bin/true']], 'task_dep': needs}\n",
        )

    def command(self, folder, count, at_once):
        words = [self.binary, "run", "--verbosity", "0"]
        return words + (["-n", at_once, "-P", "thread"] if at_once > 1 else []), {}


def write(folder, path, text):
    path = pathlib.Path(folder, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def middle(values):
    values = list(values)
    return statistics.median(values) if values else None


def told(value, digits=3):
    """As many digits as mean something: 1.17, 12.3, 148."""
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def pairs(folder, who, bare, graph, count, at_once, runs):
    """Returns the middle of the ratios of wall and CPU, of so many pairs; nothing where it can't be run."""
    who.prepare(folder, graph, count)
    walls, cpus, flushed = [], [], []
    for turn in range(runs + 1):
        command, env = bare.command(folder, count, at_once)
        base = run(command, folder, env)
        command, env = who.command(folder, count, at_once)
        took = run(command, folder, env, codes=None)
        if took.code != 0:
            return None
        if turn:  # the first pair warms up
            walls.append(took.wall / base.wall)
            cpus.append(took.cpu / base.cpu)
    return middle(walls), middle(cpus)


def table(given, limit, out):
    """The rivals, the limit and the engine, in spawns."""
    count = 200 if given.quick else 1000
    bare = Spawn(limit)
    rows = [Make(), Bash()]
    rivals = rivals_of(given)
    rows += [kind(rivals[name]) for name, kind in (("ninja", Ninja), ("just", Just), ("doit", Doit)) if name in rivals]
    rows += [Flushed(limit), Runbook(given.binary)]
    columns = [("chain", 1), ("wide", 8), ("wide", 64)]
    out("| | start-up + 1 step, in spawns | CPU per step, chain | CPU, wide p8 | wall per step, chain | wall, wide p8 | wall, wide p64 |")
    out("|---|---|---|---|---|---|---|")
    for who in rows:
        with tempfile.TemporaryDirectory() as folder:
            start = startup(folder, who, bare, given.runs)
        figures = []
        for name, at_once in columns:
            with tempfile.TemporaryDirectory() as folder:
                figures.append(pairs(folder, who, bare, GRAPHS[name], count, at_once, given.runs))
        wall = [figure and figure[0] for figure in figures]
        cpu = [figure and figure[1] for figure in figures]
        cells = [start, cpu[0], cpu[1], *wall]
        out(f"| {who.name} | {' | '.join(told(cell) for cell in cells)} |")
    with tempfile.TemporaryDirectory() as folder:
        beside = pairs(folder, Runbook(given.binary), Flushed(limit), chain, count, 1, given.runs)
    out("")
    out(f"`runbook` in multiples of the flushed limit, chain, pair by pair: wall {told(beside[0])}, CPU {told(beside[1])}.")


def startup(folder, who, bare, runs):
    """The wall of one step, in spawns: of a thousand one after the other, beside each pair."""
    who.prepare(folder, chain, 1)
    ratios = []
    for turn in range(runs + 1):
        command, env = bare.command(folder, 200, 1)
        spawn = run(command, folder, env).wall / 200
        command, env = who.command(folder, 1, 1)
        took = [run(command, folder, who.command(folder, 1, 1)[1]).wall for _ in range(5)]
        if turn:
            ratios.append(middle(took) / spawn)
    return middle(ratios)


def curve(given, limit, out):
    """The cost of a step by the number of steps."""
    sizes = [1, 100, 1000] if given.quick else [1, 100, 1_000, 10_000, 100_000]
    out("| graph | " + " | ".join(f"{size:,}" for size in sizes) + f" | {sizes[-1]:,} to 1,000 | MB at {sizes[-1]:,} |")
    out("|---|" + "---|" * (len(sizes) + 2))
    for name, graph in GRAPHS.items():
        at_once = 1 if name == "chain" else 8
        cells, most = [], 0
        for size in sizes:
            runs = given.runs if size <= 1000 else (3 if size <= 10_000 else 1)
            ratios = []
            with tempfile.TemporaryDirectory() as folder:
                who = Runbook(given.binary)
                who.prepare(folder, graph, size)
                for _ in range(runs):
                    base = run([limit, "spawn", max(size, 200), at_once], folder)
                    command, env = who.command(folder, size, at_once)
                    took = run(command, folder, env)
                    ratios.append(took.cpu / size / (base.cpu / max(size, 200)))
                    most = took.mb
                    shutil.rmtree(pathlib.Path(env["RUNBOOK_STORE"]).parent)
            cells.append(middle(ratios))
        thousand = cells[sizes.index(1000)]
        out(f"| {name} | {' | '.join(told(cell) for cell in cells)} | {told(cells[-1] / thousand)} | {most:.0f} |")


def spawns(folder, limit):
    """Returns the seconds of one spawn, one after the other."""
    return run([limit, "spawn", 400, 1], folder).wall / 400


def beside(given, limit, folder, command, env=None, runs=None, codes=(0,)):
    """Returns the wall in spawns, the middle of pairs, and the most memory in MB."""
    walls, most = [], 0
    for turn in range((runs or given.runs) + 1):
        one = spawns(folder, limit)
        took = run(command, folder, env, codes=codes)
        if turn:
            walls.append(took.wall / one)
            most = max(most, took.mb)
    return middle(walls), most


def sizes(given, limit, out):
    """`check` and `plan` of large runbooks."""
    factor = 10 if given.quick else 1
    out("| | wall, in spawns | wanted | MB |")
    out("|---|---|---|---|")

    def row(what, wanted, command, prepare):
        with tempfile.TemporaryDirectory() as folder:
            prepare(folder)
            wall, most = beside(given, limit, folder, command)
            out(f"| {what} | {told(wall)} | {wanted} | {most:.0f} |")

    who = Runbook(given.binary)
    count = 10_000 // factor
    row(f"`check`, chain of {count:,} steps", "check + plan ≤ 400", [given.binary, "check"], lambda folder: who.prepare(folder, chain, count))
    row(f"`plan`, chain of {count:,} steps", "check + plan ≤ 400, 60 MB", [given.binary, "plan", "b"], lambda folder: who.prepare(folder, chain, count))

    def instances(folder):
        more = f"limits: {{instances: {10 * count}}}\nlet: {{all: \"{{{{ range({10 * count}) }}}}\"}}\n"
        write(folder, "runbooks/b.yaml", f"runbook: b\ntitle: B\n{more}steps:\n  - {{id: each, for_each: all, run: \"/bin/true {{{{ item }}}}\", irreversible: nothing}}\n")

    row(f"`plan`, {10 * count:,} instances of one step", "≤ 4,000, 300 MB", [given.binary, "plan", "b"], instances)
    # Layers of 50, all to all: 50 edges a step.
    row(f"`check`, {count * 2 * 50:,} edges, layers of 50", "≤ 400", [given.binary, "check"], lambda folder: who.prepare(folder, lambda number: layered(number, 50), count * 2))


def output(given, limit, out):
    """What a step prints: the rate against the writer's straight into a file, and the memory."""
    amount = (64 if given.quick else 1024) * 1024 * 1024
    with tempfile.TemporaryDirectory() as folder:
        write(
            folder,
            "runbooks/b.yaml",
            f"runbook: b\ntitle: B\nvars:\n  word: {{type: secret}}\nsteps:\n"
            f"  - {{id: s0, run: {json.dumps([str(limit), 'print', '{{ ' + str(amount) + ' }}'])}, irreversible: nothing, env: {{WORD: \"{{{{ word }}}}\"}}}}\n",
        )
        write(folder, "runbooks/idle.yaml", "runbook: idle\ntitle: B\nvars:\n  word: {type: secret}\nsteps:\n  - {id: s0, run: /bin/true, irreversible: nothing, env: {WORD: \"{{ word }}\"}}\n")
        ratios, most, idle = [], 0, 0
        for turn in range(min(given.runs, 5) + 1):
            file = pathlib.Path(folder, "straight")
            base = run([limit, "print", amount], folder, out=file)
            file.unlink()
            store = pathlib.Path(folder, f"store{turn}")
            env = {"RUNBOOK_STORE": str(store / "journal.db"), "RUNBOOK_VAR_WORD": "not-to-be-seen"}
            took = run([given.binary, "exec", "b"], folder, env)
            kept = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
            shutil.rmtree(store)
            if kept < amount:
                sys.exit(f"only {kept} bytes of {amount} were kept")
            env["RUNBOOK_STORE"] = str(pathlib.Path(folder, f"idle{turn}", "journal.db"))
            nothing = run([given.binary, "exec", "idle"], folder, env)
            if turn:
                ratios.append(base.wall / took.wall)
                most, idle = max(most, took.mb), max(idle, nothing.mb)
        out(f"- {amount // 1024 // 1024:,} MiB of a step's stdout, captured, redacted and logged: {told(middle(ratios))} × the rate of the writer straight into a file (wanted ≥ 0.6); peak {most:.0f} MB, {most - idle:.0f} MB over a run that prints nothing (wanted < 40).")


def history(given, limit, out):
    """`status` of a long run, and what a resume of a longer one costs before its first step."""
    count = 1000 if given.quick else 100_000
    with tempfile.TemporaryDirectory() as folder:
        who = Runbook(given.binary)
        steps = count // 5
        who.prepare(folder, wide, steps)
        env = {"RUNBOOK_STORE": str(pathlib.Path(folder, "store", "journal.db"))}
        run([given.binary, "exec", "b", "--max-parallel", "8"], folder, env)
        with sqlite3.connect(env["RUNBOOK_STORE"]) as database:
            run_id, events = database.execute("select run, count(*) from events").fetchone()
        wall, most = beside(given, limit, folder, [given.binary, "status", run_id], env)
        out(f"- `status` of a run of {steps:,} steps with {events:,} events: {told(wall)} spawns (wanted ≤ 20), {most:.0f} MB.")
    with tempfile.TemporaryDirectory() as folder:
        who = Runbook(given.binary)
        who.prepare(folder, chain, count - 1)
        text = pathlib.Path(folder, "runbooks/b.yaml")
        text.write_text(text.read_text() + f"  - {{id: last, needs: [s{count - 2}], idempotent: true, irreversible: nothing, run: /usr/bin/test -e {folder}/good}}\n")
        env = {"RUNBOOK_STORE": str(pathlib.Path(folder, "store", "journal.db"))}
        run([given.binary, "exec", "b"], folder, env, codes=(1,))
        write(folder, "good", "")
        took = run([given.binary, "resume"], folder, env)
        out(f"- `resume` of a run of {count:,} steps of which the last is left, whole: {took.cpu:.2f} s of CPU (wanted: its first step begins within 1 s), {took.mb:.0f} MB.")


def idle(given, limit, out):
    """What a gate costs that waits: CPU ticks of the engine alone, between two looks."""
    seconds = 5 if given.quick else 300
    with tempfile.TemporaryDirectory() as folder:
        write(folder, "runbooks/b.yaml", "runbook: b\ntitle: B\nsteps:\n  - {id: g, gate: {run: /bin/false, pass: exit_code == 0, every: 30s, within: 2h}}\n")
        env = {"PATH": os.environ["PATH"], "HOME": folder, "RUNBOOK_STORE": str(pathlib.Path(folder, "store", "journal.db"))}
        child = subprocess.Popen([str(given.binary), "exec", "b"], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(2)
        before = ticks(child.pid)
        time.sleep(seconds)
        used = (ticks(child.pid) - before) / os.sysconf("SC_CLK_TCK")
        child.send_signal(signal.SIGTERM)
        child.wait()
        out(f"- A gate of two hours that asks every 30 s: {used:.2f} s of CPU in {seconds} s (the engine's own threads, in ticks of 10 ms).")


def ticks(pid):
    """Returns user and system time of a process, without its children's."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


PARTS = {"table": table, "curve": curve, "sizes": sizes, "output": output, "history": history, "idle": idle}
HEADINGS = {
    "table": "The table: N = 1,000 times `/bin/true`, multiples of the bare spawns",
    "curve": "The curve: CPU of a step by the number of steps, multiples of a bare spawn",
    "sizes": "`check` and `plan`",
    "output": "Output",
    "history": "Long runs",
    "idle": "Waiting",
}


def rivals_of(given):
    """Returns where the rivals are, installed below `target/`; what can't be had has no row."""
    home = ROOT / "target/tools/rivals"
    if not (home / "bin/python").exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
    found = {}
    for name, package in RIVALS.items():
        binary = home / "bin" / name
        if not binary.exists():
            subprocess.run([home / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package], check=False)
        if binary.exists():
            found[name] = binary
        else:
            print(f"{package} can't be installed: it has no row", file=sys.stderr)
    return found


def machine():
    """Returns facts of the machine that the figures hold for."""
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    load = os.getloadavg()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return (
        f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, commit {commit}, {os.cpu_count()} × {model}, Linux {platform.release()}, "
        f"load {load[0]:.2f} at the beginning; the temporary folder is on {filesystem(tempfile.gettempdir())}."
    )


def filesystem(path):
    return subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True).stdout.strip()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binary", type=lambda path: pathlib.Path(path).resolve())
    arguments.add_argument("--limit", type=lambda path: pathlib.Path(path).resolve(), help="a `limit` that is built already")
    arguments.add_argument("--part", choices=PARTS, action="append")
    arguments.add_argument("--runs", type=int, default=7)
    arguments.add_argument("--quick", action="store_true")
    given = arguments.parse_args()
    if not given.binary:
        subprocess.run(["cargo", "build", "--release", "--locked", "--bin", "runbook"], cwd=ROOT, check=True)
        given.binary = ROOT / "target/release/runbook"
    limit = given.limit
    if not limit:
        subprocess.run(["cargo", "build", "--release", "--locked", "--example", "limit"], cwd=ROOT, check=True)
        limit = ROOT / "target/release/examples/limit"
    lines = []

    def out(line):
        lines.append(line)
        print(line, flush=True)

    out("# What runs cost\n")
    out(f"Made by `benches/processes.py`; `README.md` says how. {machine()}")
    for part in given.part or PARTS:
        out(f"\n## {HEADINGS[part]}\n")
        PARTS[part](given, limit, out)
    if not given.part and not given.quick:
        (ROOT / "benches/results.md").write_text("\n".join(lines) + "\n")


main()

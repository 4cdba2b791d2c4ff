"""A stand-in for the helm CLI, which no package registry has.

Templates, `--set` and YAML are read by Helm's own library. Releases are kept as Helm 3 keeps them, in Secrets of the cluster,
and objects are changed as Helm 3 changes them: by a three-way merge, which puts the chart's value over anybody else's.
What it does not know it refuses, as the real one does. Words and exit codes are those of helm 3.21.
"""

import base64
import datetime
import gzip
import json
import os
import re
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request

KINDS = {
    "ConfigMap": ("api/v1", "configmaps"),
    "Secret": ("api/v1", "secrets"),
    "Service": ("api/v1", "services"),
    "ServiceAccount": ("api/v1", "serviceaccounts"),
    "PersistentVolumeClaim": ("api/v1", "persistentvolumeclaims"),
    "Deployment": ("apis/apps/v1", "deployments"),
    "StatefulSet": ("apis/apps/v1", "statefulsets"),
    "DaemonSet": ("apis/apps/v1", "daemonsets"),
    "HorizontalPodAutoscaler": ("apis/autoscaling/v2", "horizontalpodautoscalers"),
    "PodDisruptionBudget": ("apis/policy/v1", "poddisruptionbudgets"),
}

# Flag: how many words it takes (0, 1), or "optional" for one after `=` only.
GLOBAL = {"--namespace": 1, "--kubeconfig": 1, "--kube-context": 1, "--debug": 0, "--repository-config": 1}
OUTPUT = {"--output": 1}
CHART = {"--set": 1, "--set-string": 1, "--set-json": 1, "--values": 1, "--version": 1, "--dry-run": "optional"}
RUN = {"--wait": "optional", "--timeout": 1, "--atomic": 0, "--description": 1, "--history-max": 1, "--no-hooks": 0}
VERBS = {
    "upgrade": {**CHART, **RUN, **OUTPUT, "--reuse-values": 0, "--reset-values": 0, "--reset-then-reuse-values": 0,
                "--install": 0, "--cleanup-on-fail": 0, "--force": 0, "--create-namespace": 0},
    "install": {**CHART, **RUN, **OUTPUT, "--create-namespace": 0},
    "rollback": {"--wait": 0, "--timeout": 1, "--dry-run": 0, "--cleanup-on-fail": 0, "--history-max": 1,
                 "--force": 0, "--no-hooks": 0},
    "uninstall": {"--wait": 0, "--timeout": 1, "--keep-history": 0, "--ignore-not-found": 0},
    "list": {**OUTPUT, "--all": 0, "--filter": 1, "--all-namespaces": 0, "--max": 1, "--pending": 0, "--failed": 0,
             "--deployed": 0, "--short": 0},
    "status": {**OUTPUT, "--revision": 1},
    "history": {**OUTPUT, "--max": 1},
    "get values": {**OUTPUT, "--all": 0, "--revision": 1},
    "get manifest": {"--revision": 1},
    "get metadata": {**OUTPUT, "--revision": 1},
    "template": CHART,
    "show chart": {"--version": 1},
    "show values": {"--version": 1},
    "repo list": OUTPUT,
    "search repo": {**OUTPUT, "--version": 1, "--versions": 0},
    "version": {"--short": 0},
}
SHORT = {"-n": "--namespace", "-o": "--output", "-f": "--values", "-i": "--install", "-a": "--all", "-q": "--short",
         "-A": "--all-namespaces"}


class Failure(Exception):
    """What stands behind `Error: `."""


def read_arguments(words):
    plain, flags, words = [], {}, list(words)
    verb, known = None, dict(GLOBAL)
    # Flags may stand before the verb, whose own ones are known only after it.
    names = [word for word in words if not word.startswith("-")]
    for candidate in sorted(VERBS, key=lambda it: -len(it.split())):
        first = candidate.split()
        # A flag's own word may stand before them: `-n NAMESPACE upgrade`.
        if any(names[at : at + len(first)] == first for at in range(min(2, len(names)))):
            verb = candidate
            known.update(VERBS[candidate])
            break
    while words:
        word = words.pop(0)
        if not word.startswith("-") or word == "-":
            plain.append(word)
            continue
        name, equals, value = word.partition("=")
        if not name.startswith("--") and not equals and len(name) > 2:
            name, equals, value = name[:2], "=", name[2:]
        full = SHORT.get(name, name)
        if full not in known:
            kind = "unknown flag: " + name if name.startswith("--") else f"unknown shorthand flag: '{name[1]}' in {name}"
            raise Failure(kind)
        takes = known[full]
        if takes == 1 and not equals:
            if not words:
                raise Failure(f"flag needs an argument: {name}")
            value = words.pop(0)
        elif takes != 1 and not equals:
            value = "true"
        flags.setdefault(full, []).append(value)
    if verb is None or plain[: len(verb.split())] != verb.split():
        raise Failure(f'unknown command "{plain[0] if plain else ""}" for "helm"\nRun \'helm --help\' for usage.')
    if flags.get("--output", ["table"])[-1] not in ("table", "json", "yaml"):
        raise Failure("invalid argument \"%s\" for \"-o, --output\" flag: invalid format type" % flags["--output"][-1])
    return verb, plain[len(verb.split()):], flags


def seconds(text):
    if not re.fullmatch(r"(\d+(\.\d+)?(h|m|s|ms))+", text):
        raise Failure(f'invalid argument "{text}" for "--timeout" flag: time: invalid duration "{text}"')
    units = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
    return sum(float(number) * units[unit] for number, _, unit in re.findall(r"(\d+(\.\d+)?)(ms|h|m|s)", text))


class Api:
    def __init__(self, flags):
        path = flags.get("--kubeconfig", [os.environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config")])[-1]
        try:
            text = open(path).read()
        except OSError:
            text = "{}"
        try:
            config = json.loads(text)
        except ValueError:
            config = yaml(text)
        named = lambda what, name: next((it for it in config.get(what, []) if it["name"] == name), None)
        name = flags.get("--kube-context", [config.get("current-context")])[-1]
        context = named("contexts", name)
        if context is None and "--kube-context" in flags:
            raise Failure(f'Kubernetes cluster unreachable: context "{name}" does not exist')
        context = (context or {}).get("context", {})
        cluster = named("clusters", context.get("cluster")) or {"cluster": {}}
        self.server = cluster["cluster"].get("server", "http://localhost:8080")
        self.namespace = flags.get("--namespace", [context.get("namespace") or "default"])[-1]

    def call(self, method, path, body=None, content="application/json"):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": content, "Accept": "application/json"}
        request = urllib.request.Request(f"{self.server}/{path}", data, headers, method=method)
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            return json.load(opener.open(request, timeout=60))
        except urllib.error.HTTPError as error:
            status = json.loads(error.read() or b"{}")
            if error.code == 404 and method in ("GET", "DELETE"):
                return None
            raise Failure(status.get("message", str(error)))
        except urllib.error.URLError as error:
            at = self.server.split("//")[-1]
            reason = getattr(error.reason, "strerror", None) or str(error.reason)
            raise Failure(f'Kubernetes cluster unreachable: Get "{self.server}/version": dial tcp {at}: connect: {reason.lower()}')

    def path(self, item, named=True):
        where = KINDS.get(item.get("kind"))
        if where is None or where[0].split("/", 1)[1] != item.get("apiVersion"):
            raise Failure('unable to build kubernetes objects from release manifest: resource mapping not found for name: '
                          f'"{item["metadata"]["name"]}" namespace: "" from "": no matches for kind "{item.get("kind")}" in '
                          f'version "{item.get("apiVersion")}"\nensure CRDs are installed first')
        namespace = item["metadata"].get("namespace") or self.namespace
        end = "/" + item["metadata"]["name"] if named else ""
        return f"{where[0]}/namespaces/{namespace}/{where[1]}{end}"

    # Releases.

    def releases(self, name=None):
        path = f"api/v1/namespaces/{self.namespace}/secrets?labelSelector=owner%3Dhelm"
        path += f",name%3D{name}" if name else ""
        try:
            found = self.call("GET", path)["items"]
        except Failure as failure:
            if "unreachable" in str(failure):
                raise
            raise Failure(f"list: failed to list: {failure}" if name is None else f"query: failed to query with labels: {failure}")
        read = [json.loads(gzip.decompress(base64.b64decode(base64.b64decode(it["data"]["release"])))) for it in found]
        return sorted(read, key=lambda release: (release["name"], release["version"]))

    def keep(self, release, new):
        packed = base64.b64encode(gzip.compress(json.dumps(release).encode())).decode()
        name = f'sh.helm.release.v1.{release["name"]}.v{release["version"]}'
        labels = {"name": release["name"], "owner": "helm", "status": release["info"]["status"],
                  "version": str(release["version"]), "createdAt" if new else "modifiedAt": str(int(time.time()))}
        secret = {"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
                  "metadata": {"name": name, "namespace": self.namespace, "labels": labels},
                  "data": {"release": base64.b64encode(packed.encode()).decode()}}
        base = f"api/v1/namespaces/{self.namespace}/secrets"
        self.call("POST", base, secret) if new else self.call("PUT", f"{base}/{name}", secret)


def library():
    import helm_python
    return helm_python


def yaml(text):
    from helm_python.chart import values_from_yaml
    return values_from_yaml(text)


def merge(under, over):
    """Returns `over` on `under`; null takes a key away, as in Helm."""
    out = dict(under)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merge(out[key], value)
        elif value is None:
            out.pop(key, None)
        else:
            out[key] = value
    return out


def given_values(flags):
    values = {}
    for path in flags.get("--values", []):
        try:
            values = merge(values, yaml(open(path).read() if path != "-" else sys.stdin.read()))
        except OSError:
            raise Failure(f"open {path}: no such file or directory")
    from helm_python import _native
    for flag, function in [("--set-json", "helm_strvals_parse_json"), ("--set", "helm_strvals_parse"),
                           ("--set-string", "helm_strvals_parse_string")]:
        for text in flags.get(flag, []):
            try:
                values = merge(values, json.loads(_native.call_string(function, text)))
            except library().HelmError as error:
                raise Failure(f"failed parsing {flag} data: {error.detail}")
    return values


def repositories(flags):
    path = flags.get("--repository-config", [os.environ.get("HELM_REPOSITORY_CONFIG", "")])[-1]
    try:
        return json.load(open(path)).get("repositories", [])
    except (OSError, ValueError):
        return []


def chart_folder(reference, flags):
    """Returns the folder of a chart: a path, or REPOSITORY/NAME of a repository whose address is a folder."""
    version = flags.get("--version", [None])[-1]
    folder = reference
    if not os.path.exists(reference):
        repository, slash, name = reference.partition("/")
        if reference.startswith((".", "/")) or not slash:
            raise Failure(f'path "{reference}" not found' if slash else f'non-absolute URLs should be in form of repo_name/path_to_chart, got: {reference}')
        found = next((it for it in repositories(flags) if it["name"] == repository), None)
        if found is None:
            raise Failure(f"repo {repository} not found")
        folder = os.path.join(found["url"].removeprefix("file://"), name)
        if not os.path.isdir(folder):
            raise Failure(f'chart "{name}" not found in {found["url"]} repository')
        have = yaml(open(os.path.join(folder, "Chart.yaml")).read())["version"]
        if version and version != have:
            raise Failure(f'chart "{name}" matching {version} not found in {repository} index. (try \'helm repo update\'): '
                          f"no chart version found for {name}-{version}")
    if not os.path.isfile(os.path.join(folder, "Chart.yaml")):
        raise Failure("Chart.yaml file is missing")
    return folder


def search(word, flags):
    found = repositories(flags)
    if not found:
        raise Failure("no repositories configured")
    rows = []
    for repository in found:
        home = repository["url"].removeprefix("file://")
        for name in sorted(os.listdir(home)):
            chart = yaml(open(os.path.join(home, name, "Chart.yaml")).read())
            full = f'{repository["name"]}/{name}'
            if word in full and flags.get("--version", [chart["version"]])[-1] == chart["version"]:
                rows.append({"name": full, "version": chart["version"], "app_version": chart.get("appVersion", ""),
                             "description": chart.get("description", "")})
    if flags.get("--output", ["table"])[-1] == "json":
        print(json.dumps(rows, separators=(",", ":")))
    elif not rows:
        print("No results found")
    else:
        table(["NAME", "CHART VERSION", "APP VERSION", "DESCRIPTION"], [list(row.values()) for row in rows])


def render(folder, defaults, values, name, namespace, revision, upgrade):
    """Returns the chart's metadata, its defaults and the manifest; `defaults` stand in place of its own values.yaml."""
    from helm_python import Chart
    with tempfile.TemporaryDirectory() as home:
        copy = os.path.join(home, "chart")
        shutil.copytree(folder, copy)
        if defaults is not None:
            json.dump(defaults, open(os.path.join(copy, "values.yaml"), "w"))
        try:
            with Chart.load(copy) as chart:
                out = chart.render(values, name=name, namespace=namespace, revision=revision,
                                   is_upgrade=upgrade, is_install=not upgrade)
                return chart.metadata, chart.values, manifest(out)
        except library().HelmError as error:
            raise Failure(error.detail)


def manifest(files):
    """Returns the rendered templates as one text, in the order in which Helm installs kinds."""
    documents = []
    for path in sorted(files):
        if path.endswith(("NOTES.txt", ".tpl")):
            continue
        for part in re.split(r"(?m)^---\s*$", files[path]):
            if part.strip():
                kind = re.search(r"(?m)^kind:\s*(\S+)", part)
                order = list(KINDS).index(kind.group(1)) if kind and kind.group(1) in KINDS else len(KINDS)
                documents.append((order, f"---\n# Source: {path}\n{part.strip()}\n"))
    return "".join(text for _, text in sorted(documents, key=lambda it: it[0]))


def objects(text):
    parts = [yaml(part) for part in re.split(r"(?m)^---\s*$", text) if part.strip()]
    return {(part["kind"], part["metadata"]["name"]): part for part in parts}


def labelled(item, release, namespace):
    marks = {"labels": {"app.kubernetes.io/managed-by": "Helm"},
             "annotations": {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace}}
    return merge(item, {"metadata": marks})


def difference(old, new, live):
    """Returns the strategic merge patch that brings `live` to `new`, and takes away what only `old` had."""
    patch = {}
    for key, value in new.items():
        have = live.get(key)
        if isinstance(value, dict) and isinstance(have, dict):
            below = difference((old or {}).get(key) or {}, value, have)
            if below:
                patch[key] = below
        elif isinstance(value, list) and value and all(isinstance(it, dict) and "name" in it for it in value):
            before = {it["name"]: it for it in (old or {}).get(key) or [] if isinstance(it, dict) and "name" in it}
            there = {it["name"]: it for it in have or []}
            items = []
            for it in value:
                below = difference(before.get(it["name"], {}), it, there.get(it["name"], {}))
                if below:
                    items.append({"name": it["name"], **below})
            items += [{"name": gone, "$patch": "delete"} for gone in before if gone not in {it["name"] for it in value}]
            if items:
                patch[key] = items
        elif not same(value, have):
            patch[key] = value
    for key in old or {}:
        if key not in new and key in live:
            patch[key] = None
    return patch


def same(wanted, have):
    """Returns whether the server's value is the wanted one, beside what the server filled in, and the spelling of a quantity."""
    if isinstance(wanted, dict):
        return isinstance(have, dict) and all(same(value, have.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(have, list) and len(wanted) == len(have) and all(map(same, wanted, have))
    return wanted == have or (have is not None and not isinstance(have, (dict, list)) and str(wanted) == str(have))


def apply(api, release, old, new):
    """Brings the cluster from the objects `old` to the objects `new`."""
    lives = {}
    for key, item in new.items():
        live = lives[key] = api.call("GET", api.path(item))
        owner = ((live or {}).get("metadata", {}).get("annotations") or {}).get("meta.helm.sh/release-name")
        if live is not None and key not in old and owner != release:
            raise Failure(f'{key[0]} "{key[1]}" in namespace "{api.namespace}" exists and cannot be imported into the current '
                          'release: invalid ownership metadata; label validation error: missing key '
                          '"app.kubernetes.io/managed-by": must be set to "Helm"; annotation validation error: missing key '
                          f'"meta.helm.sh/release-name": must be set to "{release}"; annotation validation error: missing key '
                          f'"meta.helm.sh/release-namespace": must be set to "{api.namespace}"')
    for key, item in new.items():
        item = labelled(item, release, api.namespace)
        if lives[key] is None:
            api.call("POST", api.path(item, named=False), item)
            continue
        patch = difference(old.get(key), item, lives[key])
        if patch:
            try:
                api.call("PATCH", api.path(item), patch, "application/strategic-merge-patch+json")
            except Failure as failure:
                raise Failure(f'cannot patch "{key[1]}" with kind {key[0]}: {failure}')
    for key, item in old.items():
        if key not in new:
            api.call("DELETE", api.path(item))


def ready(item):
    spec, status = item.get("spec", {}), item.get("status", {})
    if item["kind"] not in ("Deployment", "StatefulSet"):
        return True
    wanted = spec.get("replicas", 1)
    return (status.get("observedGeneration", 0) >= item["metadata"].get("generation", 0)
            and status.get("updatedReplicas", 0) == wanted and status.get("readyReplicas", 0) == wanted)


def wait(api, items, flags):
    if flags.get("--wait", ["false"])[-1] == "false" and "--atomic" not in flags:
        return
    end = time.monotonic() + seconds(flags.get("--timeout", ["5m"])[-1])
    while not all(ready({**item, **(api.call("GET", api.path(item)) or {"status": {}})}) for item in items.values()):
        if time.monotonic() > end:
            raise Failure("context deadline exceeded")
        time.sleep(0.05)


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def make(name, api, version, chart, defaults, config, text, description, status, first=None):
    at = now()
    info = {"first_deployed": first or at, "last_deployed": at, "deleted": "", "description": description, "status": status}
    return {"name": name, "info": info, "chart": {"metadata": chart, "lock": None, "templates": [], "values": defaults,
            "schema": None, "files": []}, "config": config, "manifest": text, "version": version, "namespace": api.namespace}


def carry_out(api, release, deployed, old, flags, done, failed):
    """Does the work of a release that is pending, and keeps how it ended."""
    api.keep(release, True)
    try:
        new = objects(release["manifest"])
        apply(api, release["name"], old, new)
        wait(api, new, flags)
    except Failure as failure:
        release["info"].update(status="failed", description=failed % failure)
        api.keep(release, False)
        raise
    for other in deployed:
        other["info"]["status"] = "superseded"
        api.keep(other, False)
    release["info"].update(status="deployed", description=done)
    api.keep(release, False)


def shape(release):
    info = {key: release["info"][key] for key in ("first_deployed", "last_deployed", "deleted", "description", "status")}
    return {**release, "info": info}


def show(release, flags, beginning="", whole=True):
    if flags.get("--output", ["table"])[-1] == "json":
        print(json.dumps(shape(release) if whole else {k: v for k, v in shape(release).items() if k != "chart"}))
        return
    at = datetime.datetime.strptime(release["info"]["last_deployed"][:19], "%Y-%m-%dT%H:%M:%S").strftime("%a %b %e %H:%M:%S %Y")
    print(f'{beginning}NAME: {release["name"]}\nLAST DEPLOYED: {at}\nNAMESPACE: {release["namespace"]}\n'
          f'STATUS: {release["info"]["status"]}\nREVISION: {release["version"]}\nTEST SUITE: None')
    if "--dry-run" in flags:
        print(f'HOOKS:\nMANIFEST:\n{release["manifest"]}')


def table(head, rows):
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        print("\t".join(str(cell).ljust(width) for cell, width in zip(row, widths)))


def dumped(value, indent=""):
    """Returns a value as YAML."""
    lines = []
    for key in sorted(value):
        it = value[key]
        if isinstance(it, dict) and it:
            lines += [f"{indent}{key}:", dumped(it, indent + "  ")]
        else:
            plain = isinstance(it, str) and re.fullmatch(r"[A-Za-z][\w./ -]*|\d+[A-Za-z]+", it)
            plain = plain and it not in ("true", "false", "null", "yes", "no", "on", "off")
            lines.append(f"{indent}{key}: {it if plain else json.dumps(it)}")
    return "\n".join(lines)


def need(plain, count, verb, what):
    if len(plain) != count:
        plural = "" if count == 1 else "s"
        raise Failure(f'"helm {verb}" requires {count} argument{plural}\n\nUsage:  helm {verb} {what} [flags]')


def revision_of(api, name, flags):
    releases = api.releases(name)
    wanted = int(flags.get("--revision", ["0"])[-1])
    found = [release for release in releases if not wanted or release["version"] == wanted]
    if not found:
        raise Failure("release: not found")
    return found[-1]


def install(api, plain, flags, argv, said=""):
    need(plain, 2, "install", "[NAME] [CHART]")
    name, reference = plain
    folder = chart_folder(reference, flags)
    values = given_values(flags)
    releases = api.releases(name)
    if releases and releases[-1]["info"]["status"] != "uninstalled":
        raise Failure("cannot re-use a name that is still in use")
    chart, defaults, text = render(folder, None, values, name, api.namespace, 1, False)
    dry = "--dry-run" in flags
    release = make(name, api, 1, chart, defaults, values, text, "Dry run complete" if dry else "Initial install underway", "pending-install")
    if not dry:
        if "--create-namespace" in flags and api.call("GET", f"api/v1/namespaces/{api.namespace}") is None:
            api.call("POST", "api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": api.namespace}})
        failed = f'Release "{name}" failed: %s'
        carry_out(api, release, [], {}, flags, flags.get("--description", ["Install complete"])[-1], failed)
    show(release, flags, said)


def upgrade(api, plain, flags, argv):
    need(plain, 2, "upgrade", "[RELEASE] [CHART]")
    name, reference = plain
    if "--install" in flags and not api.releases(name):
        table_out = flags.get("--output", ["table"])[-1] == "table"
        return install(api, plain, flags, argv, f'Release "{name}" does not exist. Installing it now.\n' if table_out else "")
    try:
        folder = chart_folder(reference, flags)
    except Failure as failure:
        raise Failure(f"!{failure}")
    values = given_values(flags)
    releases = api.releases(name)
    if not releases:
        raise Failure(f'"{name}" has no deployed releases')
    last = releases[-1]
    if last["info"]["status"].startswith("pending"):
        raise Failure("another operation (install/upgrade/rollback) is in progress")
    deployed = [release for release in releases if release["info"]["status"] == "deployed"]
    current = deployed[-1] if deployed else last
    given, defaults = values, None
    if "--reset-values" in flags:
        pass
    elif "--reuse-values" in flags:
        # The old chart's defaults, too: what a new chart brings is not seen.
        values, defaults = merge(current["config"] or {}, given), merge(current["chart"]["values"] or {}, current["config"] or {})
    elif "--reset-then-reuse-values" in flags or not given:
        values = merge(current["config"] or {}, given)
    chart, defaults, text = render(folder, defaults, values, name, api.namespace, last["version"] + 1, True)
    dry = "--dry-run" in flags
    release = make(name, api, last["version"] + 1, chart, defaults, values, text,
                   "Dry run complete" if dry else "Preparing upgrade", "pending-upgrade", last["info"]["first_deployed"])
    if not dry:
        try:
            carry_out(api, release, deployed, objects(current["manifest"]), flags,
                      flags.get("--description", ["Upgrade complete"])[-1], f'Upgrade "{name}" failed: %s')
        except Failure as failure:
            if "--atomic" not in flags:
                raise
            roll_back(api, name, current["version"], {key: it for key, it in flags.items() if key == "--timeout"})
            raise Failure(f"release {name} failed, and has been rolled back due to atomic being set: {failure}")
    show(release, flags, f'Release "{name}" has been upgraded. Happy Helming!\n')


def roll_back(api, name, wanted, flags):
    releases = api.releases(name)
    if not releases:
        raise Failure("release: not found")
    last = releases[-1]
    wanted = wanted or last["version"] - 1
    target = next((release for release in releases if release["version"] == wanted), None)
    if target is None:
        raise Failure(f'release has no {wanted} version' if wanted else "release: not found")
    if "--dry-run" in flags:
        return
    chart = target["chart"]
    release = make(name, api, last["version"] + 1, chart["metadata"], chart["values"], target["config"], target["manifest"],
                   f"Rollback to {wanted}", "pending-rollback", last["info"]["first_deployed"])
    others = [it for it in releases if it["info"]["status"] == "deployed"]
    carry_out(api, release, others, objects(last["manifest"]), flags, f"Rollback to {wanted}", f'Rollback "{name}" failed: %s')


def listed(api, flags):
    latest = {release["name"]: release for release in api.releases()}
    states = {flag[2:] for flag in ("--deployed", "--failed", "--pending") if flag in flags} or {"deployed", "failed"}
    state = lambda release: release["info"]["status"].split("-")[0]
    pattern = re.compile(flags.get("--filter", [""])[-1])
    found = [it for it in latest.values() if ("--all" in flags or state(it) in states) and pattern.search(it["name"])]
    rows = []
    for it in found:
        chart = it["chart"]["metadata"]
        at = it["info"]["last_deployed"].replace("T", " ").replace("Z", " +0000 UTC")
        rows.append({"name": it["name"], "namespace": it["namespace"], "revision": str(it["version"]), "updated": at,
                     "status": it["info"]["status"], "chart": f'{chart["name"]}-{chart["version"]}',
                     "app_version": chart.get("appVersion", "")})
    if flags.get("--output", ["table"])[-1] == "json":
        print(json.dumps(rows, separators=(",", ":")))
    elif "--short" in flags:
        print("\n".join(row["name"] for row in rows))
    else:
        table(["NAME", "NAMESPACE", "REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION"], [list(row.values()) for row in rows])


def history(api, name, flags):
    releases = api.releases(name)[-int(flags.get("--max", ["256"])[-1]):]
    if not releases:
        raise Failure("release: not found")
    rows = []
    for it in releases:
        chart = it["chart"]["metadata"]
        rows.append({"revision": it["version"], "updated": it["info"]["last_deployed"], "status": it["info"]["status"],
                     "chart": f'{chart["name"]}-{chart["version"]}', "app_version": chart.get("appVersion", ""),
                     "description": it["info"]["description"]})
    if flags.get("--output", ["table"])[-1] == "json":
        print(json.dumps(rows, separators=(",", ":")))
    else:
        table(["REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION", "DESCRIPTION"], [list(row.values()) for row in rows])


def main(argv):
    verb, plain, flags = read_arguments(argv)
    begins = {"upgrade": "UPGRADE FAILED: ", "install": "INSTALLATION FAILED: "}.get(verb, "")
    try:
        run(verb, plain, flags, argv)
    except Failure as failure:
        text = str(failure)
        bare = text.startswith(("!", '"helm ', "Kubernetes cluster unreachable", "failed parsing", "open "))
        raise Failure(text.removeprefix("!") if bare else begins + text)


def run(verb, plain, flags, argv):
    json_out = flags.get("--output", ["table"])[-1] == "json"
    if verb == "version":
        return print("v3.21.1+gc56dd00" if "--short" in flags else 'version.BuildInfo{Version:"v3.21.1", GitCommit:"", GitTreeState:"clean", GoVersion:"go1.27.3"}')
    if verb == "repo list":
        found = repositories(flags)
        if json_out:
            return print(json.dumps([{"name": it["name"], "url": it["url"]} for it in found], separators=(",", ":")))
        if not found:
            raise Failure("no repositories to show")
        return table(["NAME", "URL"], [[it["name"], it["url"]] for it in found])
    if verb == "search repo":
        return search((plain or [""])[0], flags)
    if verb.startswith("show "):
        need(plain, 1, verb, "[CHART]")
        return print(open(os.path.join(chart_folder(plain[0], flags), "Chart.yaml" if verb == "show chart" else "values.yaml")).read())
    api = Api(flags)
    if verb == "template":
        need(plain, 2, verb, "[NAME] [CHART]")
        return print(render(chart_folder(plain[1], flags), None, given_values(flags), plain[0], api.namespace, 1, False)[2], end="")
    if verb == "install":
        return install(api, plain, flags, argv)
    if verb == "upgrade":
        return upgrade(api, plain, flags, argv)
    if verb == "list":
        return listed(api, flags)
    if verb == "rollback":
        if len(plain) not in (1, 2):
            need(plain, 1, verb, "<RELEASE> [REVISION]")
        if len(plain) == 2 and not plain[1].isdigit():
            raise Failure(f'could not convert revision to a number: strconv.Atoi: parsing "{plain[1]}": invalid syntax')
        roll_back(api, plain[0], int(plain[1]) if len(plain) == 2 else 0, flags)
        return print("Rollback was a success! Happy Helming!")
    need(plain, 1, verb, "RELEASE_NAME")
    if verb == "history":
        return history(api, plain[0], flags)
    release = revision_of(api, plain[0], flags) if verb != "uninstall" or "--ignore-not-found" not in flags else (api.releases(plain[0]) or [None])[-1]
    if verb == "uninstall":
        for item in objects(release["manifest"]).values() if release else []:
            api.call("DELETE", api.path(item))
        for it in api.releases(plain[0]):
            api.call("DELETE", f'api/v1/namespaces/{api.namespace}/secrets/sh.helm.release.v1.{it["name"]}.v{it["version"]}')
        return print(f'release "{plain[0]}" uninstalled')
    if verb == "status":
        return show(release, flags, whole=False)
    if verb == "get manifest":
        return print(release["manifest"])
    chart = release["chart"]["metadata"]
    if verb == "get metadata":
        found = {"name": release["name"], "chart": chart["name"], "version": chart["version"], "appVersion": chart.get("appVersion", ""),
                 "namespace": release["namespace"], "revision": release["version"], "status": release["info"]["status"],
                 "deployedAt": release["info"]["last_deployed"]}
        return print(json.dumps(found, separators=(",", ":")) if json_out else "\n".join(f"{key.upper()}: {value}" for key, value in found.items()))
    values = release["config"] or {}
    if "--all" in flags:
        values = merge(release["chart"]["values"] or {}, values)
    if json_out:
        return print(json.dumps(values or None, sort_keys=True, separators=(",", ":")))
    if flags.get("--output", ["table"])[-1] == "table":
        print("COMPUTED VALUES:" if "--all" in flags else "USER-SUPPLIED VALUES:")
    print(dumped(values) if values else "null")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Failure as failure:
        sys.exit(print(f"Error: {failure}", file=sys.stderr) or 1)

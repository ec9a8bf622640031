"""The licences of the crates that are linked into what is built."""

import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
#: What files with a licence in them are called.
NAMES = ("license", "licence", "copying", "copyright", "notice", "unlicense")
HEAD = """This program contains the packages below, each under its licence. Where one offers a choice, all texts that it
carries are here. Packages without a text of their own are under the licence that is named.
"""


def text(roots: list[str], target: str | None) -> str:
    """One text for all crates that `roots` link on `target`, each licence once."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    command += ["--filter-platform", target] if target else []
    data = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    packages = {package["id"]: package for package in data["packages"]}
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    waiting = [id for id, package in packages.items() if package["name"] in roots]
    linked: set[str] = set()
    while waiting:
        id = waiting.pop()
        if id not in linked:
            linked.add(id)
            # What only builds or tests is no part of the result.
            waiting += [one["pkg"] for one in nodes[id]["deps"] if any(kind["kind"] is None for kind in one["dep_kinds"])]
    of_text: dict[str, list[str]] = {}
    lines = [HEAD]
    foreign = sorted((packages[id] for id in linked if packages[id]["source"]), key=lambda package: (package["name"], package["version"]))
    for package in foreign:
        name = f"{package['name']} {package['version']}"
        lines.append(f"{name}: {package['license'] or 'see its text'}; {package['repository'] or package['name']}")
        for file in sorted(pathlib.Path(package["manifest_path"]).parent.iterdir()):
            if file.is_file() and file.name.lower().startswith(NAMES):
                of_text.setdefault(file.read_text(encoding="utf-8", errors="replace").strip(), []).append(name)
    for licence, names in of_text.items():
        lines += ["", "=" * 80, *sorted(set(names)), "-" * 80, licence]
    return "\n".join(lines) + "\n"

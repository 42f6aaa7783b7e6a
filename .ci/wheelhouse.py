"""Pack all that a class has to install into a folder of wheels, from which pip installs without a network.

usage: python .ci/wheelhouse.py FOLDER [--platform TAG ...] [--python 3.12] [--extras lab] [--check]

Without --platform: for this machine and this Python. With it: for machines of that kind, such as win_amd64,
macosx_11_0_arm64 or manylinux_2_28_x86_64; more than one where a machine takes wheels of several tags. --check packs
nothing, and fails where something has no wheel for them.

pip reads a requirement's conditions ("on Windows only") as those of the machine it runs on, whatever --platform says.
So this asks again until all that the other machine's conditions ask for is there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
# What conditions ask about, by the beginning of a platform's tag.
MACHINES = {
    "win": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
    "macosx": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    "manylinux": {
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_machine": "x86_64",
    },
}
TURNS = 8  # a chain of conditions is not longer


def environment(platforms: list[str], python: str) -> dict[str, str]:
    """What a requirement's conditions are about, on the machine that is packed for; empty: this one."""
    for begin, machine in MACHINES.items():
        if platforms and platforms[0].startswith(begin):
            return {**machine, "python_version": python, "python_full_version": f"{python}.0"}
    if platforms:
        sys.exit(f"the platform {platforms[0]} is none of {', '.join(MACHINES)}...")
    return {}


def target(platforms: list[str], python: str) -> list[str]:
    """pip's options for the machine that is packed for."""
    if not platforms:
        return []
    return [*(f"--platform={tag}" for tag in platforms), f"--python-version={python}", "--implementation=cp"]


def resolved(wanted: list[str], options: list[str]) -> list[dict[str, object]]:
    """The metadata of all that pip would install."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--dry-run",
            "--ignore-installed",
            "--only-binary=:all:",
        ]
        command += [f"--report={report}", f"--target={folder}/none", *options, *wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit("\n".join(["there are no wheels for all of it:", *done.stderr.strip().splitlines()[-6:]]))
        return [one["metadata"] for one in json.loads(report.read_text(encoding="utf-8"))["install"]]


def requirements(wheel: Path, extras: str, platforms: list[str], python: str) -> list[str]:
    """The wheel, and what else has to be named for all conditions of that machine to be met."""
    options, there = target(platforms, python), environment(platforms, python)
    wanted = [f"p2plab[{extras}] @ {wheel.as_uri()}"]
    for _turn in range(TURNS):
        found = resolved(wanted, options)
        names = {canonicalize_name(str(one["name"])) for one in found}
        missing = {}
        for one in found:
            mine = canonicalize_name(str(one["name"])) == "p2plab"
            asked = extras.split(",") if mine else [""]
            for line in one.get("requires_dist", []) or []:  # type: ignore[attr-defined]
                need = Requirement(str(line))
                name = canonicalize_name(need.name)
                if name in names or need.marker is None:
                    continue
                if any(need.marker.evaluate({**there, "extra": extra}) for extra in asked):
                    missing[name] = f"{need.name}{need.specifier}"
        if not missing:
            return wanted
        wanted += [missing[name] for name in sorted(missing)]
    sys.exit(f"still missing after {TURNS} turns: {', '.join(sorted(missing))}")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--platform", action="append", default=[])
    parser.add_argument("--python", default=f"{sys.version_info.major}.{sys.version_info.minor}")
    parser.add_argument("--extras", default="lab")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as built:
        pip = [sys.executable, "-m", "pip"]
        subprocess.run([*pip, "wheel", "-q", "--no-deps", f"--wheel-dir={built}", str(ROOT)], check=True)
        (wheel,) = Path(built).glob("*.whl")
        wanted = requirements(wheel, given.extras, given.platform, given.python)
        if given.check:
            print(f"wheels for all of it: p2plab[{given.extras}]", *wanted[1:])
            return
        options = [*target(given.platform, given.python), "--only-binary=:all:", f"--dest={given.folder}"]
        subprocess.run([*pip, "download", "-q", *options, *wanted], check=True)
    size = sum(file.stat().st_size for file in given.folder.glob("*.whl"))
    print(f"{len(list(given.folder.glob('*.whl')))} wheels, {size >> 20} MB, in {given.folder}")
    print(f"without a network: pip install --no-index --find-links {given.folder} 'p2plab[{given.extras}]'")


if __name__ == "__main__":
    main()

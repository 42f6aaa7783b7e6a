"""pip install, saying what it does: without this a first `make lab` prints nothing for minutes.

usage: python .ci/install.py EXTRAS      (of this repository, as in: python .ci/install.py real,lab)
"""

from __future__ import annotations

import re
import subprocess
import sys
import time

EVERY = 5.0  # seconds between two lines about the same work
STAGES = {
    "Collecting": "looking for {}",
    "Downloading": "downloading {}",
    "Building wheel for": "building {} from source",
    "Installing collected packages:": "installing {} packages",
}


def stage_of(line: str) -> tuple[str, str] | None:
    """What pip's line says it does now, and that as a sentence; None for other lines."""
    for words, sentence in STAGES.items():
        if line.strip().startswith(words):
            what = line.strip()[len(words) :].strip()
            many = str(what.count(",") + 1) if words.startswith("Installing") else re.split(r"[\s;<>=(]", what)[0]
            return words, sentence.format(many)
    return None


def main(extras: str) -> int:
    began = said = time.monotonic()
    print(f"Installing p2plab[{extras}] into {sys.prefix}; the first time this takes a few minutes.", flush=True)
    command = [sys.executable, "-m", "pip", "install", "--progress-bar=off", "-e", f".[{extras}]"]
    lines: list[str] = []
    begun: set[str] = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            lines.append(line)
            stage = stage_of(line)
            if stage and (stage[0] not in begun or time.monotonic() - said > EVERY):
                begun.add(stage[0])
                said = time.monotonic()
                print(f"  {said - began:4.0f} s  {stage[1]}", flush=True)
    if pip.returncode:
        sys.stderr.writelines(lines)
    else:
        print(f"  {time.monotonic() - began:4.0f} s  installed", flush=True)
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

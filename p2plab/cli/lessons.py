"""``p2plab lessons FOLDER``: the course's notebooks, copied to where one can work on them."""

from __future__ import annotations

import shutil
from pathlib import Path

import p2plab
from p2plab.cli.output import say
from p2plab.errors import ConfigurationError, ValidationError
from p2plab.events.files.whole_file import replacing

# In the wheel beside the modules; in a checkout a folder of its own.
PLACES = (Path(p2plab.__file__).parent / "lessons", Path(p2plab.__file__).parents[1] / "notebooks")


def lessons() -> list[Path]:
    """The notebooks of this installation, in the order of the course. ConfigurationError where there are none."""
    for place in PLACES:
        if found := sorted(place.glob("*.ipynb")):
            return found
    raise ConfigurationError("this installation of p2plab has no lessons: pip install --force-reinstall p2plab")


def copy_lessons(folder: str) -> int:
    """Copy them into a folder, made if missing, and say what to do next. Files that are there already are left as they
    are, since somebody may have worked on them. ConfigurationError where a file cannot be written."""
    if not folder:
        raise ValidationError("p2plab lessons FOLDER copies the notebooks of the course into FOLDER; name it")
    target = Path(folder)
    copied = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for lesson in lessons():
            if not (target / lesson.name).exists():
                with lesson.open("rb") as source, replacing(target / lesson.name) as copy:
                    shutil.copyfileobj(source, copy)
                copied.append(lesson.name)
    except OSError as error:
        raise ConfigurationError(f"the lessons cannot be copied to {target}: {error.strerror or error}") from error
    kept = [lesson.name for lesson in lessons() if lesson.name not in copied]
    say("\n".join([*(f"copied {target / name}" for name in copied), *(f"kept   {target / name}" for name in kept)]))
    say(f"open them with: p2plab lab {target}")
    return 0

"""Buttons of one's own: a command or a function at one click, and what came of it as text."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from p2plab import Lab
from p2plab.errors import ValidationError
from p2plab.widgets import Buttons
from tests.unit.widgets.conftest import WAIT


def shout(lab: Any) -> str:
    """Tell everybody."""
    return f"{lab['alice'].publish('news', 'hello').topic} told"


def broken(lab: Any) -> None:
    raise LookupError("<b>nothing</b> here")


def quiet(lab: Any) -> None:
    lab.run(0.1)


def click(buttons: Any, name: str) -> None:
    rows = [widget for row in buttons.children[:-1] for widget in row.children]
    (button,) = [widget for widget in rows if getattr(widget, "description", "") == name]
    button.click()


def test_a_command_is_done_and_shown_as_python(lab: Lab) -> None:
    buttons = Buttons(lab, {"faults": {"Crash bob": "crash bob"}})
    assert buttons.press("Crash bob") == "crash: done"
    assert not lab["bob"].running
    assert buttons.output.texts() == ['lab["bob"].crash()', "crash: done"]


def test_a_function_gets_the_lab_and_its_words_are_shown(lab: Lab) -> None:
    buttons = Buttons(lab, {"look": {"Shout": shout, "Wait": quiet}})
    assert buttons.press("Shout") == "news told"
    assert buttons.press("Wait") == "done"
    assert buttons.output.texts("python") == ["shout(lab)", "quiet(lab)"]


def test_what_goes_wrong_is_a_line_and_harms_nothing(lab: Lab) -> None:
    buttons = Buttons(lab, {"x": {"Broken": broken, "No node": "crash zoe", "No command": "fly alice"}})
    assert buttons.press("Broken") == "LookupError: <b>nothing</b> here"
    assert "zoe" in buttons.press("No node")
    assert "fly" in buttons.press("No command")
    assert len(buttons.output.texts("error")) == 3
    assert lab["alice"].running


def test_a_click_is_done_in_a_thread_of_its_own(lab: Lab) -> None:
    where: list[threading.Thread] = []
    done = threading.Event()

    def note(lab: Any) -> None:
        lab.run(0.1)  # takes lab time, which a callback of the kernel must not
        where.append(threading.current_thread())
        done.set()

    buttons = Buttons(lab, {"x": {"Note": note}})
    click(buttons, "Note")
    assert done.wait(WAIT)
    assert where[0] is not threading.main_thread()


def test_a_lab_that_is_gone_is_said() -> None:
    buttons = Buttons(Lab(seed=1), {"x": {"Run": "run 1"}})
    assert "the lab is gone" in buttons.press("Run")


@pytest.mark.parametrize(
    ("actions", "says"),
    [
        ({"Crash": "crash n3"}, "given by heading"),
        ({"x": {"": "crash n3"}}, "is text"),
        ({"x": {"Crash": 7}}, "does a command, such as 'crash n3', or calls a function, not 7"),
        ({"x": {"Crash": "crash n3"}, "y": {"Crash": "crash n4"}}, "two buttons 'Crash'"),
        ({"x": {str(number): "run 1" for number in range(61)}}, "61 buttons are more than the 60"),
    ],
)
def test_what_is_no_button_is_refused(lab: Lab, actions: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Buttons(lab, actions)
    with pytest.raises(ValidationError, match="there is no button 'Fly'; there are Crash"):
        Buttons(lab, {"x": {"Crash": "crash alice"}}).press("Fly")


def test_its_plain_face_names_the_buttons(lab: Lab) -> None:
    buttons = Buttons(lab, {"x": {"Crash": "crash alice", "Shout": shout}})
    assert repr(buttons) == "<Buttons: Crash, Shout>"
    assert buttons._repr_mimebundle_()["text/plain"] == repr(buttons)

"""The course: exercises that check themselves, predictions, and a class's answers as files.

    from p2plab import teaching

    teaching.predict("hops", 3)            # say what you expect, before you look
    teaching.reveal("hops", 2)             # how near it was
    teaching.check("03.1", lab)            # does this network do what the exercise asks?
    teaching.variant("ada@example.org")    # a seed and parameters of one's own
    teaching.submit("ada.p2plab")          # the answers, as one file of data

A check looks at what the network does, not at the code that made it, and a hint says what is wrong.
"""

from __future__ import annotations

from p2plab.teaching.exercises import Exercise as Exercise
from p2plab.teaching.exercises import Verdict as Verdict
from p2plab.teaching.exercises import exercise as exercise
from p2plab.teaching.exercises import exercises as exercises
from p2plab.teaching.grading import grade as grade
from p2plab.teaching.outside import OwnNode as OwnNode
from p2plab.teaching.outside import own_node as own_node
from p2plab.teaching.session import check as check
from p2plab.teaching.session import forget as forget
from p2plab.teaching.session import predict as predict
from p2plab.teaching.session import reveal as reveal
from p2plab.teaching.submission import submit as submit
from p2plab.teaching.variants import Variant as Variant
from p2plab.teaching.variants import variant as variant

__all__ = [
    "Exercise",
    "OwnNode",
    "Variant",
    "Verdict",
    "check",
    "exercise",
    "exercises",
    "forget",
    "grade",
    "own_node",
    "predict",
    "reveal",
    "submit",
    "variant",
]

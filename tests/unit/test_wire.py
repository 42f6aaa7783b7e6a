from __future__ import annotations

import pytest

from p2plab.identity.protobuf import WireClasses, message_classes


def test_messages_of_a_table_have_the_protobuf_encoding() -> None:
    classes = message_classes(
        "p2plab.testing",
        {"Outer": [("optional", "uint64", "count", 1), ("repeated", "Inner", "inner", 2)],
         "Inner": [("optional", "string", "text", 3)]},
    )  # fmt: skip
    outer = classes["Outer"](count=300, inner=[classes["Inner"](text="hi")])
    assert outer.SerializeToString().hex() == "08ac02" + "1204" + "1a026869"
    assert classes["Outer"].FromString(outer.SerializeToString()) == outer


def test_two_tables_may_have_the_same_package() -> None:
    one = message_classes("p2plab.testing", {"A": [("optional", "bytes", "x", 1)]})
    two = message_classes("p2plab.testing", {"A": [("optional", "bool", "x", 1)]})
    assert one["A"](x=b"").SerializeToString() != two["A"](x=False).SerializeToString()


def test_a_package_that_is_not_ours_is_refused() -> None:
    with pytest.raises(ValueError, match=r"pubsub\.pb"):
        message_classes("pubsub.pb", {})


def test_an_unknown_type_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"A\.x has the type 'text'"):
        message_classes("p2plab.testing", {"A": [("optional", "text", "x", 1)]})


def test_fields_are_told_nearly_as_a_specification_does() -> None:
    told = {"Pair": "bytes left = 1; repeated Word rights = 7", "Word": "string text = 2", "Empty": ""}
    classes = WireClasses("p2plab.testing", told)
    pair = classes["Pair"](left=b"x")
    pair.rights.add(text="y")
    assert pair.SerializeToString() == b"\x0a\x01x\x3a\x03\x12\x01y"
    assert classes["Empty"]().SerializeToString() == b""
    assert classes["Pair"] is classes["Pair"]

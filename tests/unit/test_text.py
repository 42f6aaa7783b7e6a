"""Text that a peer may have chosen: decoded, shown, and kept from acting in every face."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import p2plab.charts
from p2plab import Lab
from p2plab.errors import EventLogError, ValidationError
from p2plab.events import EventLog
from p2plab.protocols.capabilities import decode_capabilities
from p2plab.protocols.identify import decode_identify
from p2plab.text import decoded, escaped, html_table, key_of, looks_like, shown
from p2plab.typing import PeerId

PEER = PeerId("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA")
RIGHT_TO_LEFT, ESCAPE, SELECTOR = "\u202e", "\x1b", "\ufe0f"
HOSTILE = [
    r"$\href{https://evil.example/}{\text{click}}$", r"$$\rule{200em}{60em}$$", r"\(\text{alice}\)", r"\[x\]",
    r"\begin{equation}x\end{equation}", "<script>alert(1)</script>", f"{RIGHT_TO_LEFT}ecila", f"{ESCAPE}[2J", "a\nb",
]  # fmt: skip


@given(st.binary(max_size=300), st.integers(1, 80))
def test_any_bytes_become_bounded_text_in_utf_8(data: bytes, limit: int) -> None:
    text = decoded(data, limit)
    assert len(text) <= limit
    assert text.encode().decode() == text


@given(st.text(max_size=300), st.integers(1, 80))
def test_shown_text_is_one_printable_line_within_its_bound(text: str, limit: int) -> None:
    assert len(shown(text, limit)) <= limit
    assert shown(text, limit).isprintable()


@pytest.mark.parametrize("text", ["hello, Zürich 🌍", "алиса", "привет мир", "Ελλάδα", "日本語", "naïve"])
def test_text_in_its_own_alphabet_stays_as_it_is(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("al\u0456ce", "al<U+0456>ce"),
        ("\u0430\u0441\u0435", "<U+0430><U+0441><U+0435>"),  # ace, all of it Cyrillic
        (f"alice{SELECTOR}", "alice\ufffd"),
        (f"{RIGHT_TO_LEFT}ecila", "\ufffdecila"),
        (f"{ESCAPE}[31mred", "\ufffd[31mred"),
        ("two\nlines", "two\ufffdlines"),
    ],
)
def test_what_passes_for_something_else_is_told_apart(text: str, seen: str) -> None:
    assert shown(text) == seen
    assert looks_like("alice") == looks_like("al\u0456ce")


def test_long_texts_with_the_same_beginning_have_keys_of_their_own() -> None:
    one, other = "x" * 300 + "1", "x" * 300 + "2"
    assert shown(one) == shown(other)
    assert key_of(one) != key_of(other)
    assert key_of("short") == "short"


@pytest.mark.parametrize("name", ["al\u0456ce", f"alice{SELECTOR}", "\u0430\u0441\u0435", "a\u200bb"])
def test_a_node_cannot_have_a_name_that_passes_for_another(name: str) -> None:
    with Lab() as lab, pytest.raises(ValidationError, match="cannot be a node's name"):
        lab.start_node(name)


def test_a_node_may_be_called_in_any_alphabet() -> None:
    with Lab() as lab:
        assert [lab.start_node(name).name for name in ("алиса", "Ζωή", "太郎")] == ["алиса", "Ζωή", "太郎"]


# -- what comes from peers


def test_identify_with_invalid_utf_8_gives_text() -> None:
    said = decode_identify(b"\x32\x03a\xffb\x1a\x03/\xffx\x2a\x02\xc3\x28", PEER)
    assert (said.agent_version, said.protocols, said.protocol_version) == ("a\ufffdb", ("/\ufffdx",), "\ufffd(")


def test_capabilities_with_invalid_utf_8_give_text() -> None:
    (capability,) = decode_capabilities(b"\x0a\x06\x0a\x01\xff\x12\x01\xff", PEER)
    assert (capability.name, capability.versions) == ("\ufffd", ("\ufffd",))


@pytest.mark.parametrize(
    "data",
    [{"a": b"x"}, {"a": float("nan")}, {"a": [b"x"]}, {"a": {1: 2}}, {"a": object()}, {1: 2}, {"a": {"b": {1, 2}}}],
)
def test_the_log_refuses_what_is_not_plain_data_and_stays_whole(data: Any) -> None:
    log = EventLog(10_000, clock=lambda: 0)
    log.record("node.started", log.register("alice"), data={"ip": "10.0.0.1", "n": [1, 2.5, None, {"x": True}]})
    before = log.digest()
    with pytest.raises(EventLogError, match="cannot be recorded"):
        log.record("node.started", log.register("alice"), data=data)
    with pytest.raises(EventLogError, match="no text"):
        log.record("pubsub.subscribe", log.register("alice"), topic=b"news")  # type: ignore[arg-type]
    assert log.digest() == before


# -- faces


class Outside(HTMLParser):
    """The text that stands outside of what MathJax is kept out of."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kept_out = {"tex2jax_ignore", "mathjax_ignore"} <= set((dict(attrs).get("class") or "").split())
        if (self.depth or kept_out) and tag not in ("br", "wbr"):
            self.depth += 1

    def handle_endtag(self, tag: str) -> None:
        self.depth -= bool(self.depth)

    def handle_data(self, data: str) -> None:
        self.text += "" if self.depth else data


def outside(page: str) -> str:
    parser = Outside()
    parser.feed(page)
    assert parser.depth == 0
    return parser.text


@pytest.mark.parametrize("text", HOSTILE)
def test_no_table_lets_a_topic_act(text: str) -> None:
    with Lab(seed=1, recording="all") as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        alice.connect(bob)
        news = bob.subscribe(text)
        lab.run(3)
        message = alice.publish(text, b"x")
        news.get(timeout=5)
        pages: list[Any] = [
            lab.why(message, at=bob), lab.events, lab.propagation(message), alice.dht.routing_table(), alice.traffic(),
            alice.dht.closest_peers(b"x"),
        ]  # fmt: skip
        for page in pages:
            html = page._repr_html_()
            assert outside(html) == ""
            assert not re.search("[\x00-\x1f\u202e]", html)
            assert "<script" not in html
            assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", str(page))


class _Texts(HTMLParser):
    """The texts of a document, each as it stands alone in it."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.feed(document)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_picture_in_a_notebook_lets_a_topic_act(text: str) -> None:
    with Lab(seed=7) as lab:
        alice, bob = lab.start_nodes(2)
        alice.connect(bob)
        for node in (alice, bob):
            node.subscribe(text)
        lab.run(3)
        faces: list[Any] = [
            p2plab.charts.mesh_sizes(lab),
            lab.views.gossip(text),
            alice.dht.put("/lab/x|" + text, b"x"),
        ]
        faces[-1] = faces[-1].picture()
        for face in faces:
            svg = face._repr_svg_() if hasattr(face, "_repr_svg_") else face._repr_mimebundle_()
            svg = svg if isinstance(svg, str) else (svg[0] if isinstance(svg, tuple) else svg)["image/svg+xml"]
            assert "<script" not in svg
            for alone in _Texts(svg).texts:  # MathJax looks for a delimiter's other half in the same text
                assert len(alone) == 1 or not {"$", "\\"} & set(alone), alone
                assert alone.replace("\n", "").isprintable()


def test_a_streams_protocol_acts_on_no_terminal() -> None:
    async def answer(stream: Any) -> None:
        await stream.close()

    with Lab(seed=7) as lab:
        alice, bob = lab.start_nodes(2)
        bob.handle(f"/{ESCAPE}[2J{RIGHT_TO_LEFT}/al\u0456ce", answer)
        stream = alice.open_stream(bob, f"/{ESCAPE}[2J{RIGHT_TO_LEFT}/al\u0456ce")
        assert repr(stream).isprintable()
        assert "al<U+0456>ce" in repr(stream)
        assert "al<U+0456>ce" in repr(bob.subscribe("al\u0456ce"))


def test_a_table_escapes_and_keeps_math_out_of_captions_and_notes() -> None:
    page = html_table(("$a$",), [("<b>", None)], caption="$c$", notes=["$d$"])
    assert outside(page) == ""
    assert "&lt;b&gt;" in page
    assert escaped("<i>") == "&lt;i&gt;"


def test_the_notebooks_face_of_why_has_the_tree_and_the_numbers() -> None:
    with Lab(seed=1) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        alice.connect(bob)
        news = bob.subscribe("news")
        lab.run(3)
        message = alice.publish("news", b"x")
        news.get(timeout=5)
        chain = lab.why(message, at=bob)
        page = chain._repr_html_()
        assert page.count("└ ") == len(chain) - 1
        assert "  └ pubsub." in page
        assert "hops=1" in str(chain) or "B" in str(chain)
        for event in chain:
            for key, value in (event.data or {}).items():
                assert escaped(f"{key}={value!r}") in page

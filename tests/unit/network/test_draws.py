"""Random numbers by purpose: each purpose has its own stream, and the seed fixes them all."""

from __future__ import annotations

import hashlib
from collections import Counter

from p2plab.network import Draws


def test_a_purpose_has_one_stream() -> None:
    draws = Draws(7)
    assert draws.stream("latency") is draws.stream("latency")


def test_the_seed_fixes_the_numbers_of_every_python() -> None:
    """If this changes, every recorded run and every digest changes with it."""
    stream = Draws(7).stream("topology")
    assert [stream.randrange(1000) for _ in range(6)] == [768, 524, 775, 948, 501, 308]


def test_the_numbers_are_those_that_the_description_says() -> None:
    """The same from BLAKE2b (RFC 7693) alone, for whoever writes another program that has to draw them."""
    key = hashlib.sha256(b"p2plab/7/pubsub/n3").digest()[:16]
    blocks = [
        int.from_bytes(hashlib.blake2b(key + number.to_bytes(8, "little")).digest(), "little") for number in range(6)
    ]
    stream = Draws(7).stream("pubsub/n3")
    assert stream.getrandbits(32) == blocks[0] % 2**32
    assert stream.randrange(10, 20) == 10 + blocks[1] % 10
    assert stream.random() == (blocks[2] % 2**53) / 2**53
    left, rest, expected = list("abcdef"), blocks[3], []
    for place in range(4):
        rest, digit = divmod(rest, 6 - place)
        left[place], left[place + digit] = left[place + digit], left[place]
        expected.append(left[place])
    assert stream.sample("abcdef", 4) == expected
    assert stream.randbytes(8) == blocks[4].to_bytes(64, "little")[:8]
    assert [stream.byte() for _ in range(64)] == list(blocks[5].to_bytes(64, "little"))


def test_a_sample_of_a_long_range_is_that_of_the_same_numbers_in_a_list() -> None:
    one, other = (Draws(1).stream("x") for _ in range(2))
    assert one.sample(range(10_000), 40) == other.sample(list(range(10_000)), 40)


def test_every_order_and_every_choice_is_as_likely() -> None:
    stream = Draws(3).stream("even")
    orders: Counter[tuple[int, ...]] = Counter()
    for _ in range(12_000):
        some = [1, 2, 3, 4]
        stream.shuffle(some)
        orders[tuple(some)] += 1
    assert len(orders) == 24
    # 500 each; the chi-squared of 23 degrees of freedom is below 60 with a probability of 1 - 4e-5
    assert sum((count - 500) ** 2 / 500 for count in orders.values()) < 60


def test_long_shuffles_take_as_many_blocks_as_they_need() -> None:
    stream = Draws(3).stream("long")
    some = list(range(1_000))
    stream.shuffle(some)
    assert sorted(some) == list(range(1_000)) != some


def test_one_direction_of_a_pair_has_a_stream_of_its_own() -> None:
    undisturbed, disturbed = Draws(7), Draws(7)
    for _ in range(100):
        disturbed.between("link.jitter", 0, 1).byte()
    there, here = (draws.between("link.jitter", 1, 0) for draws in (undisturbed, disturbed))
    assert [there.byte() for _ in range(100)] == [here.byte() for _ in range(100)]


def test_other_seeds_and_other_purposes_give_other_numbers() -> None:
    streams = [Draws(seed).stream(purpose) for seed in (0, 1, -1, 2**80) for purpose in ("a", "b", "a/b")]
    assert len({tuple(stream.randrange(1 << 30) for _ in range(4)) for stream in streams}) == len(streams)


def test_drawing_for_one_purpose_does_not_shift_another() -> None:
    undisturbed, disturbed = Draws(7), Draws(7)
    for _ in range(1000):
        disturbed.stream("loss").random()
    assert [undisturbed.stream("latency").random() for _ in range(10)] == [
        disturbed.stream("latency").random() for _ in range(10)
    ]

"""Protobuf message classes from a table in Python, so that wire formats need no generated code.

google.protobuf is imported when the first class is made, never by importing this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from p2plab.errors import ProtocolViolation

__all__ = ["Field", "WireClasses", "message_classes"]

Field = tuple[str, str, str, int]
"""Label (``optional`` or ``repeated``), type (a scalar's name or a message of the same table), name, number."""

_SCALARS = ("bool", "bytes", "double", "fixed64", "int32", "int64", "sint32", "sint64", "string", "uint32", "uint64")


def message_classes(package: str, messages: Mapping[str, Sequence[Field]]) -> dict[str, Any]:
    """Protobuf classes (proto2) by message name.

    ``package`` must begin with ``p2plab.``, so that no other library's messages are ever met. Enums are declared as
    ``int32``, which is what they are on the wire. Every call builds anew: keep what it returns.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    check_fields(package, messages)
    proto = descriptor_pb2.FieldDescriptorProto
    labels = {"optional": proto.LABEL_OPTIONAL, "repeated": proto.LABEL_REPEATED}
    scalars = {name: proto.Type.Value(f"TYPE_{name.upper()}") for name in _SCALARS}
    file = descriptor_pb2.FileDescriptorProto(
        name=package.replace(".", "/") + ".proto", package=package, syntax="proto2"
    )
    for message_name, fields in messages.items():
        message = file.message_type.add(name=message_name)
        for label, kind, name, number in fields:
            field = message.field.add(name=name, number=number, label=labels[label])
            if kind in scalars:
                field.type = scalars[kind]
            else:
                field.type = proto.TYPE_MESSAGE
                field.type_name = f".{package}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages}


def check_fields(package: str, messages: Mapping[str, Sequence[Field]]) -> None:
    """ValueError for a package that is not ours, and for a field whose type is neither a scalar nor a message of the
    table."""
    if not package.startswith("p2plab."):
        raise ValueError(f"a package of ours is called p2plab.something, not {package!r}")
    for message, fields in messages.items():
        for _, kind, name, _ in fields:
            if kind not in _SCALARS and kind not in messages:
                raise ValueError(
                    f"{message}.{name} has the type {kind!r}, which is neither a scalar nor a message here"
                )


class WireClasses:
    """The protobuf classes of one table, by message name; made when the first is asked for. ``messages`` has each one's
    fields nearly as its specification does: ``bytes payload = 3; repeated Peer peers = 8``. ValueError, at once, as
    ``check_fields``."""

    def __init__(self, package: str, messages: Mapping[str, str]) -> None:
        self._package = package
        self.fields = {name: _fields(text) for name, text in messages.items()}
        check_fields(package, self.fields)

    def __getitem__(self, name: str) -> Any:
        return self._made[name]

    def read(self, name: str, data: bytes, what: str, sender: object = None) -> Any:
        """The message of that name in these bytes. ProtocolViolation where they are none: it says how many they are,
        that they are no ``what``, and who sent them, if ``sender`` tells."""
        from google.protobuf.message import DecodeError

        try:
            return self._made[name].FromString(data)
        except DecodeError as error:
            sent = "" if sender is None else f"{sender!r} sent "
            raise ProtocolViolation(f"{sent}{len(data)} bytes that are no {what}: {error}") from error

    @cached_property
    def _made(self) -> dict[str, Any]:
        return message_classes(self._package, self.fields)


def _fields(text: str) -> list[Field]:
    found = []
    for one in filter(None, text.split(";")):
        *label, kind, name, _, number = one.split()
        found.append((label[0] if label else "optional", kind, name, int(number)))
    return found

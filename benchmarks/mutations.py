"""Changes that leave enough of a valid input whole to be read on: of bytes, of values in JSON, of cells in CSV."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

Mutation = Callable[[bytes, Random], bytes]

TEXTS = (
    "",
    " ",
    "\0",
    "\n",
    "\ud800",
    "\u2028",
    "é" * 300,
    "x" * 5000,
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\a",
    "auto",
)
TEXTS += (
    "-1",
    "1e999",
    "NaN",
    "0001-01-01",
    "9999-12-31T23:59:59+14:00",
    "1.234.567,89",
    "٣",
    "<b>",
    "%00",
    "data:,",
    "null",
)
NUMBERS = (0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 10**400, 0.5, -0.0, 1e308, float("inf"), float("nan"))
VALUES: tuple[Any, ...] = (
    *TEXTS,
    *NUMBERS,
    None,
    True,
    False,
    [],
    {},
    [[]],
    {"": None},
    [[[[[[]]]]]],
    {"path": "/etc/passwd"},
)


def of_bytes(words: Sequence[bytes] = ()) -> Mutation:
    """A few bytes changed, left out, repeated, or replaced by what such inputs are made of."""

    def mutated(content: bytes, chance: Random) -> bytes:
        for _ in range(1 + chance.randrange(4)):
            start = chance.randrange(len(content) + 1)
            end = min(len(content), start + chance.choice((0, 1, 1, 2, 4, 16, 200)))
            new = [b"", chance.randbytes(1), chance.randbytes(4), content[start:end] * 2, *words]
            content = content[:start] + chance.choice(new) + content[end:]
        return content

    return mutated


def of_json(content: bytes, chance: Random) -> bytes:
    """A value replaced, left out, doubled, or put where none was; as it is where there is no JSON."""
    try:
        whole = [json.loads(content)]
    except (ValueError, RecursionError):
        return content
    for _ in range(1 + chance.randrange(3)):
        holder, key = chance.choice(list(_places(whole)))
        change = chance.randrange(5)
        if change == 0 and holder is not whole:
            del holder[key]
        elif change == 1 and isinstance(holder, list) and holder is not whole:
            holder.insert(key, holder[key])
        elif change == 2 and isinstance(holder, dict):
            holder[chance.choice(TEXTS)] = chance.choice(VALUES)
        elif change == 3:
            holder[key] = [holder[key]]
        else:
            holder[key] = chance.choice(VALUES)
        whole = json.loads(json.dumps(whole))  # awkward values are shared, and must not be changed themselves
    return json.dumps(whole[0]).encode()


def _places(value: Any) -> Any:
    """Everything that can be replaced: what holds it, and its key there."""
    keys: Any = range(len(value)) if isinstance(value, list) else list(value) if isinstance(value, dict) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def of_cells(content: bytes, chance: Random) -> bytes:
    """A cell of a CSV file replaced, a row or a column's name moved."""
    rows = [line.split(b",") for line in content.split(b"\n")]
    for _ in range(1 + chance.randrange(3)):
        row = chance.choice(rows)
        cell = chance.randrange(len(row))
        change = chance.randrange(6)
        if change == 0:
            chance.shuffle(rows[0])
        elif change == 1:
            rows.append(list(row))
        elif change == 2:
            row.append(row[cell])
        else:
            text = chance.choice(TEXTS).encode("utf-8", "replace")
            row[cell] = b'"' + text.replace(b'"', b'""') + b'"' if change == 3 else text
    return b"\n".join(b",".join(row) for row in rows)


def after(mark: bytes, inner: Mutation) -> Mutation:
    """Only what follows the first mark is changed."""

    def mutated(content: bytes, chance: Random) -> bytes:
        before, found, rest = content.partition(mark)
        return before + found + inner(rest, chance) if found else content

    return mutated


def of_parts(mark: bytes, inner: Mutation) -> Mutation:
    """One of the parts between marks is changed."""

    def mutated(content: bytes, chance: Random) -> bytes:
        parts = content.split(mark)
        at = chance.randrange(len(parts))
        parts[at] = inner(parts[at], chance)
        return mark.join(parts)

    return mutated


def of_safetensors(content: bytes, chance: Random) -> bytes:
    """The header of a safetensors file changed, its length told rightly; other JSON changed as JSON."""
    at = content.find(b"{", 8)
    end = content.rfind(b"}") + 1
    if content.startswith(b"{") or at != 8:
        return of_json(content, chance)
    header = of_json(content[at:end].strip(), chance)
    return len(header).to_bytes(8, "little") + header + content[end:]

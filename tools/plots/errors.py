"""Reading files that people may have damaged: one line on stderr instead of a traceback."""

import json
import math
import os
import sys


MISSING = 3  # the status if there is nothing to draw with; jetcal validate knows it


def fail(message, status=1):
    """Ends the program with one line on stderr."""
    print(f"{os.path.basename(sys.argv[0])}: {message}", file=sys.stderr)
    sys.exit(status)


def read_text(path, what):
    """A file's text; a line about what should be there if it cannot be read."""
    if not os.path.isdir(os.path.dirname(path) or "."):
        fail(f"{os.path.dirname(path)}: is no folder ({what})")
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        fail(f"{path}: does not exist ({what})")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path}: cannot be read ({error})")


def number(value):
    """A finite number, or None for null and everything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def numbers(values):
    """The same for a list, with nan where there is no value: matplotlib leaves a gap there."""
    return [math.nan if number(v) is None else float(v) for v in values]


def edges(entry, key):
    """The borders of a bin, None for an axis without bins."""
    pair = entry.get(key)
    if not isinstance(pair, list) or len(pair) != 2:
        return None
    low, high = map(number, pair)
    return None if low is None or high is None or not low < high else (low, high)


def require_object(value, where):
    if not isinstance(value, dict):
        fail(f"{where}: is {json.dumps(value)[:40]} (must be an object)")
    return value


def objects(holder, key, where, required=()):
    """The list of objects under a key; empty where an older file has none."""
    values = holder.get(key, [])
    if not isinstance(values, list):
        fail(f"{where}: {key} is {json.dumps(values)[:40]} (must be a list)")
    for i, value in enumerate(values):
        require_object(value, f"{where}: {key}/{i}")
        for name in required:
            if name not in value:
                fail(f"{where}: {key}/{i} has no '{name}'. Run jetcal validate again")
    return values


def distinct(values):
    """In the order of their first appearance."""
    return list(dict.fromkeys(values))

"""On how many pictures canary disagrees with production: on users', of which it got copies, and on the pipeline's."""

import json

from lib.traffic import Split

# Classes that a sentence names; the record has all of them.
NAMED = 5


def words(split: Split) -> str:
    """On how many pictures, and in which of canary's classes, in words; an empty string where none were compared."""
    said = [
        _share(split.copies, split.copies_differing, "users' pictures"),
        _share(split.paired, split.differing, "pictures of the pipeline"),
    ]
    found = "; ".join(filter(None, said))
    return f"disagrees with production {found}" if found else ""


def _share(compared: int, differing: tuple[tuple[str, int], ...], of: str) -> str:
    if not compared:
        return ""
    ordered = sorted(differing, key=lambda pair: (-pair[1], pair[0]))
    others = sum(count for _, count in ordered[NAMED:])
    named = [f"{name} {count}" for name, count in [*ordered[:NAMED], *([("others", others)] if others else [])]]
    share = f"on {sum(dict(differing).values())} of {compared} {of}"
    return f"{share}: {', '.join(named)}" if named else share


def record(split: Split) -> str:
    """
    The same for the record of a release, as JSON: `sentence`, and `copies` (users' pictures) and `probes` (the
    pipeline's), each with how many were `compared` and the `differing` ones by class. An empty string where none were.
    """
    counted = {"copies": (split.copies, split.copies_differing), "probes": (split.paired, split.differing)}
    found = {
        name: {"compared": compared, "differing": dict(differing)}
        for name, (compared, differing) in counted.items()
        if compared
    }
    return json.dumps({"sentence": words(split), **found}, separators=(",", ":")) if found else ""

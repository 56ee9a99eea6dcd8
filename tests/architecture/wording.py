"""Words that do not belong in this project: promises instead of code, and things of one machine only."""

import re
from collections.abc import Iterator

from tests.architecture.sources import Finding

_UNWANTED = {
    "an unkept promise": re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"),
    "a path of one machine": re.compile(r"(?<![\w.$}/])/(work|root|home|Users)/"),
    "a package index": re.compile(
        r"py[p]i\.|python[h]osted|registry\.npm[j]s|npm[m]irror|--(extra-)?index-url|--find-links|/simple/",
        re.IGNORECASE,
    ),
    "a local file address": re.compile(r"file:///"),
}


def unwanted(text: str) -> Iterator[Finding]:
    """Each line with such a word in it."""
    for number, line in enumerate(text.splitlines(), start=1):
        for what, pattern in _UNWANTED.items():
            if found := pattern.search(line):
                yield Finding(number, f"{what}: {found.group()}")

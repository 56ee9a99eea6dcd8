"""Names that stand in an address of the exchange: looked at before they are put there."""

from typing import Final

from gateway.cli.faults import CommandFault
from gateway.cli.words import say

_BESIDE: Final = str.maketrans("", "", "-_.")
"""What a name may have beside letters and digits, and not alone."""


def require_name(text: str, zh: str, en: str) -> str:
    """The name as it stands. Raises CommandFault for what cannot be one; `zh` and `en` say what it was to be."""
    if not text.isascii() or not text.translate(_BESIDE).isalnum():
        raise CommandFault(say(f"{text} 不是{zh}", f"{text} is no {en}"))
    return text


def require_code(text: str) -> str:
    """The code of a listing as it stands. Raises CommandFault for what is none."""
    if not (text.isascii() and text.isalnum()):
        raise CommandFault(say(f"{text} 不是产品代码", f"{text} is no code"))
    return text

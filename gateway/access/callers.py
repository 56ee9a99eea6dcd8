"""Who makes a request, whichever way they came: a program with its key, or a person in a session."""

from typing import Protocol

from gateway.access.keys import Scope


class Caller(Protocol):
    """What a request may be judged by; the same of a key and of a person's session."""

    @property
    def caller_id(self) -> str:
        """Names the key, or the person and the session, in the journal and in logs."""
        ...

    @property
    def program(self) -> str:
        """The same for every key that took this one's place: timers that cancel orders are a program's."""
        ...

    @property
    def participant(self) -> str:
        """Who acts."""
        ...

    @property
    def account(self) -> str | None:
        """The account it acts for when a request names none."""
        ...

    @property
    def made_alone_by(self) -> str | None:
        """The operator on whose word alone it can come in; none where a second person agreed to it."""
        ...

    @property
    def scopes(self) -> frozenset[Scope]:
        """What it may do."""
        ...

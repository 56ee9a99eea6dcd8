"""Which entries a table's rows come from, where the types of their events tell it."""

from gateway.engine.entry import Entry


class ByEvents:
    """A journal's projection that is concerned with every entry in which an event of certain types is."""

    __slots__ = ()

    taken: frozenset[type]
    """Types of the events that leave rows."""

    def concerns(self, entry: Entry) -> bool:
        """Whether the entry leaves rows."""
        return any(type(event) in self.taken for event in entry.events)

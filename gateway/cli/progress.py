"""How far a long command is, on standard error; nothing of it beside JSON."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gateway.cli.output import Output


def progress_bar(output: Output) -> Progress:
    """To be used as a context."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=output.as_json,
    )


class Stages:
    """A bar for each thing that is done, in the order in which they begin."""

    def __init__(self, bar: Progress) -> None:
        """None has begun."""
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """This is being done, and so far; to be called from any thread."""
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done, total=total)

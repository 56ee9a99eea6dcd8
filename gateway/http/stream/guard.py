"""Cancel on disconnect: the core is told of a connection whose loss cancels its account's orders, and of its end."""

from gateway.access.callers import Caller
from gateway.engine.patience import submit_patiently
from gateway.engine.sequencer import Overloaded
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import Refused, refusal
from gateway.http.replays import raise_if_refused
from gateway.http.services import CommandLine
from matching.safety_commands import EndConnection, WatchConnection
from settlement.values import AccountId, ParticipantId


class ConnectionGuard:
    """One connection's; idle until the client asks for it at logon."""

    def __init__(self, sequencer: CommandLine, connection: str) -> None:
        """Of the connection with that name, which no other ever had."""
        self._sequencer = sequencer
        self._connection = connection
        self.is_on = False
        """Whether the connection's end has to be told."""
        self._is_clean = False
        """Whether the client has said that it goes."""

    async def watch(self, caller: Caller, grace_s: int) -> None:
        """Returns when it is durable that the loss of this connection cancels orders. Raises Refused."""
        if self.is_on:
            raise refusal(reasons.ALREADY_LOGGED_ON)
        if caller.account is None:
            raise refusal(reasons.ACCOUNT_MISSING, pointer="/cancel_on_disconnect")
        command = WatchConnection(
            participant=ParticipantId(caller.participant),
            account=AccountId(caller.account),
            key=caller.program,
            connection=self._connection,
            grace_s=grace_s,
        )
        # Also when it is lost meanwhile: the command may be decided all the same.
        self.is_on, self._is_clean = True, False
        try:
            raise_if_refused(await self._sequencer.submit(command))
        except (Refused, Overloaded):  # it is not watched, and may be asked for again
            self.is_on = False
            raise

    def goodbye(self) -> None:
        """The client has said that it goes: however the connection ends from here on, it is no loss."""
        self._is_clean = True

    async def end(self) -> None:
        """The connection is over. Raises Stopped; the next start then finds the connection watched, and says it.

        Where a logout is cut short it is told once more: a connection that stayed watched would keep the timers of its
        program's other connections from running. Told twice does no harm.
        """
        if self.is_on:
            ended = EndConnection(connection=self._connection, clean=self._is_clean)
            await submit_patiently(self._sequencer, ended)
            self.is_on = False

"""Issuing the day's statements: each is made, must add up, and leaves its digest in the journal."""

import asyncio
from collections.abc import Mapping
from itertools import islice
from typing import Final

from gateway.engine.history.statement_body import statement_body
from gateway.engine.history.statements import Statements
from gateway.engine.views.account_views import AccountView
from gateway.engine.views.views import Views
from matching.close_events import IssuedStatement
from matching.commands import IssueStatements
from settlement.values import AccountId, TradingDay

PORTION: Final = 200
"""Statements told of by one command at most; fewer where they have much to tell (`statement_reading.EVENTS_AT_ONCE`)."""


class Issuer:
    """Makes the statements that are next in turn. The day's books are cut, so that they cannot become others."""

    def __init__(self, statements: Statements, views: Views) -> None:
        """Of the accounts these views know."""
        self._statements = statements
        self._views = views

    async def __call__(self, trading_day: TradingDay, issued: int) -> IssueStatements:
        """The next portion, of which so many have gone before."""
        accounts: Mapping[str, AccountView] = self._views.accounts()
        due = list(islice(accounts, issued, issued + PORTION))
        made: list[IssuedStatement] = []
        async for statement in self._statements.of_first(due, trading_day):
            body = statement_body(statement, accounts[statement.account].owner)
            made.append(IssuedStatement(account=AccountId(statement.account), digest=str(body["digest"])))
            await asyncio.sleep(0)  # others have their turn after each one
        assert made, f"the books of {trading_day} are not cut"
        return IssueStatements(trading_day=trading_day, statements=tuple(made))

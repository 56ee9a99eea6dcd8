"""Issuing the day's statements: each is made, must add up, and leaves its digest in the journal."""

import asyncio
from collections.abc import Mapping
from itertools import islice
from typing import Final

from gateway.engine.account_views import AccountView
from gateway.engine.statement_body import statement_body
from gateway.engine.statements import Statements
from gateway.engine.views import Views
from matching.close_events import IssuedStatement
from matching.commands import IssueStatements
from settlement.values import AccountId, TradingDay

PORTION: Final = 200
"""Statements told of by one command."""

AT_ONCE: Final = 2
"""Made side by side: a statement waits for the database most of the time, and traders' questions do too."""


class Issuer:
    """Makes the statements that are next in turn. The day's books are cut, so that they cannot become others."""

    def __init__(self, statements: Statements, views: Views) -> None:
        """Of the accounts these views know."""
        self._statements = statements
        self._views = views

    async def __call__(self, trading_day: TradingDay, issued: int) -> IssueStatements:
        """The next portion, of which so many have gone before."""
        accounts: Mapping[str, AccountView] = self._views.accounts()
        due = list(islice(accounts.values(), issued, issued + PORTION))
        turns = asyncio.Semaphore(AT_ONCE)

        async def make(account: AccountView) -> IssuedStatement:
            async with turns:
                statement = await self._statements.of(account.account, trading_day)
            assert statement is not None, f"the books of {trading_day} are not cut"
            digest = str(statement_body(statement, account.owner)["digest"])
            return IssuedStatement(account=AccountId(account.account), digest=digest)

        made = await asyncio.gather(*(make(account) for account in due))
        return IssueStatements(trading_day=trading_day, statements=tuple(made))

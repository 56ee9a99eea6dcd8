"""Who takes part, and with which accounts, as operators and the supervisor see it."""

from typing import Any, Final

from gateway.engine.views.account_views import AccountView
from gateway.formats import time_text
from gateway.http.cursors import page_of
from gateway.http.operator_routes import reading
from gateway.http.routing import Call, Reply
from gateway.http.shapes import AccountName, Answer, Name, Page, PurposeName, Time


class Participant(Answer):
    """Someone who was admitted."""

    participant: Name
    kind: str
    accounts: list[AccountName]


class Participants(Answer):
    """Participants, newest first."""

    items: list[Participant]
    next: str | None


class MemberRestriction(Answer):
    """Why an account may not trade, and since when."""

    reason: str
    since: Time


class MemberAccount(Answer):
    """A trading account, without what lies in it."""

    account: AccountName
    owner: Name
    registry_account: str
    earmark: PurposeName | None
    restriction: MemberRestriction | None
    disputes: int
    """Open differences between its money here and at the settlement bank."""


class MemberAccounts(Answer):
    """Accounts, newest first."""

    items: list[MemberAccount]
    next: str | None


class MemberAccountsQuery(Page):
    """Whose accounts."""

    owner: Name | None = None


async def list_participants(call: Call) -> Reply:
    """Everybody who was admitted, newest first."""
    query: Page = call.query or Page()
    views = call.services.views
    shown, following = page_of(tuple(views.participants.items()), query.after, query.limit)
    accounts: dict[str, list[str]] = {participant: [] for participant, _ in shown}
    for account in views.accounts().values():
        if account.owner in accounts:
            accounts[account.owner].append(account.account)
    items = [
        {"participant": participant, "kind": kind.value, "accounts": accounts[participant]}
        for participant, kind in shown
    ]
    return Reply({"items": items, "next": following})


async def list_accounts(call: Call) -> Reply:
    """Every trading account, newest first."""
    query: MemberAccountsQuery = call.query or MemberAccountsQuery()
    found = [view for view in call.services.views.accounts().values() if query.owner in (None, view.owner)]
    shown, following = page_of(found, query.after, query.limit)
    return Reply({"items": [_account(view) for view in shown], "next": following})


def _account(view: AccountView) -> dict[str, Any]:
    restriction = view.restriction
    return {
        "account": view.account,
        "owner": view.owner,
        "registry_account": view.registry_account,
        "earmark": view.earmark,
        "restriction": None
        if restriction is None
        else {"reason": restriction.reason, "since": time_text(restriction.at_ns)},
        "disputes": view.disputes,
    }


ROUTES: Final = (
    reading("/v1/operator/participants", list_participants, "Everybody admitted", Participants, query=Page),
    reading(
        "/v1/operator/accounts", list_accounts, "Trading accounts", MemberAccounts, query=MemberAccountsQuery
    ),
)

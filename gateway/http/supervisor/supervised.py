"""What is told to owners and operators, told to the supervisor by the same handlers: neither can know more than the other."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.http import approvals
from gateway.http.access import keys, people, permits
from gateway.http.accounts import account, statements, transfers, withdrawals
from gateway.http.bank import statement_lines
from gateway.http.bank import statements as bank_statements
from gateway.http.listed import orders, safety
from gateway.http.looks import with_reason
from gateway.http.operator import corrections, day, freezes, members, parked, personal_data, registry
from gateway.http.routing import Route
from gateway.http.supervisor.supervision import SUPERVISOR
from gateway.http.uses import offsets, retirements

_MIRRORED: Final[Mapping[str, tuple[tuple[Route, ...], str]]] = {
    "/v1/supervise/account": (account.ROUTES, "/v1/account"),
    "/v1/supervise/account/lots": (account.ROUTES, "/v1/account/lots"),
    "/v1/supervise/account/statements/{date}": (statements.ROUTES, "/v1/account/statements/{date}"),
    "/v1/supervise/events": (account.ROUTES, "/v1/events"),
    "/v1/supervise/orders/{order_id}": (orders.ROUTES, "/v1/orders/{order_id}"),
    "/v1/supervise/transfers-in": (transfers.ROUTES, "/v1/transfers-in"),
    "/v1/supervise/transfers-out": (transfers.ROUTES, "/v1/transfers-out"),
    "/v1/supervise/offsets": (offsets.ROUTES, "/v1/offsets"),
    "/v1/supervise/offsets/{use_id}": (offsets.ROUTES, "/v1/offsets/{use_id}"),
    "/v1/supervise/retirements": (retirements.ROUTES, "/v1/retirements"),
    "/v1/supervise/retirements/{use_id}": (retirements.ROUTES, "/v1/retirements/{use_id}"),
    "/v1/supervise/withdrawals": (withdrawals.ROUTES, "/v1/bank/withdrawals"),
    "/v1/supervise/bank-statements": (bank_statements.ROUTES, "/v1/operator/bank-statements"),
    "/v1/supervise/bank-statement-lines": (statement_lines.ROUTES, "/v1/operator/bank-statement-lines"),
    "/v1/supervise/cash-breaks": (bank_statements.ROUTES, "/v1/operator/cash-breaks"),
    "/v1/supervise/participants": (members.ROUTES, "/v1/operator/participants"),
    "/v1/supervise/people": (people.ROUTES, "/v1/operator/people"),
    "/v1/supervise/keys": (keys.ROUTES, "/v1/operator/keys"),
    "/v1/supervise/day": (day.ROUTES, "/v1/operator/day"),
    "/v1/supervise/registry": (registry.ROUTES, "/v1/operator/registry"),
    "/v1/supervise/reconciliations": (registry.ROUTES, "/v1/operator/reconciliations"),
    "/v1/supervise/breaks": (registry.ROUTES, "/v1/operator/breaks"),
    "/v1/supervise/restrictions": (freezes.ROUTES, "/v1/operator/restrictions"),
    "/v1/supervise/corrections/claims": (corrections.ROUTES, "/v1/operator/corrections/claims"),
    "/v1/supervise/corrections/removals": (corrections.ROUTES, "/v1/operator/corrections/removals"),
    "/v1/supervise/deliveries/parked": (parked.ROUTES, "/v1/operator/deliveries/parked"),
    "/v1/supervise/kill-switches": (safety.ROUTES, "/v1/operator/kill-switches"),
    "/v1/supervise/approvals": (approvals.ROUTES, "/v1/operator/approvals"),
    "/v1/supervise/permits": (permits.ROUTES, "/v1/operator/permits"),
    "/v1/supervise/personal-data": (personal_data.ROUTES, "/v1/operator/personal-data"),
}
"""Address → the route that tells the same to somebody else."""


def _mirror(path: str, routes: tuple[Route, ...], told_at: str) -> Route:
    route = next(one for one in routes if one.method == "GET" and one.path == told_at)
    return replace(
        route,
        path=path,
        scope=Scope.SUPERVISE,
        or_scopes=frozenset(),
        kind=ActionKind.READ,
        tag=SUPERVISOR,
        query=with_reason(route.query),
    )


ROUTES: Final[tuple[Route, ...]] = tuple(_mirror(path, *told) for path, told in _MIRRORED.items())

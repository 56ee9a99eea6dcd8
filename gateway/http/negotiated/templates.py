"""Templates for repeated deals: terms kept under a name, to be filled into the next filing by whoever files it.

A filing always says its terms in full; a template is only where a client takes them from. So saving one again, or
removing it twice, is the same, and needs no client id.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.templates import MOST, Template
from gateway.formats import price_text, quantity_text, time_text
from gateway.http.negotiated.transfers import Lots
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.routing import Call, Handler, Reply, Route
from gateway.http.shapes import (
    NAME_PATTERN,
    AccountName,
    Answer,
    ListingCode,
    Name,
    Price,
    PriceIn,
    Quantity,
    QuantityIn,
    Request,
    Serials,
    ShortText,
    SideName,
    Time,
)


class TemplateRequest(Request):
    """What is the same each time; the rest is left out."""

    listing: ListingCode
    side: Literal["buy", "sell"]
    counterparty: AccountName | None = None
    price: PriceIn | None = None
    quantity: QuantityIn | None = None
    lots: Lots | None = None
    account: AccountName | None = None


class TemplateLot(Answer):
    """A lot as a filing names it."""

    lot: ShortText
    serials: Serials | None
    quantity: Quantity | None


class NegotiatedTemplate(Answer):
    """Terms kept under a name."""

    name: Name
    listing: ListingCode
    side: SideName
    counterparty: AccountName | None
    price: Price | None
    quantity: Quantity | None
    lots: list[TemplateLot]
    saved_by: Name
    saved_at: Time


class NegotiatedTemplates(Answer):
    """All of an account's, by name."""

    items: list[NegotiatedTemplate]
    next: None


class RemovedTemplate(Answer):
    """There is no template of that name any more."""

    name: Name
    removed: Annotated[bool, Field(description="Whether there was one.")]


class TemplatesQuery(Request):
    """Whose."""

    account: AccountName | None = None


async def save_template(call: Call) -> Reply:
    """Keep terms under a name, in the place of those kept there before."""
    body: TemplateRequest = call.body
    account = call.own_account(body.account).account
    template = Template(
        name=call.path["name"],
        terms=_terms(body),
        saved_by=call.participant,
        saved_at_ns=call.services.clock.now_ns(),
    )
    if not await call.services.templates.save(account, template):
        raise refusal(reasons.SIZE_OUT_OF_RANGE, limit=MOST, actual=MOST + 1)
    return Reply(_body(template))


def _terms(body: TemplateRequest) -> dict[str, Any]:
    lots = [
        {
            "lot": lot.lot,
            "serials": lot.serials,
            "quantity": None if lot.quantity is None else quantity_text(lot.quantity),
        }
        for lot in body.lots or ()
    ]
    return {
        "listing": body.listing,
        "side": body.side,
        "counterparty": body.counterparty,
        "price": None if body.price is None else price_text(body.price),
        "quantity": None if body.quantity is None else quantity_text(body.quantity),
        "lots": lots,
    }


def _body(template: Template) -> dict[str, Any]:
    return {
        "name": template.name,
        **template.terms,
        "saved_by": template.saved_by,
        "saved_at": time_text(template.saved_at_ns),
    }


async def list_templates(call: Call) -> Reply:
    """One's templates."""
    query: TemplatesQuery = call.query or TemplatesQuery()
    account = call.own_account(query.account).account
    found = await call.services.templates.all(account)
    return Reply({"items": [_body(template) for template in found], "next": None})


async def remove_template(call: Call) -> Reply:
    """Let a template go."""
    query: TemplatesQuery = call.query or TemplatesQuery()
    account, name = call.own_account(query.account).account, call.path["name"]
    return Reply({"name": name, "removed": await call.services.templates.remove(account, name)})


PATH: Final = "/v1/negotiated-templates"


def _change(method: Literal["PUT", "DELETE"], handler: Handler, summary: str, **more: Any) -> Route:  # noqa: ANN401 - as Route takes them
    return Route(
        method=method,
        path=f"{PATH}/{{name}}",
        handler=handler,
        scope=Scope.NEGOTIATE,
        kind=ActionKind.NEGOTIATE,
        summary=summary,
        tag="negotiated transfers",
        path_parameters={"name": NAME_PATTERN},
        core_knows_ids=False,
        **more,
    )


ROUTES: Final = (
    Route(
        method="GET",
        path=PATH,
        handler=list_templates,
        scope=Scope.READ,
        kind=ActionKind.READ,
        summary="Terms kept for repeated deals",
        tag="negotiated transfers",
        query=TemplatesQuery,
        answer=NegotiatedTemplates,
    ),
    _change("PUT", save_template, "Keep terms under a name", body=TemplateRequest, answer=NegotiatedTemplate),
    _change("DELETE", remove_template, "Let a template go", query=TemplatesQuery, answer=RemovedTemplate),
)

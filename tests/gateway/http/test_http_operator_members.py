"""Who takes part, as operators see it; and what a second person is shown of an act before deciding."""

from typing import Any

import pytest

from gateway.http.act_details import details_of
from matching.acts import PlaceFreeze
from matching.commands import AdoptRules, AnyAct
from matching.rulebook import Certainty, RuleChange
from matching.safety_commands import KillScope, ThrowKillSwitch
from settlement.values import AccountId, LotId, ParticipantId
from tests.gateway.engine.world import START_NS, adopting
from tests.gateway.http.desk import ACCOUNTS, PARTICIPANTS, Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")
WHO: Any = {"operator": ParticipantId("operator"), "reason": "because"}


async def test_participants_and_accounts_are_listed_newest_first_by_pages(shared: Desk) -> None:
    operator = shared["operator"]
    everybody = await operator.get("/v1/operator/participants")
    assert everybody["next"] is None
    assert {item["participant"]: item["accounts"] for item in everybody["items"]} == {
        PARTICIPANTS[account]: [account] for account in set(ACCOUNTS.values())
    }
    found: list[Any] = []
    target = "/v1/operator/accounts?limit=2"
    while True:
        page = await operator.get(target)
        found += page["items"]
        if page["next"] is None:
            break
        target = f"/v1/operator/accounts?limit=2&after={page['next']}"
    opened = list(shared.engine.views.accounts())
    assert [item["account"] for item in found] == opened[::-1]
    (own,) = (await operator.get("/v1/operator/accounts?owner=buyer-person"))["items"]
    assert (own["account"], own["restriction"], own["disputes"]) == ("buyer", None, 0)


async def test_an_account_is_listed_with_what_stops_it(shared: Desk) -> None:
    operator = shared["operator"]
    body = {"account": "buyer2", "act": "restrict", "reason": "inquiry 12"}
    done = (await operator.send("POST", "/v1/operator/restrictions", body)).json()
    (account,) = (await operator.get("/v1/operator/accounts?owner=buyer2-person"))["items"]
    assert account["restriction"] == {"reason": "inquiry 12", "since": done["time"]}
    await operator.send("POST", "/v1/operator/restrictions", body | {"act": "lift"})


async def test_the_second_person_is_shown_all_that_an_act_says(shared: Desk) -> None:
    await shared.engine.do(adopting(("two_person_acts", "kill_switch")))
    body = {"scope": "account", "subject": "buyer2", "act": "throw", "reason": "runs wild"}
    asked = await shared["operator"].send("POST", "/v1/operator/kill-switches", body)
    assert asked.status_code == 202, asked.text
    approval = asked.json()["approval"]
    assert approval["details"] == [
        {"name": "scope", "value": "account"},
        {"name": "subject", "value": "buyer2"},
    ]
    (listed,) = (await shared["operator2"].get("/v1/operator/approvals"))["items"]
    assert listed == approval
    target = f"/v1/operator/approvals/{approval['id']}/decline"
    declined = await shared["operator2"].send("POST", target, {"reason": "not so wild"})
    assert declined.json()["approval"]["details"] == approval["details"]


def pairs(act: AnyAct) -> list[tuple[str, str]]:
    return [(detail["name"], detail["value"]) for detail in details_of(act)]


async def test_nothing_is_told_of_what_an_act_leaves_open() -> None:
    everything = ThrowKillSwitch(**WHO, scope=KillScope.MARKET, subject="")
    assert pairs(everything) == [("scope", "market")]
    freeze = PlaceFreeze(
        **WHO, account=AccountId("buyer"), lot_id=LotId("LOT-1"), serials=((1, 11), (20, 21))
    )
    assert pairs(freeze) == [
        ("account", "buyer"),
        ("lot", "LOT-1"),
        ("serials", "1..10"),
        ("serials", "20..20"),
    ]
    change = RuleChange(
        parameter="tick_fen",
        value=2,
        effective_from_ns=START_NS,
        source="notice 7",
        certainty=Certainty.OFFICIAL,
        listing=None,
    )
    told = pairs(AdoptRules(**WHO, changes=(change,), emergency=True))
    assert told[0][0] == "changes"
    assert told[0][1].startswith("tick_fen = 2; 2026-")
    assert told[0][1].endswith("; official; notice 7")
    assert told[1] == ("emergency", "yes")

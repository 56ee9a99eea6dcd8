"""Transfers out, freezes, corrections, breaks and comparisons over HTTP: what participants see and operators do."""

from typing import Any

from matching.commands import Command
from settlement.commands import Outcome, ReportBreaks, ResolveInstruction, TakeNotice
from settlement.difference import BreakKind, Difference
from settlement.notice import Notice, NoticeKind
from settlement.values import InstructionId, LotId
from tests.gateway.http.desk import LOT, Desk, desk

LISTING = "SHCERCIR1"


async def core(exchange: Desk, command: Command) -> None:
    await exchange.engine.sequencer.submit(command)


async def out(exchange: Desk, client_id: str, **body: Any) -> Any:
    return await exchange["seller"].send("POST", "/v1/transfers-out", {"client_id": client_id, **body})


async def operate(exchange: Desk, target: str, status: int = 200, **body: Any) -> Any:
    answer = await exchange["operator"].send("POST", f"/v1/operator/{target}", body)
    assert answer.status_code in (status, 202), answer.text
    if answer.status_code != 202:
        return answer.json()
    approval = answer.json()["approval"]["id"]
    second = await exchange["operator2"].send("POST", f"/v1/operator/approvals/{approval}/approve", {})
    assert second.status_code == 200, second.text
    return second.json()


async def told(exchange: Desk, who: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = (await exchange[who].get("/v1/events?limit=1000"))["items"]
    return events


async def test_units_go_out_once_and_come_back_when_refused(database: str) -> None:
    async with desk(database) as exchange:
        seller = exchange["seller"]
        asked = await out(exchange, "o1", listing=LISTING, quantity="30")
        assert asked.status_code == 201, asked.text
        transfer = asked.json()
        assert (transfer["kind"], transfer["state"], transfer["quantity"]) == (
            "transfer_out",
            "pending",
            "30",
        )
        units = (await seller.get("/v1/account"))["units"][LISTING]
        assert (units["available"], units["delivering"]) == ("99970", "30")
        again = await out(exchange, "o1", listing=LISTING, quantity="30")
        assert (again.json(), again.headers["Idempotent-Replayed"]) == (transfer, "true")
        assert (await out(exchange, "o1", listing=LISTING, quantity="31")).json()[
            "code"
        ] == "client_id_reused"
        await core(
            exchange,
            ResolveInstruction(
                instruction_id=InstructionId(transfer["id"]), outcome=Outcome.REFUSED, code="account_frozen"
            ),
        )
        failed = await seller.get(f"/v1/transfers-out/{transfer['id']}")
        assert (failed["state"], failed["reason"], failed["refusal"]["number"]) == (
            "failed",
            "account_frozen",
            2,
        )
        assert "冻结" in failed["refusal"]["text"]
        assert (await seller.get("/v1/account"))["units"][LISTING]["available"] == "100000"

        first = LOT.serials[0]
        named = await out(exchange, "o2", lots=[{"lot": LOT.lot_id, "serials": [[first, first + 5]]}])
        done = named.json()
        await core(
            exchange,
            ResolveInstruction(instruction_id=InstructionId(done["id"]), outcome=Outcome.CONFIRMED),
        )
        assert (await seller.get("/v1/transfers-out"))["items"][0]["state"] == "completed"
        assert (await seller.get("/v1/transfers-out?client_id=o2"))["items"][0]["id"] == done["id"]
        assert (await seller.get("/v1/transfers-in?client_id=o2"))["items"] == []
        lost = await seller.send("GET", f"/v1/transfers-in/{done['id']}")
        assert lost.status_code == 404
        (lot,) = (await seller.get("/v1/account/lots"))["items"]
        assert lot["serials"] == [[first + 5, LOT.serials[1]]]
        await exchange.engine.journal.verify()
    async with desk(database) as exchange:
        again = await out(exchange, "o2", lots=[{"lot": LOT.lot_id, "serials": [[first, first + 5]]}])
        assert (again.json(), again.headers["Idempotent-Replayed"]) == (done, "true")


async def test_nobody_elses_units_go_out_and_nonsense_is_refused_by_name(exchange: Desk) -> None:
    assert (await out(exchange, "x1", listing=LISTING)).json()["code"] == "lots_or_quantity"
    assert (await out(exchange, "x2", lots=[{"lot": "NONE", "quantity": "1"}])).json()[
        "code"
    ] == "lot_unknown"
    body = {"client_id": "x3", "account": "seller", "listing": LISTING, "quantity": "1"}
    other = await exchange["buyer"].send("POST", "/v1/transfers-out", body)
    assert (other.status_code, other.json()["code"]) == (403, "not_your_account")


async def test_a_freeze_shows_its_units_and_its_source_and_ends_where_it_came_from(exchange: Desk) -> None:
    seller, first = exchange["seller"], LOT.serials[0]
    order = (await seller.order("s1", side="sell", price="69.00", quantity="99990")).json()["order"]["id"]
    notice = Notice(
        sequence=1,
        kind=NoticeKind.LOT_FROZEN,
        lot_id=LotId(LOT.lot_id),
        serials=((first, first + 20),),
        reason="an inquiry",
    )
    await core(exchange, TakeNotice(notice=notice))
    units = (await seller.get("/v1/account"))["units"][LISTING]
    owned = sum(int(units[bucket]) for bucket in ("available", "held", "delivering"))
    assert (owned, units["frozen"]) == (100_000, "20")
    (lot,) = (await seller.get("/v1/account/lots"))["items"]
    assert (lot["frozen"], lot["quantity"]) == ([[first, first + 20]], "100000")
    assert (await seller.get(f"/v1/orders/{order}"))["reason"] == "frozen"
    kinds = [event["type"] for event in await told(exchange, "seller")]
    assert {"frozen_units_changed", "order_cancelled"} <= set(kinds)
    (freeze,) = (await exchange["operator"].get("/v1/operator/restrictions"))["items"]
    assert (freeze["id"], freeze["source"], freeze["stops"]) == ("notice-1", "registry", "units")
    lift = await exchange["operator"].send("POST", "/v1/operator/freezes/notice-1/lift", {"reason": "no"})
    assert lift.status_code in (202, 404)
    named = await out(exchange, "f1", lots=[{"lot": LOT.lot_id, "serials": [[first, first + 1]]}])
    assert named.json()["code"] == "serials_frozen"
    assert (await exchange["operator"].get("/v1/operator/registry"))["notice_cursor"] == 1


async def test_an_operator_freezes_an_account_and_lets_it_go(exchange: Desk) -> None:
    await operate(exchange, "freezes", account="buyer", reason="inquiry 7")
    assert (await exchange["buyer"].order("b1")).json()["code"] == "account_frozen"
    (freeze,) = (await exchange["operator"].get("/v1/operator/restrictions"))["items"]
    assert (freeze["account"], freeze["source"], freeze["reason"]) == ("buyer", "operator", "inquiry 7")
    await operate(exchange, f"freezes/{freeze['id']}/lift", reason="cleared")
    assert (await exchange["buyer"].order("b2")).status_code == 201
    kinds = [event["type"] for event in await told(exchange, "buyer")]
    assert kinds.count("freeze_placed") == kinds.count("freeze_lifted") == 1
    nothing = await exchange["operator"].send("POST", "/v1/operator/freezes", {"reason": "of nothing"})
    assert nothing.json()["code"] == "freeze_malformed"


async def test_a_break_stops_what_it_touches_until_somebody_resolves_it(exchange: Desk) -> None:
    found = Difference(
        kind=BreakKind.RANGE_DIFFERS,
        registry_account="R-seller",
        lot_id=LotId(LOT.lot_id),
        only_here=((5, 9),),
        detail="seen by a test",
    )
    await core(exchange, ReportBreaks(as_of=7, differences=(found,)))
    (case,) = (await exchange["operator"].get("/v1/operator/breaks?state=open"))["items"]
    assert (case["kind"], case["account"], case["only_here"], case["as_of"]) == (
        "range_differs",
        "seller",
        [[5, 9]],
        7,
    )
    assert (await exchange["seller"].order("s1", side="sell")).json()["code"] == "account_frozen"
    assert (await exchange["buyer"].order("b1")).status_code == 201
    await operate(exchange, f"breaks/{case['id']}/resolve", reason="the platform's mistake")
    assert (await exchange["operator"].get("/v1/operator/breaks?state=open"))["items"] == []
    (case,) = (await exchange["operator"].get("/v1/operator/breaks"))["items"]
    assert case["resolution"]["reason"] == "the platform's mistake"
    assert (await exchange["seller"].order("s2", side="sell", price="70.00")).status_code == 201
    await exchange.engine.journal.verify()


async def test_a_comparison_on_demand_is_recorded_and_a_silent_registry_is_said(exchange: Desk) -> None:
    done = await exchange["operator"].send("POST", "/v1/operator/reconciliations", {})
    assert done.status_code == 201, done.text
    (record,) = (await exchange["operator"].get("/v1/operator/reconciliations"))["items"]
    assert record == done.json()
    assert (record["on_demand"], record["breaks"]) == (True, 0)
    exchange.registry_is_silent = True
    silent = await exchange["operator"].send("POST", "/v1/operator/reconciliations", {})
    assert (silent.status_code, silent.json()["code"]) == (503, "registry_unreachable")


async def test_what_is_not_there_is_refused_by_name(exchange: Desk) -> None:
    for target, code, more in (
        ("breaks/9/resolve", "break_not_open", {}),
        ("corrections/claims/9/decide", "claim_not_open", {"decision": "dismiss"}),
        ("corrections", "claim_not_open", {"claim": "9", "decision": "dismiss"}),
        ("corrections/removals/9/retry", "removal_not_refused", {}),
        ("deliveries/retry", "delivery_not_parked", {"trades": ["9"]}),
        ("deliveries/9/unwind", "delivery_not_parked", {}),
    ):
        answer = await exchange["operator"].send("POST", f"/v1/operator/{target}", {"reason": "x", **more})
        assert answer.json().get("code") == code, (target, answer.text)
    for target in ("corrections/claims", "corrections/removals", "deliveries/parked", "breaks"):
        assert (await exchange["operator"].get(f"/v1/operator/{target}"))["items"] == []


async def test_corrected_units_leave_and_are_told_of(exchange: Desk) -> None:
    first = LOT.serials[0]
    notice = Notice(
        sequence=1,
        kind=NoticeKind.CORRECTED,
        registry_account="R-seller",
        lot_id=LotId(LOT.lot_id),
        serials=((first, first + 8),),
        reason="abnormal data",
    )
    await core(exchange, TakeNotice(notice=notice))
    (removal,) = (await exchange["operator"].get("/v1/operator/corrections/removals"))["items"]
    assert (removal["account"], removal["state"], removal["quantity"]) == ("seller", "instructed", "8")
    (name,) = exchange.engine.views.pending_instructions
    await core(exchange, ResolveInstruction(instruction_id=InstructionId(name), outcome=Outcome.CONFIRMED))
    (removal,) = (await exchange["operator"].get("/v1/operator/corrections/removals"))["items"]
    assert removal["state"] == "completed"
    units = (await exchange["seller"].get("/v1/account"))["units"][LISTING]
    assert (units["available"], units["frozen"]) == ("99992", "0")
    kinds = [event["type"] for event in await told(exchange, "seller")]
    assert "correction_opened" in kinds
    assert "correction_completed" in kinds
    assert kinds.count("transfer_completed") == 1, "what was corrected is nobody's transfer"
    assert (await exchange["seller"].get("/v1/transfers-out"))["items"] == []
    await exchange.engine.journal.verify()

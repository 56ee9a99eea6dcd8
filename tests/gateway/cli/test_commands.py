"""What commands print, in both languages and as JSON, and the status they end with."""

import base64
import json
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.faults import CommandFault, Refused
from gateway.cli.main import app
from gateway.cli.market_data import Screen
from gateway.cli.output import Output
from gateway.cli.trading import full_price
from gateway.cli.words import ORDER_STATUS, PHASE, say, term
from gateway.http.refusals.catalogue import CATALOGUE
from matching.order import OrderStatus
from matching.session import Phase
from registry_bridge.signing import Authentic, HmacKey, RequestVerifier

SECRET = b"0123456789abcdef0123456789abcdef"


def puhui(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.fixture
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    participant = {"key": "k-1", "secret": base64.b64encode(SECRET).decode()}
    (tmp_path / "demo.json").write_text(
        json.dumps(
            {"url": "http://127.0.0.1:1", "participants": {"buyer": participant, "seller": participant}}
        )
    )
    return tmp_path


@pytest.mark.parametrize(
    ("variables", "spoken"),
    [
        ({}, "zh"),
        ({"LANG": "C.UTF-8"}, "zh"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": ""}, "en"),
    ],
)
def test_the_locale_decides_the_language(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], spoken: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert say("zh", "en") == spoken


def test_every_word_of_the_contract_has_its_chinese_term(chinese: None) -> None:
    assert set(PHASE) == {phase.value for phase in Phase}
    assert set(ORDER_STATUS) == {status.value for status in OrderStatus} | {"rejected"}
    assert term(PHASE, "negotiated") == "协议转让"


def test_the_version_is_the_installed_one() -> None:
    result = puhui("--version")
    assert result.exit_code == 0
    assert result.output.startswith("puhui 0.")


def test_every_command_explains_itself() -> None:
    for command in (
        *(("serve",), ("sign",), ("order", "buy"), ("order", "sell"), ("cancel",), ("orders",), ("account",)),
        *(("depth",), ("watch",), ("explain",), ("verify",), ("operator", "day"), ("registry", "serve")),
        *(
            ("order", "replace"),
            ("rules",),
            ("negotiate", "file"),
            ("negotiate", "confirm"),
            ("operator", "rules", "set"),
        ),
        *(("operator", act) for act in ("halt", "resume", "restrict", "lift", "kill", "bust")),
        *(("operator", act) for act in ("approvals", "approve", "decline")),
        *(
            ("registry", "open-account"),
            ("registry", "issue"),
            ("registry", "holdings"),
            ("registry", "freeze"),
            ("registry", "correct"),
            ("registry", "check"),
            ("registry", "methodology", "publish"),
            ("registry", "fault", "set"),
        ),
    ):
        result = puhui(*command, "--help")
        assert result.exit_code == 0, command
        assert "--json" in result.output or command[-1] == "serve", command


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_code_is_explained_in_both_languages(code: str) -> None:
    result = puhui("explain", code)
    reason = CATALOGUE[code]
    assert result.exit_code == 0
    assert reason.zh in result.output
    assert reason.en in result.output
    assert reason.source in result.output


def test_an_explanation_for_a_program_is_the_catalogues_entry(english: None) -> None:
    told = json.loads(puhui("explain", "overloaded", "--json").output)
    assert (told["status"], told["retryable"], told["unit"]) == (503, True, "text")
    assert "may succeed later" in puhui("explain", "overloaded").output
    assert "may succeed later" not in puhui("explain", "price_outside_band").output


def test_an_unknown_code_names_its_neighbours(english: None) -> None:
    for written in ("price_outside", "price_outsid_bnad", "PRICE_OUTSIDE_BAND"):
        result = puhui("explain", written, "--json")
        assert result.exit_code == 1
        assert "price_outside_band" in json.loads(result.output)["detail"]


def test_a_signature_printed_for_curl_is_good(data_dir: Path) -> None:
    result = puhui(
        "sign", "post", "/v1/orders?x=1", "--body", '{"a":1}', "--data-dir", str(data_dir), "--json"
    )
    headers = json.loads(result.output)
    verdict = RequestVerifier({"k-1": HmacKey(SECRET)}.get).check(
        method="POST",
        target="/v1/orders?x=1",
        key=headers["X-Key"],
        timestamp=headers["X-Timestamp"],
        signature=headers["X-Signature"],
        body=b'{"a":1}',
        now_ms=int(headers["X-Timestamp"]),
    )
    assert isinstance(verdict, Authentic)


def test_a_body_is_signed_as_the_file_has_it(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "order.json").write_bytes(b'{"a":1}\n')
    signed = puhui(
        "sign", "POST", "/v1/orders", "--body", f"@{tmp_path}/order.json", "--data-dir", str(data_dir)
    )
    assert signed.exit_code == 0
    assert [line.split(":")[0] for line in signed.output.splitlines()] == [
        "X-Key",
        "X-Timestamp",
        "X-Signature",
    ]
    missing = puhui("sign", "POST", "/v1/orders", "--body", "@nothing", "--data-dir", str(data_dir))
    assert missing.exit_code == 1


def test_a_path_that_is_none_is_refused(data_dir: Path) -> None:
    assert puhui("sign", "GET", "v1/account", "--data-dir", str(data_dir)).exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("depth", "../x"),
        ("candles", "SHCER?x"),
        ("bank", "paid", "wd#1", "--reference", "B-1"),
        ("certificate", "check", "PH 1"),
        ("operator", "person", "disable", "..", "--reason", "x"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_is_no_name_is_never_asked_for(
    data_dir: Path, english: None, arguments: tuple[str, ...]
) -> None:
    result = puhui(*arguments, "--data-dir", str(data_dir))
    assert (result.exit_code, " is no " in result.output) == (1, True), result.output


def test_nobody_there_is_a_sentence_and_status_1(data_dir: Path, english: None) -> None:
    result = puhui("account", "--data-dir", str(data_dir), "--json")
    assert result.exit_code == 1
    answer = json.loads(result.output)
    assert (answer["code"], answer["retryable"]) == ("no_answer", True)


@pytest.mark.parametrize(
    ("written", "full"),
    [("68", "68.00"), ("68.5", "68.50"), ("68.50", "68.50"), ("0.01", "0.01"), ("007", "7.00")],
)
def test_a_price_is_completed_to_the_fen(written: str, full: str) -> None:
    assert full_price(written) == full


@pytest.mark.parametrize("written", ["", "68.", ".5", "68.505", "-1", "1e2", "６８", "1,000", "123456789"])
def test_what_is_no_price_is_refused_before_it_is_sent(written: str) -> None:
    with pytest.raises(CommandFault):
        full_price(written)


def test_several_faults_are_told_each_with_its_figures(english: None) -> None:
    problem = {
        "code": "invalid_request",
        "detail": "two fields are wrong",
        "errors": [
            {"pointer": "/price", "code": "price_not_on_tick", "limit": "0.01", "actual": "68.005"},
            {"pointer": "/quantity", "code": "quantity_too_large", "limit": "99999", "actual": "100000"},
        ],
        "request_id": "r-1",
    }
    assert str(Refused(422, problem)).splitlines() == [
        "two fields are wrong [invalid_request]",
        "  /price price_not_on_tick: limit 0.01, actual 68.005",
        "  /quantity quantity_too_large: limit 99999, actual 100000",
        "  request r-1",
    ]


def test_an_answer_that_is_no_problem_document_is_still_told(english: None) -> None:
    refused = Refused(502, {"detail": "HTTP 502", "state": "unknown"})
    assert refused.code == "http_502"
    assert not refused.outcome_is_known
    assert not refused.may_be_sent_again


def shown(screen: Screen, capsys: pytest.CaptureFixture[str]) -> str:
    Output(as_json=False).console.print(screen.render())
    return capsys.readouterr().out


def test_the_screen_shows_book_trades_and_phase(english: None, capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(["SHCERCIR1"])
    messages: list[dict[str, Any]] = [
        {"ch": "status", "listing": "SHCERCIR1", "phase": "continuous"},
        {
            "ch": "depth",
            "listing": "SHCERCIR1",
            "type": "snapshot",
            "seq": 1,
            "prev_seq": None,
            "bids": [],
            "asks": [["68.00", "100"]],
            "crc32": crc32(b"68.00:100"),
        },
        {
            "ch": "trades",
            "listing": "SHCERCIR1",
            "id": "1",
            "price": "68.10",
            "quantity": "7",
            "taker_side": "buy",
            "time": "2026-11-23T09:30:00.123456+08:00",
        },
        {"ch": "something_added_later", "listing": "SHCERCIR1"},
    ]
    for message in messages:
        screen.take(message)
    text = shown(screen, capsys)
    assert "SHCERCIR1  continuous" in text
    assert "68.00" in text
    assert "09:30:00.123" in text
    assert "68.10" in text


def test_the_screen_shows_a_halt_in_place_of_the_phase(
    english: None, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Screen(["SHCERCIR1"])
    status = {"ch": "status", "listing": "SHCERCIR1", "phase": "continuous"}
    screen.take({**status, "halted": True})
    screen.take({"ch": "trades", "listing": "SHCERCIR1", "id": "1", "busted": True})
    assert "SHCERCIR1  halted" in shown(screen, capsys)
    screen.take({**status, "halted": False})
    assert "SHCERCIR1  continuous" in shown(screen, capsys)


def test_cells_are_never_taken_for_markup(english: None, capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table("t", ["a", "#b"], [("[red]x[/red]", None)])
    printed = capsys.readouterr().out
    assert "[red]x[/red]" in printed
    assert "-" in printed

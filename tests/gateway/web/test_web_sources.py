"""The terminal's sources: every word in the two message files, every library pinned with its hash."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.cli import acts, bank_statements, custody, operator, people, rules, setup, words
from matching.rulebook import PARAMETERS, Certainty
from matching.session import Phase
from settlement.channels import Channel

WEB: Final = Path(__file__).resolve().parents[3] / "web"
SOURCES: Final = sorted((WEB / "source").rglob("*.ts*"))
MESSAGES: Final[dict[str, dict[str, str]]] = {
    name: json.loads((WEB / "source" / "messages" / f"{name}.json").read_text("utf-8"))
    for name in ("zh", "en")
}
_CJK: Final = re.compile(r"[\u3400-\u9fff\uff00-\uffef]")
_SPOKEN: Final = re.compile(
    r"""\b(?:aria-label|aria-description|title|placeholder|alt|label)="([^"]*[A-Za-z][^"]*)\""""
)
_PLACE: Final = re.compile(r"\{(\w+)\}")


def without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)


def test_both_languages_have_the_same_messages() -> None:
    assert MESSAGES["zh"].keys() == MESSAGES["en"].keys()
    for key, zh in MESSAGES["zh"].items():
        en = MESSAGES["en"][key]
        assert zh.strip(), key
        assert en.strip(), key
        assert sorted(_PLACE.findall(zh)) == sorted(_PLACE.findall(en)), key


def test_english_is_english_and_chinese_is_chinese() -> None:
    names = {"settings.other_language", "foot.regulation"}  # a language's own name, a document's number
    assert [key for key, en in MESSAGES["en"].items() if _CJK.search(en) and key not in names] == []
    plain = {"settings.other_language"}
    untold = [key for key, zh in MESSAGES["zh"].items() if not _CJK.search(zh) and key not in plain]
    assert untold == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(WEB).as_posix())
def test_no_page_has_words_of_its_own(path: Path) -> None:
    text = without_comments(path.read_text("utf-8"))
    assert _CJK.findall(text.replace("＝", "")) == []
    assert _SPOKEN.findall(text) == []


def test_the_linter_refuses_words_between_tags() -> None:
    rules = json.loads((WEB / "biome.json").read_text("utf-8"))["linter"]["rules"]
    assert rules["style"]["noJsxLiterals"] == "error"


def test_every_message_is_said_somewhere() -> None:
    text = "".join(path.read_text("utf-8") for path in SOURCES)
    kinds = set(re.findall(r'named\("([a-z_]+)"', text)) | {"value", "phase", "purpose"}
    parts = set(re.findall(r"t\(`([a-z_.]+)\$\{", text))
    unsaid = [
        key
        for key in MESSAGES["zh"]
        if f'"{key}"' not in text
        and key.partition(".")[0] not in kinds
        and not any(key.startswith(part) for part in parts)
    ]
    assert unsaid == []


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("rule", list(PARAMETERS)),
        ("phase", [phase.value for phase in Phase]),
        ("certainty", [certainty.value for certainty in Certainty]),
        ("purpose", [channel.value for channel in Channel]),
    ],
)
def test_every_value_of_the_exchange_has_a_word(kind: str, values: list[str]) -> None:
    assert [value for value in values if f"{kind}.{value}" not in MESSAGES["zh"]] == []


@pytest.mark.parametrize(
    ("kind", "spoken"),
    [
        ("act", acts.ACT),
        ("break_kind", custody.BREAK),
        ("cash_kind", bank_statements.CASH_BREAK),
        ("certainty", rules.CERTAINTY),
        ("claim_state", custody.CLAIM),
        ("freeze_source", custody.SOURCE),
        ("mandate_state", people.MANDATE_STATE),
        ("member_kind", setup.PARTICIPANT_KIND),
        ("movement", custody.KIND),
        # The pages say of a transfer that is filed whose turn it is; the command line shows one to either side.
        ("negotiated_state", words.NEGOTIATED_STATE | {"filed": MESSAGES["zh"]["negotiated_state.filed"]}),
        ("phase", words.PHASE),
        ("purpose", words.USE_PURPOSE),
        ("scope", people.ACTION),
        ("side", words.SIDE),
        ("status", words.ORDER_STATUS),
        ("step", operator.CLOSE_STEP),
        ("withdrawal_state", words.WITHDRAWAL_STATE),
    ],
)
def test_a_thing_has_one_chinese_name_on_the_pages_and_at_the_command_line(
    kind: str, spoken: dict[str, str]
) -> None:
    on_pages = {value: MESSAGES["zh"][f"{kind}.{value}"] for value in spoken}
    assert on_pages == spoken


def test_every_library_is_pinned_by_its_hash_and_from_no_place() -> None:
    text = (WEB / "package-lock.json").read_text("utf-8")
    lock: dict[str, Any] = json.loads(text)
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
    wanted: dict[str, Any] = json.loads((WEB / "package.json").read_text("utf-8"))
    for name, version in (wanted["dependencies"] | wanted["devDependencies"]).items():
        assert packages[f"node_modules/{name}"]["version"] == version

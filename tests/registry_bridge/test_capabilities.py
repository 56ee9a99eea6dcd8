"""A record of promises is read as it is written, and nothing is promised by leaving it out."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from registry_bridge.capabilities import WHOLE_PROTOCOL, Capabilities, RecordFault, load_capabilities
from registry_bridge.wire import read, write
from registry_bridge.wire_capabilities import CapabilitiesBody, capabilities_json

SOME = replace(WHOLE_PROTOCOL, platform_clock=False, journal=False)


def written(path: Path, record: dict[str, object]) -> Path:
    lines = (f"{name} = {str(value).lower()}" for name, value in record.items())
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.mark.parametrize("record", [WHOLE_PROTOCOL, SOME])
def test_a_file_says_what_a_platform_promises(tmp_path: Path, record: Capabilities) -> None:
    assert load_capabilities(written(tmp_path / "platform.toml", asdict(record))) == record


@pytest.mark.parametrize("record", [WHOLE_PROTOCOL, SOME])
def test_a_record_goes_over_the_line_and_back(record: Capabilities) -> None:
    body = write({**capabilities_json(record), "registry_time": "2026-11-22T14:30:00+08:00"})
    assert read(CapabilitiesBody, body).value() == record


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"journal": None}, "must name"),
        ({"teleports": True}, "must name"),
        ({"journal": 1}, "journal: true or false"),
        ({"journal": "= ="}, "Invalid"),
    ],
)
def test_anything_else_is_no_record(tmp_path: Path, change: dict[str, object], fault: str) -> None:
    record = {name: value for name, value in (asdict(SOME) | change).items() if value is not None}
    with pytest.raises(RecordFault, match=fault):
        load_capabilities(written(tmp_path / "platform.toml", record))

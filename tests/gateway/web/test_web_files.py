"""The built pages as they are read and served."""

import gzip
from pathlib import Path

import httpx
import pytest

from gateway.http.pages import POLICY
from gateway.web.files import MOST_BYTES, MOST_FILES, read_built
from tests.gateway.http.desk import Desk, desk


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>t</title>", "utf-8")
    (tmp_path / "assets" / "index-abc.js").write_text("// " + "x" * 5_000, "utf-8")
    return tmp_path


async def get(exchange: Desk, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await exchange.http.request(method, exchange.url + path, headers=given)


async def test_the_page_may_load_only_what_the_exchange_serves(database: str, built: Path) -> None:
    async with desk(database, built=read_built(built)) as exchange:
        for path in ("/", "/index.html", "/assets/index-abc.js"):
            answer = await get(exchange, path)
            assert answer.status_code == 200
            assert answer.headers["Content-Security-Policy"] == POLICY
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["X-Frame-Options"] == "DENY"
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


async def test_hashed_names_are_kept_for_ever_and_the_page_is_asked_for_each_time(
    database: str, built: Path
) -> None:
    async with desk(database, built=read_built(built)) as exchange:
        page, script = await get(exchange, "/"), await get(exchange, "/assets/index-abc.js")
        assert page.headers["Cache-Control"] == "no-cache"
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "immutable" in script.headers["Cache-Control"]
        assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
        known = await get(exchange, "/", If_None_Match=page.headers["ETag"])
        assert (known.status_code, known.content) == (304, b"")


async def test_content_is_compressed_for_who_can_read_it(database: str, built: Path) -> None:
    script = (built / "assets" / "index-abc.js").read_bytes()
    async with desk(database, built=read_built(built)) as exchange:
        plain = await get(exchange, "/assets/index-abc.js", Accept_Encoding="identity")
        assert (plain.content, "Content-Encoding" in plain.headers) == (script, False)
        zipped = await get(exchange, "/assets/index-abc.js", Accept_Encoding="gzip")
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert zipped.content == script
        assert int(zipped.headers["Content-Length"]) == len(gzip.compress(script, mtime=0)) < len(script)
        assert zipped.headers["Vary"] == "Accept-Encoding"
        head = await get(exchange, "/assets/index-abc.js", "HEAD", Accept_Encoding="identity")
        assert (head.status_code, head.content) == (200, b"")


async def test_nothing_else_is_served_and_nothing_is_taken(database: str, built: Path) -> None:
    async with desk(database, built=read_built(built)) as exchange:
        for path in ("/assets/", "/assets/%2e%2e/index-abc.js", "/source/main.tsx"):
            assert (await get(exchange, path)).status_code == 404
        assert (await get(exchange, "/assets/other.js")).json()["code"] == "not_found"
        posted = await get(exchange, "/", "POST")
        assert (posted.status_code, posted.headers["Allow"]) == (405, "GET, HEAD")


async def test_without_a_build_a_page_says_how_to_get_one(database: str, tmp_path: Path) -> None:
    async with desk(database, built=read_built(tmp_path)) as exchange:
        answer = await get(exchange, "/")
        assert answer.status_code == 503
        assert "make setup" in answer.text
        assert "网页尚未构建" in answer.text
        assert (await get(exchange, "/v1/time")).status_code == 200


def test_a_build_is_bounded(built: Path) -> None:
    (built / "assets" / "large.js").write_bytes(b" " * MOST_BYTES)
    with pytest.raises(AssertionError, match="too large"):
        read_built(built)
    (built / "assets" / "large.js").unlink()
    for number in range(MOST_FILES):
        (built / "assets" / f"{number}.js").write_text("", "utf-8")
    with pytest.raises(AssertionError, match="files in"):
        read_built(built)


def test_a_file_of_an_unknown_kind_is_not_served(built: Path) -> None:
    (built / "assets" / "strange.wasm").write_text("", "utf-8")
    with pytest.raises(AssertionError, match="of no kind"):
        read_built(built)

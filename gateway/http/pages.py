"""The web terminal at `/`: files of the build, and a plain word where there is none.

The pages are not part of the contract under `/v1`; they are a client of it like any other.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from aiohttp import web

from gateway.http.routing import SECURITY_HEADERS
from gateway.web.files import INDEX, BuiltFile

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""Only what this exchange serves runs here: nothing inline, nothing from elsewhere, nobody frames it."""

FOR_EVER: Final = "public, max-age=31536000, immutable"
ASK_EACH_TIME: Final = "no-cache"

NOT_BUILT: Final = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>普惠 · Puhui</title></head><body>
<h1>网页尚未构建</h1>
<p>交易所正在运行，接口 <a href="/v1/openapi.json">/v1</a> 可用；网页由 <code>make setup</code> 构建，重新启动后即可使用。</p>
<h1 lang="en">The pages have not been built</h1>
<p lang="en">The exchange is running and <a href="/v1/openapi.json">/v1</a> answers. <code>make setup</code> builds
the pages; start the exchange again afterwards.</p>
</body></html>
"""


def add_pages(app: web.Application, files: Mapping[str, BuiltFile]) -> None:
    """Serve these files, the index at `/` too."""
    index = files.get(INDEX)
    _add(app, "/", _not_built if index is None else _serving(index))
    for path, file in files.items():
        _add(app, f"/{path}", _serving(file))


def _add(app: web.Application, path: str, handler: Handler) -> None:
    for method in ("GET", "HEAD"):
        app.router.add_route(method, path, handler)


def _serving(file: BuiltFile) -> Handler:
    caching = FOR_EVER if file.is_immutable else ASK_EACH_TIME
    headers = {
        **SECURITY_HEADERS,
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Content-Type": file.content_type,
        "Cache-Control": caching,
        "ETag": file.etag,
        "Vary": "Accept-Encoding",
    }
    zipped = {**headers, "Content-Encoding": "gzip"}

    async def serve(request: web.Request) -> web.StreamResponse:
        if file.etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=file.compressed, headers=zipped)
        return web.Response(body=file.content, headers=headers)

    return serve


async def _not_built(_: web.Request) -> web.StreamResponse:
    headers = {**SECURITY_HEADERS, "Content-Type": "text/html; charset=utf-8"}
    return web.Response(text=NOT_BUILT, status=503, headers=headers)

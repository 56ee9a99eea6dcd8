"""The contract as it is served: the AsyncAPI document, and the page that shows the OpenAPI document to people.

The page is Swagger UI out of a package, from this exchange and nowhere else, under a policy that lets it load nothing
from anywhere, and run nothing that is not one of its three files.
"""

from functools import cache, partial
from importlib import resources
from typing import Final

import orjson

from gateway.access.limits import ActionKind
from gateway.http.asyncapi import asyncapi_document
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.routing import Call, Reply, Route

# Swagger UI writes style attributes.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE: Final = """\
<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>puhui exchange · API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="contract"></div>
<noscript><a href="/v1/openapi.json">OpenAPI 3.1</a> · <a href="/v1/asyncapi.json">AsyncAPI 3.0</a></noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

# Nothing but reading can be tried out: the page has no key, and none should be typed into it.
_START: Final = """\
SwaggerUIBundle({
  url: "/v1/openapi.json",
  dom_id: "#contract",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  supportedSubmitMethods: ["get"],
  validatorUrl: null
});
"""

_PACKAGED: Final = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
}


async def get_asyncapi(call: Call) -> Reply:
    """The WebSocket's ops, answers and pushes."""
    return Reply(_asyncapi(call.services.public_url))


@cache
def _asyncapi(public_url: str) -> bytes:
    return orjson.dumps(asyncapi_document(public_url))


async def get_page(_: Call) -> Reply:
    """The OpenAPI document for people to read."""
    headers = {"Content-Security-Policy": _POLICY}
    return Reply(_PAGE.encode(), headers=headers, content_type="text/html; charset=utf-8")


async def get_asset(call: Call) -> Reply:
    """A file of that page."""
    name = call.path["asset"]
    if name == "start.js":
        return Reply(_START.encode(), content_type="text/javascript; charset=utf-8")
    if name not in _PACKAGED:
        raise refusal(reasons.NOT_FOUND, actual=name)
    headers = {"Cache-Control": "public, max-age=86400"}
    return Reply(_packaged(name), headers=headers, content_type=_PACKAGED[name])


@cache
def _packaged(name: str) -> bytes:
    (release,) = (resources.files("swagger_ui_bundle") / "vendor").iterdir()
    return (release / name).read_bytes()


_served = partial(Route, method="GET", scope="public", kind=ActionKind.PUBLIC, tag="contract", answer=None)

ROUTES: Final = (
    _served(
        path="/v1/asyncapi.json",
        handler=get_asyncapi,
        summary="The AsyncAPI document",
        content_type="application/json",
    ),
    _served(
        path="/docs", handler=get_page, summary="The OpenAPI document for people", content_type="text/html"
    ),
    _served(
        path="/docs/{asset}",
        handler=get_asset,
        summary="A file of that page",
        content_type="text/javascript",
        also=("text/css",),
        path_parameters={"asset": "^[a-z.-]{1,32}$"},
    ),
)

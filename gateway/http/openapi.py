"""The OpenAPI 3.1 document, written from the route table and the very models that read the requests."""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.http.access.cookies import CSRF_HEADER, PLAIN_COOKIE, SECURE_COOKIE
from gateway.http.refusals.catalogue import CATALOGUE
from gateway.http.routing import NoQuery, Route
from gateway.http.shapes import Problem
from registry_bridge.signing import KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, WINDOW_MS

_REF: Final = "#/components/schemas/{model}"
_PARAMETER: Final = re.compile(r"\{([a-z_]+)\}")

_DESCRIPTION: Final = f"""\
Listed trading and negotiated transfer of Shanghai's carbon-inclusion reductions (碳普惠减排量).

Prices, money and quantities are decimal texts. A 2xx answer is durable. Every state-changing call carries a client
id; the same call again is answered as the first time, with `Idempotent-Replayed: true`. `X-Deadline` is an instant
after which the exchange refuses the request.

Requests are signed: `{SIGNATURE_HEADER}` is the base64 of an Ed25519 or HMAC-SHA256 signature over
`METHOD \\n path-with-query \\n timestamp \\n hex(sha256(body))`, `{TIMESTAMP_HEADER}` is in milliseconds and may be off
by {WINDOW_MS} ms either way, and a signature is accepted once.

People log in with `POST /v1/session` and are known by a cookie, named `{SECURE_COOKIE}` over https; whatever changes
something then carries `{CSRF_HEADER}`, which `GET /v1/session` tells.
"""


def openapi_document(routes: Iterable[Route]) -> dict[str, Any]:
    """The document of these routes."""
    routes = tuple(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation = paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
        links = _links(route, routes)
        if links:
            operation["responses"][str(route.status)]["links"] = links
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "puhui exchange",
            "version": version("puhui-exchange"),
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": _schemas(routes),
            "securitySchemes": {
                "key": _header_scheme(KEY_HEADER),
                "timestamp": _header_scheme(TIMESTAMP_HEADER),
                "signature": _header_scheme(SIGNATURE_HEADER),
                "session": {"type": "apiKey", "in": "cookie", "name": PLAIN_COOKIE},
                "csrf": _header_scheme(CSRF_HEADER),
            },
        },
    }


def _links(route: Route, routes: Iterable[Route]) -> dict[str, Any]:
    """Where the answer leads: what can be done with what was made, by the name of the call."""
    return {
        _operation_id(other): {
            "operationId": _operation_id(other),
            "parameters": {start.rpartition("{")[2].removesuffix("}"): f"$response.body#{pointer}"},
        }
        for start, pointer in route.leads_to.items()
        for other in routes
        if other.path == start or other.path.startswith(f"{start}/")
    }


def _header_scheme(header: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "header", "name": header}


def _models(routes: Iterable[Route]) -> dict[type[BaseModel], str]:
    """Each model and whether it is read or written; in the order of the routes."""
    found: dict[type[BaseModel], str] = {Problem: "serialization"}
    for route in routes:
        if route.body is not None:
            found.setdefault(route.body, "validation")
        if route.answer is not None:
            found.setdefault(route.answer, "serialization")
        if route.or_answer is not None:
            found.setdefault(route.or_answer, "serialization")
        for answer in route.otherwise.values():
            found.setdefault(answer, "serialization")
    return found


def _schemas(routes: Iterable[Route]) -> dict[str, Any]:
    # OrderRequest is named by the batch's schema and brought in by POST /v1/orders.
    modes: Any = [(model, "validation") for model in _models(routes)]
    _, document = models_json_schema(modes, ref_template=_REF)
    schemas: dict[str, Any] = document["$defs"]
    schemas["Problem"]["properties"]["code"]["enum"] = sorted(CATALOGUE)
    return dict(sorted(schemas.items()))


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "description": route.handler.__doc__ or route.summary,
        "tags": [route.tag],
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_headers(route)],
        "responses": _responses(route),
        "security": _security(route),
        "x-scope": str(route.scope),
        "x-or-scopes": sorted(route.or_scopes),
        "x-limit": route.kind.value,
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": not route.body_optional,
            "content": {"application/json": {"schema": _ref(route.body)}},
        }
    return {name: value for name, value in operation.items() if value != []} | {
        "security": operation["security"]
    }


def _security(route: Route) -> list[dict[str, list[str]]]:
    """The ways to show who one is, any of which will do."""
    if route.is_public:
        return []
    signed: dict[str, list[str]] = {"key": [], "timestamp": [], "signature": []}
    logged_in: dict[str, list[str]] = {"session": []}
    if route.method != "GET":
        logged_in["csrf"] = []
    return {"key": [signed], "session": [logged_in], "either": [signed, logged_in]}[route.by]


def _operation_id(route: Route) -> str:
    words = re.findall(r"[a-z0-9]+", route.path.removeprefix("/v1").lower())
    return "_".join((route.method.lower(), *words))


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": route.path_parameters.get(name, ".+")},
        }
        for name in _PARAMETER.findall(route.path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is NoQuery:
        return []
    schema = route.query.model_json_schema(ref_template=_REF)
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _plain(given)}
        for name, given in schema["properties"].items()
    ]


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter is there or not; it is never null."""
    plain = {name: value for name, value in schema.items() if name != "title"}
    choices = [choice for choice in plain.pop("anyOf", ()) if choice != {"type": "null"}]
    if choices:
        assert len(choices) == 1, "a query parameter is of one type"
        plain.update(choices[0])
    if plain.get("default", 0) is None:
        del plain["default"]
    return plain


def _headers(route: Route) -> list[dict[str, Any]]:
    language = {
        "name": "Accept-Language",
        "in": "header",
        "required": False,
        "description": "Of problem documents; Chinese unless English is asked for.",
        "schema": {"type": "string", "examples": ["zh-CN", "en"]},
    }
    if route.method == "GET":
        return [language]
    deadline = {
        "name": "X-Deadline",
        "in": "header",
        "required": False,
        "description": "An instant after which the exchange refuses the request.",
        "schema": {"type": "string", "format": "date-time"},
    }
    return [language, deadline]


def _responses(route: Route) -> dict[str, Any]:
    good: dict[str, Any] = {"description": route.summary}
    if route.answer is not None:
        schema: dict[str, Any] = _ref(route.answer)
        if route.or_answer is not None:
            schema = {"anyOf": [schema, _ref(route.or_answer)]}
        good["content"] = {"application/json": {"schema": schema}}
    else:
        content_type = route.content_type.partition(";")[0]
        kind = "object" if content_type == "application/json" else "string"
        good["content"] = {content_type: {"schema": {"type": kind}}}
    for content_type in (one.partition(";")[0] for one in route.also):
        good["content"][content_type] = {"schema": {"type": "string"}}
    problem = {
        "description": "A problem; its code is one of GET /v1/errors.",
        "content": {"application/problem+json": {"schema": _ref(Problem)}},
    }
    others = {
        str(status): {
            "description": (answer.__doc__ or answer.__name__).strip(),
            "content": {"application/json": {"schema": _ref(answer)}},
        }
        for status, answer in route.otherwise.items()
    }
    return {str(route.status): good, **others, "default": problem}

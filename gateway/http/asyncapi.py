"""The AsyncAPI 3.0 document of the WebSocket, written from the very models that read its requests."""

import re
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.http.shapes import Problem
from gateway.http.stream.ops import OPS, PageLogon
from gateway.http.stream.shapes import PUSHES, RESULTS

_REF: Final = "#/components/schemas/{model}"
_CHANNEL: Final = "#/channels/stream"
_REFUSED: Final = "refused"

_DESCRIPTION: Final = """\
One connection carries JSON texts both ways. Requests have an `op` and an `id` of the client's choosing, which comes back
with the answer; answers may overtake each other, orders enter the exchange in the order they are sent. Everything that
has `ch` instead of `id` is a push of a channel. The figures and rules are those of the OpenAPI document.
"""


def asyncapi_document(public_url: str) -> dict[str, Any]:
    """The document of the exchange that is reached there."""
    url = urlsplit(public_url)
    messages = {**_requests(), **_answers(), **_pushes()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "puhui exchange",
            "version": version("puhui-exchange"),
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "servers": {
            "exchange": {
                "host": url.netloc,
                "protocol": "wss" if url.scheme == "https" else "ws",
                "description": "Requests are signed once, by `logon`.",
            }
        },
        "defaultContentType": "application/json",
        "channels": {
            "stream": {
                "address": "/v1/ws",
                "servers": [{"$ref": "#/servers/exchange"}],
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {**_asked(), **_told()},
        "components": {"messages": messages, "schemas": _schemas()},
    }


def _schemas() -> dict[str, Any]:
    read = [(model, "validation") for model in (*OPS.values(), PageLogon)]
    pushed = [model for models in PUSHES.values() for model in models]
    # Written answers are described as they are read: they have no default that a client could leave out.
    written = [(model, "validation") for model in dict.fromkeys((*RESULTS.values(), *pushed, Problem))]
    modes: Any = [*read, *written]
    _, document = models_json_schema(modes, ref_template=_REF)
    schemas: dict[str, Any] = document["$defs"]
    return dict(sorted(schemas.items()))


def _name(op: str) -> str:
    return re.sub(r"[^a-z]+", "_", op)


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _message(name: str, summary: str | None, payload: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "summary": (summary or name).strip().partition("\n")[0], "payload": payload}


def _requests() -> dict[str, Any]:
    found = {_name(op): _message(op, model.__doc__, _ref(model)) for op, model in OPS.items()}
    found["logon"]["payload"] = {"anyOf": [_ref(OPS["logon"]), _ref(PageLogon)]}
    return found


def _answers() -> dict[str, Any]:
    done = {
        f"{_name(op)}_done": _message(f"{op} done", model.__doc__, _answer(ok=True, result=_ref(model)))
        for op, model in RESULTS.items()
    }
    refused = _message(
        _REFUSED, "Nothing was done, or `state` says what is known", _answer(ok=False, error=_ref(Problem))
    )
    return {**done, _REFUSED: refused}


def _answer(*, ok: bool, **carried: dict[str, str]) -> dict[str, Any]:
    request_id = {"type": ["string", "integer", "null"], "description": "The request's own."}
    return {
        "type": "object",
        "required": ["id", "ok", *carried],
        "properties": {"id": request_id, "ok": {"const": ok}, **carried},
    }


def _pushes() -> dict[str, Any]:
    return {
        f"{channel}_push": _message(channel, models[0].__doc__, {"anyOf": [_ref(model) for model in models]})
        for channel, models in PUSHES.items()
    }


def _of(*names: str) -> list[dict[str, str]]:
    return [{"$ref": f"{_CHANNEL}/messages/{name}"} for name in names]


def _asked() -> dict[str, Any]:
    return {
        _name(op): {
            "action": "receive",
            "channel": {"$ref": _CHANNEL},
            "summary": (model.__doc__ or op).strip().partition("\n")[0],
            "messages": _of(_name(op)),
            "reply": {"channel": {"$ref": _CHANNEL}, "messages": _of(f"{_name(op)}_done", _REFUSED)},
        }
        for op, model in OPS.items()
    }


def _told() -> dict[str, Any]:
    return {
        f"push_{channel}": {
            "action": "send",
            "channel": {"$ref": _CHANNEL},
            "summary": f"What is pushed of the channel `{channel}`",
            "messages": _of(f"{channel}_push"),
        }
        for channel in PUSHES
    }

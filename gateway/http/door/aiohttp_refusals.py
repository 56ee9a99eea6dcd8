"""What aiohttp refuses by itself, in our own words: before there is a request, or before any route has seen it."""

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from gateway.http.bounds import Bounds
from gateway.http.refusals import door_reasons, reasons
from gateway.http.refusals.problems import Refused, refusal


def why_not_taken(error: web.HTTPException, request: web.BaseRequest) -> Refused:
    """Of a request that no route was asked about: its target has no path, as that of CONNECT, or it expects too much."""
    if isinstance(error, web.HTTPExpectationFailed):
        expected = request.headers.get("Expect", "")[:64]
        return refusal(reasons.HTTP_MALFORMED, actual=expected, header="Expect")
    return refusal(reasons.NOT_FOUND, actual=request.raw_path[:64])


def why_malformed(exc: BaseException | None, bounds: Bounds) -> Refused:
    """Of bytes that are no HTTP, or not within the bounds."""
    if isinstance(exc, LineTooLong):
        # aiohttp tells the two apart by nothing but the limit that was passed.
        if exc.args[1] == bounds.url_bytes:
            return refusal(door_reasons.URL_TOO_LONG, limit=bounds.url_bytes)
        return refusal(door_reasons.HEADERS_TOO_LARGE, limit=f"{bounds.header_line_bytes} bytes")
    if "Too many headers" in str(exc):
        return refusal(door_reasons.HEADERS_TOO_LARGE, limit=str(bounds.header_lines))
    return refusal(reasons.HTTP_MALFORMED, actual=type(exc).__name__)

"""One exchange for all tests of a module."""

from tests.gateway.http.conftest import shared

__all__ = ["shared"]

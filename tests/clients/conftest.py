"""One exchange for all tests of a module."""

from tests.gateway.http.conftest import module_database, shared

__all__ = ["module_database", "shared"]

"""The web terminal as it is served: `built` is made from `web/` by `make setup` and carried by the wheel."""

"""The reference registry: the platform's side of the protocol, its own process with its own database."""

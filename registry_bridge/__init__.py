"""The line to the registry platform: the port, its client, the outbox driver and the reference registry."""

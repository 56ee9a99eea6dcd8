"""PostgreSQL for the exchange: a private embedded server, numbered migrations, and database creation.

With a DSN the exchange uses the server it names; without one it starts `EmbeddedPostgres`. Nothing else in
the project knows which of the two it talks to.
"""

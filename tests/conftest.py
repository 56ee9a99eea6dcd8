"""What every test shares."""

pytest_plugins = ["tests.postgres_fixture"]

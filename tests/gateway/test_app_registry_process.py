"""The reference registry's process sees of our environment what it needs, and none of our secrets."""

from gateway.registry_process import passed_on


def test_our_database_is_not_for_the_child() -> None:
    ours = {
        "PUHUI_DATABASE_URL": "postgresql://exchange:secret@db/exchange",
        "PUHUI_SECRET_FILE": "/keys",
        "PGPASSWORD": "secret",
        "PATH": "/usr/bin",
        "LC_ALL": "zh_CN.UTF-8",
        "PUHUI_LOG": "json",
        "XDG_RUNTIME_DIR": "/run/user/1000",
    }
    assert passed_on(ours) == {
        "PATH": "/usr/bin",
        "LC_ALL": "zh_CN.UTF-8",
        "PUHUI_LOG": "json",
        "XDG_RUNTIME_DIR": "/run/user/1000",
    }

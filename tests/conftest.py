"""What every test shares."""

import signal

pytest_plugins = ["tests.postgres_fixture"]

# A shell that starts a job in the background has it ignore Ctrl-C, and all it starts inherit that: the processes under
# test are stopped by SIGINT, as a user would, wherever the suite was started from.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

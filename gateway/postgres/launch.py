"""Become PostgreSQL: a program of its own, run by path, that gives up root and turns into the server.

It asks the kernel for SIGINT (a clean, fast shutdown) when its parent dies, so that killing the exchange, even
with SIGKILL, never leaves a server behind. That request is lost whenever the uid changes and kept over exec, so
it has to be made here, between the two; a hook run in a fork of the exchange would be no place for it, since
forking a program that has threads may leave the child waiting on a lock for ever.

Arguments: pid of the parent, uid, gid, the program and its arguments. Only the standard library is available.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PARENT_GONE_STATUS = 70


def main(arguments: list[str]) -> None:
    """Change user, tie this process to its parent, and execute the program in its place."""
    parent_pid, uid, gid = (int(argument) for argument in arguments[:3])
    program = arguments[3:]
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:
        # It died before we asked, and nothing would ever tell us.
        sys.exit(PARENT_GONE_STATUS)
    os.execv(program[0], program)  # noqa: S606  # the arguments are the exchange's own


if __name__ == "__main__":
    main(sys.argv[1:])

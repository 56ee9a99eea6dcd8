"""What the service manager that started the process is told: that it is ready, and that it stops (sd_notify).

The protocol is one datagram to the socket that systemd names in NOTIFY_SOCKET; without that variable nobody listens.
"""

import os
import socket
from typing import Final, Literal

VARIABLE: Final = "NOTIFY_SOCKET"

State = Literal["READY=1", "STOPPING=1"]


def notify(state: State) -> None:
    """Tell the service manager, if there is one.

    Raises:
        OSError: it named a socket and cannot be reached.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return
    address = f"\0{name[1:]}" if name.startswith("@") else name  # an abstract one, as systemd writes it
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
        line.sendto(state.encode(), address)

"""Which handler of the REST routes each op of negotiated transfers goes to."""

from typing import Final

from gateway.http.negotiated import transfers as negotiated
from gateway.http.routing import Handler
from gateway.http.stream.ops import (
    ConfirmOp,
    CounterOp,
    DeclineOp,
    FileOp,
    NegotiatedOp,
    WithdrawOp,
)

NEGOTIATED: Final[dict[type[NegotiatedOp], Handler]] = {
    FileOp: negotiated.file_transfer,
    ConfirmOp: negotiated.confirm_transfer,
    CounterOp: negotiated.counter_transfer,
    DeclineOp: negotiated.decline_transfer,
    WithdrawOp: negotiated.withdraw_transfer,
}

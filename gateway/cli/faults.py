"""Everything that makes a command end with another status than 0, told in one way.

Status 1: it was not done, and the message says why. Status 2: the command line could not be understood. Status 3: it
is not known whether it was done, and the message says how to find out. Status 4: it waits for a second person.
"""

from typing import Any, Final

from gateway.cli.words import say
from matching.access import AccessDeed

NOT_DONE: Final = 1
NOT_KNOWN: Final = 3
WAITS: Final = 4


class CommandFault(Exception):  # noqa: N818 - it states a fact
    """Something the person at the keyboard can do something about."""

    status = NOT_DONE

    def as_json(self) -> dict[str, Any]:
        """The fault for a program to read."""
        return {"code": "command_fault", "detail": str(self)}


class ServerSilent(CommandFault):
    """The exchange could not be reached, or gave no answer in time."""

    def as_json(self) -> dict[str, Any]:
        """The fault for a program to read."""
        return {"code": "no_answer", "detail": str(self), "retryable": True}


class Waiting(CommandFault):
    """It was taken, and is done only when a second person approves."""

    status = WAITS

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        number, act = answer["approval"]["id"], answer["approval"]["act"]
        approve = f"puhui operator approve {number}"
        use = f"puhui operator permit use {number}"
        then = (
            say(f"; 同意后由本人办理: {use}", f"; then do it yourself: {use}")
            if act in set(AccessDeed)
            else ""
        )
        super().__init__(
            say(f"等待另一人复核: {approve}", f"it waits for a second person to approve: {approve}") + then
        )

    def as_json(self) -> dict[str, Any]:
        """The exchange's own answer."""
        return self.answer


class OutcomeUnknown(CommandFault):
    """It was sent, and what became of it could not be learnt."""

    status = NOT_KNOWN

    def __init__(self, client_id: str, look_up: str) -> None:
        self.client_id = client_id
        self.look_up = look_up
        super().__init__(
            say(
                f"请求已发出但未得到答复, 结果未知. 请勿换新编号重发; 查询: {look_up}",
                f"it was sent and no answer came, so its outcome is unknown. Do not send it under a new id; ask: {look_up}",
            )
        )

    def as_json(self) -> dict[str, Any]:
        """The fault for a program to read."""
        return {
            "code": "outcome_unknown",
            "state": "unknown",
            "client_id": self.client_id,
            "look_up": self.look_up,
        }


class Refused(CommandFault):
    """The exchange said no: its problem document, with code, sentence and figures."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.http_status = status
        self.problem = problem
        super().__init__(_sentence(status, problem))

    @property
    def code(self) -> str:
        """The stable code of the refusal."""
        return str(self.problem.get("code", f"http_{self.http_status}"))

    @property
    def may_be_sent_again(self) -> bool:
        """Whether the exchange says that nothing was done, and that the same request may succeed later."""
        return self.problem.get("retryable") is True and self._state == "not_accepted"

    @property
    def outcome_is_known(self) -> bool:
        """Whether nothing can have come of it."""
        return self._state != "unknown"

    @property
    def _state(self) -> str:
        return str(self.problem.get("state", "not_accepted"))

    def as_json(self) -> dict[str, Any]:
        """The fault for a program to read: the problem document as it came."""
        return self.problem


def _sentence(status: int, problem: dict[str, Any]) -> str:
    text = str(
        problem.get("detail") or problem.get("title") or say("请求未被接受", "the request was not accepted")
    )
    lines = [f"{text} [{problem.get('code', status)}]"]
    errors = problem.get("errors") or ()
    # One fault is told by the sentence, figures included.
    for error in errors if len(errors) > 1 else ():
        figures = [
            f"{name} {error[key]}"
            for key, name in (("limit", say("限值", "limit")), ("actual", say("实际", "actual")))
            if error.get(key) is not None
        ]
        about = " ".join(str(error[key]) for key in ("pointer", "code") if error.get(key))
        lines.append("  " + ": ".join(part for part in (about, ", ".join(figures)) if part))
    if problem.get("request_id"):
        lines.append(f"  {say('请求编号', 'request')} {problem['request_id']}")
    return "\n".join(lines)

"""What an account has to use up, as a picture that the core's own functions judge: so quotes and decisions agree."""

from gateway.engine.views.account_views import AccountView, BalanceView
from gateway.engine.views.views import Views
from matching.rejections import ACCOUNT_RESTRICTED
from settlement.choice import HeldLot, Picture, Stock, Wanted
from settlement.custody_rejections import ACCOUNT_FROZEN
from settlement.offset import Quote, quote
from settlement.rejections import Rejection
from settlement.values import AccountId, AssetCode, LotId, ParticipantId


def picture_of(views: Views, account: AccountView) -> Picture:
    """The account as it stands in the views."""
    kind = views.participants.get(account.owner)
    assert kind is not None, f"{account.account} belongs to {account.owner}, who was never admitted"
    lots = (
        HeldLot(lot=line.lot, serials=line.free, frozen=line.frozen)
        for line in views.lots(account.account)
        if line.free or line.frozen
    )
    return Picture(
        account=AccountId(account.account),
        entity=ParticipantId(account.owner),
        kind=kind,
        earmarked=account.earmark is not None,
        blocked=_blocked(views, account),
        lots=tuple(sorted(lots, key=lambda held: held.lot.instrument)),
        stocks={AssetCode(code): _stock(balance) for code, balance in sorted(account.units.items())},
        classes={AssetCode(code): found for code, found in views.instruments.items()},
        known={LotId(name): lot for name, lot in views.lots_known.items()},
        retired=views.uses.retired,
    )


def _blocked(views: Views, account: AccountView) -> Rejection | None:
    """Why the account may do nothing with its units at present."""
    if account.restriction is not None:
        return ACCOUNT_RESTRICTED.because(actual=account.account)
    if views.custody.stops(account.registry_account):
        return ACCOUNT_FROZEN.because(actual=account.account)
    return None


def _stock(balance: BalanceView) -> Stock:
    return Stock(
        available=balance.available,
        locked=balance.locked,
        committed=balance.held + balance.delivering,
        incoming=balance.incoming,
        frozen=balance.frozen,
    )


def quote_of(views: Views, account: AccountView, year: int, wanted: Wanted, at_ns: int) -> Quote:
    """What a submission of this would be answered at that moment."""
    rules = views.rules(at_ns)
    channels = () if rules is None else rules.use_channels
    standing = views.uses.standing(account.owner, year, at_ns)
    return quote(wanted, picture_of(views, account), standing, channels, at_ns)

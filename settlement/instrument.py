"""An instrument: the code under which units of one methodology class are interchangeable, such as SHCERCIR1."""

from dataclasses import dataclass

from settlement.lot import MethodologyClass
from settlement.values import AssetCode


@dataclass(frozen=True, kw_only=True, slots=True)
class Instrument:
    """One code of one class: a code that mixed classes could smuggle Class II into a compliance use."""

    code: AssetCode
    methodology_class: MethodologyClass

"""Every reason for which settlement refuses anything, in one list."""

from typing import Final

from settlement import cash_rejections, custody_rejections, mandate_rejections, rejections, use_rejections

REASONS: Final = (
    *rejections.REASONS,
    *cash_rejections.REASONS,
    *custody_rejections.REASONS,
    *mandate_rejections.REASONS,
    *use_rejections.USE_REASONS,
)
"""Written beside the guards that give them, read together by whoever serves or tests them all."""

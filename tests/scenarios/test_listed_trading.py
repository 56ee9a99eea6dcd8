"""Listed trading (挂牌交易), rule by rule, in tables for a trader to review.

Where the local rule is not published in full, the sentence follows the nearest official text, which is named.
"""

from tests.scenarios.table import play


def test_price_comes_before_time_and_time_before_size() -> None:
    """Automatic price-time matching. Source: SEEE local market, 系统自动撮合; order of priority as in the PHCER
    trading rules (price first, then time).
    """
    play("""
        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  alan |      0.00 |   100
                  amy  |      0.00 |   100
                  ben  | 10,000.00 |     0

        orders: time  | who  | order              | outcome
                09:30 | anna | sell 10 at 68.50   | rests 10
                09:31 | alan | sell 90 at 68.50   | rests 90
                09:32 | amy  | sell 5 at 68.40    | rests 5

        book: buy | price | sell
                  | 68.50 | anna 10, alan 90
                  | 68.40 | amy 5

        orders: time  | who | order             | outcome
                09:33 | ben | buy 20 at 68.50   | trades 5 at 68.40 with amy, trades 10 at 68.50 with anna, trades 5 at 68.50 with alan

        book: buy | price | sell
                  | 68.50 | alan 85
    """)


def test_a_trade_is_at_the_resting_orders_price_and_the_surplus_returns_at_once() -> None:
    """Source: national rules (SEEE, listed agreement) and PHCER: the price is that of the order already there.
    What a buyer had set aside above it can be used for the next order immediately.
    """
    play("""
        accounts: who  | cash   | units
                  anna |   0.00 |    10
                  ben  | 700.00 |     0

        orders: who  | order             | outcome
                anna | sell 10 at 68.00  | rests 10
                ben  | buy 10 at 70.00   | trades 10 at 68.00 with anna

        accounts: who  | cash  | cash held | cash due | units | units held | units due
                  anna |  0.00 |      0.00 |     0.00 |     0 |          0 |        10
                  ben  | 20.00 |      0.00 |   680.00 |     0 |          0 |         0
    """)


def test_a_seller_who_takes_a_bid_gets_the_bids_price() -> None:
    """The same rule the other way round. Source: as above."""
    play("""
        accounts: who  | cash   | units
                  anna |   0.00 |    10
                  ben  | 700.00 |     0

        orders: who  | order             | outcome
                ben  | buy 10 at 70.00   | rests 10
                anna | sell 10 at 66.00  | trades 10 at 70.00 with ben

        accounts: who  | cash | cash held | cash due
                  ben  | 0.00 |      0.00 |   700.00
    """)


def test_the_unfilled_part_rests_keeps_its_place_and_can_be_taken_back() -> None:
    """Source: PHCER: units or funds are frozen on submission, the unfilled part may be cancelled at any time."""
    play("""
        accounts: who  | cash     | units
                  anna |     0.00 |    30
                  alan |     0.00 |    30
                  ben  | 3,000.00 |     0

        orders: who  | order             | outcome
                anna | sell 20 at 68.00  | rests 20
                alan | sell 30 at 68.00  | rests 30
                ben  | buy 15 at 68.00   | trades 15 at 68.00 with anna

        book: buy | price | sell
                  | 68.00 | anna 5, alan 30

        orders: who  | order             | outcome
                ben  | buy 10 at 68.00   | trades 5 at 68.00 with anna, trades 5 at 68.00 with alan
                alan | cancel            | cancels 25

        book: buy | price | sell

        accounts: who  | units | units held | units due
                  anna |    10 |          0 |        20
                  alan |    25 |          0 |         5
    """)


def test_an_incoming_order_larger_than_the_book_stands_with_its_rest() -> None:
    """Source: as above; an order is valid for the day."""
    play("""
        accounts: who  | cash     | units
                  anna |     0.00 |     4
                  ben  | 1,000.00 |     0

        orders: who  | order             | outcome
                anna | sell 4 at 67.00   | rests 4
                ben  | buy 10 at 68.00   | trades 4 at 67.00 with anna, rests 6

        book: buy   | price | sell
              ben 6 | 68.00 |

        accounts: who  | cash   | cash held | cash due
                  ben  | 324.00 |    408.00 |   268.00
    """)


def test_immediate_or_cancel_leaves_nothing_in_the_book() -> None:
    """Exchange rule: an IOC order trades what it can at once; the rest is cancelled and its cover returned."""
    play("""
        accounts: who  | cash     | units
                  anna |     0.00 |     4
                  ben  | 1,000.00 |     0

        orders: who  | order                | outcome
                anna | sell 4 at 67.00      | rests 4
                ben  | buy 10 at 68.00 ioc  | trades 4 at 67.00 with anna, cancels 6

        book: buy | price | sell

        accounts: who  | cash   | cash held | cash due
                  ben  | 732.00 |      0.00 |   268.00
    """)


def test_fill_or_kill_trades_all_of_itself_or_nothing() -> None:
    """Exchange rule: a FOK order that cannot trade in full within its limit does not trade at all."""
    play("""
        accounts: who  | cash     | units
                  anna |     0.00 |    10
                  ben  | 1,000.00 |     0

        orders: who  | order                | outcome
                anna | sell 4 at 67.00      | rests 4
                anna | sell 6 at 68.10      | rests 6
                ben  | buy 10 at 68.00 fok  | cancels 10

        book: buy | price | sell
                  | 68.10 | anna 6
                  | 67.00 | anna 4

        orders: who  | order                | outcome
                ben  | buy 10 at 68.10 fok  | trades 4 at 67.00 with anna, trades 6 at 68.10 with anna

        accounts: who  | cash   | cash held | cash due
                  ben  | 323.40 |      0.00 |   676.60
    """)


def test_prices_stay_within_ten_per_cent_of_the_last_close() -> None:
    """Source: SEEE local market, band of 10 % since 2015-06-15; the band holds against the announced reference
    from the first trade on, as on the national market's first day (48.00, first trade 52.78, limit 52.80).
    """
    play("""
        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  ben  | 10,000.00 |     0

        orders: who  | order           | outcome
                ben  | buy 1 at 61.19  | refused: price_outside_band 61.20 to 74.80
                ben  | buy 1 at 61.20  | rests 1
                anna | sell 1 at 74.80 | rests 1
                anna | sell 1 at 74.81 | refused: price_outside_band 61.20 to 74.80
    """)


def test_band_edges_are_rounded_half_up_to_the_tick() -> None:
    """Source: Hubei rounds band edges half up to the tick. The second day's reference is 68.05, whose edges are
    61.245 and 74.855.
    """
    play("""
        rules: parameter             | value
               close_threshold_tonnes | 0

        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  ben  | 10,000.00 |     0

        orders: who  | order            | outcome
                anna | sell 10 at 68.05 | rests 10
                ben  | buy 10 at 68.05  | trades 10 at 68.05 with anna

        close: what          | value
               closing price | 68.05
               next band     | 61.25 to 74.86

        orders: who  | order           | outcome
                ben  | buy 1 at 61.24  | refused: price_outside_band 61.25 to 74.86
                anna | sell 1 at 74.86 | rests 1
    """)


def test_band_edges_may_be_rounded_inward_instead() -> None:
    """Exchange rule, the other choice of `band_rounding`: no price is ever outside the exact ten per cent."""
    play("""
        rules: parameter              | value
               close_threshold_tonnes | 0
               band_rounding          | inward

        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  ben  | 10,000.00 |     0

        orders: who  | order            | outcome
                anna | sell 10 at 68.05 | rests 10
                ben  | buy 10 at 68.05  | trades 10 at 68.05 with anna

        close: what          | value
               next band     | 61.25 to 74.85
    """)


def test_listed_orders_are_below_a_hundred_thousand_tonnes() -> None:
    """Source: SEEE local market: listed trading below 100,000 t, larger amounts by negotiated transfer; one tonne
    at least, as in PHCER.
    """
    play("""
        accounts: who  | cash | units
                  anna | 0.00 | 200000

        orders: who  | order                | outcome
                anna | sell 100000 at 68.00 | refused: quantity_above_maximum
                anna | sell 99999 at 68.00  | rests 99999
                anna | sell 0 at 68.00      | refused: quantity_below_minimum
    """)


def test_every_order_is_covered_in_full_before_it_stands() -> None:
    """Exchange rule: full prefunding and no short sales; cover of one order cannot serve another."""
    play("""
        accounts: who  | cash   | units
                  anna |   0.00 |    10
                  ben  | 680.00 |     0

        orders: who  | order            | outcome
                ben  | buy 11 at 68.00  | refused: insufficient_cash
                ben  | buy 10 at 68.00  | rests 10
                ben  | buy 1 at 61.20   | refused: insufficient_cash
                anna | sell 11 at 74.00 | refused: insufficient_units
                anna | sell 10 at 74.00 | rests 10
                anna | sell 1 at 74.00  | refused: insufficient_units
                ben  | deposit 61.20    | booked
                ben  | buy 1 at 61.20   | rests 1

        accounts: who  | cash | cash held | units | units held
                  anna | 0.00 |      0.00 |     0 |         10
                  ben  | 0.00 |    741.20 |     0 |          0
    """)


def test_nobody_trades_with_themselves() -> None:
    """Exchange rule `self_trade`: an order that would meet one of the same owner is refused, also between two
    accounts of that owner, and the book stays as it was.
    """
    play("""
        accounts: who    | cash     | units
                  anna   |     0.00 |    10
                  cara-1 |     0.00 |    10
                  cara-2 | 2,000.00 |     0

        orders: who    | order            | outcome
                anna   | sell 5 at 67.00  | rests 5
                cara-1 | sell 5 at 68.00  | rests 5
                cara-2 | buy 10 at 68.00  | refused: self_trade
                cara-2 | buy 5 at 68.00   | trades 5 at 67.00 with anna
                cara-2 | buy 5 at 68.00   | refused: self_trade
                cara-2 | buy 5 at 67.99   | rests 5

        book: buy      | price | sell
                       | 68.00 | cara-1 5
              cara-2 5 | 67.99 |
    """)


def test_listed_orders_keep_shanghai_hours() -> None:
    """Source: SEEE local market: listed trading 9:30-11:30 and 13:00-14:00, negotiated transfer 14:00-15:00.
    An order may be taken back outside listed hours, but not during the close.
    """
    play("""
        rules: parameter      | value
               hours          | pre_open 09:15-09:30; listed 09:30-11:30; break 11:30-13:00; listed 13:00-14:00; negotiated 14:00-15:00
               close_by_clock | yes

        accounts: who  | cash | units
                  anna | 0.00 |    10

        orders: time  | who  | order           | outcome
                09:29 | anna | sell 1 at 68.00 | refused: phase_closed
                09:30 | anna | sell 1 at 68.00 | rests 1
                11:29 | anna | sell 2 at 69.00 | rests 2
                11:30 | anna | sell 1 at 68.00 | refused: phase_closed
                12:00 | anna | cancel          | cancels 1, cancels 2
                13:00 | anna | sell 3 at 68.00 | rests 3
                13:59 | anna | sell 1 at 68.00 | rests 1
                14:00 | anna | sell 1 at 68.00 | refused: phase_closed
                15:00 | anna | cancel          | refused: phase_closed

        close: what     | value
               expires  | anna 3, anna 1
               next day | 2026-11-24

        accounts: who  | units | units held
                  anna |    10 |          0
    """)

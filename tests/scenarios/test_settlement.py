"""The end of a trading day and what comes in from the registry, in tables for a trader to review."""

from tests.scenarios.table import play


def test_delivery_versus_payment_at_the_close_of_the_day() -> None:
    """货银对付, trade by trade and once after the close (逐笔全额清算、统一交收). Source: settlement rules of the
    national market. Until the registry confirms, neither side has the other's; then both change in one step.
    """
    play("""
        accounts: who  | cash     | units
                  anna |     0.00 |   100
                  ben  | 2,000.00 |     0

        orders: who  | order             | outcome
                anna | sell 10 at 68.00  | rests 10
                ben  | buy 10 at 69.00   | trades 10 at 68.00 with anna
                ben  | sell 1 at 68.00   | refused: insufficient_units

        accounts: who  | cash     | cash due | units | units due
                  anna |     0.00 |     0.00 |    90 |        10
                  ben  | 1,320.00 |   680.00 |     0 |         0

        close: what           | value
               settles trade  | 1
               fails trade    |
               movements asked| 1
               next day       | 2026-11-24

        accounts: who  | cash     | cash due | units | units due
                  anna |   680.00 |     0.00 |    90 |         0
                  ben  | 1,320.00 |     0.00 |    10 |         0

        orders: who  | order            | outcome
                ben  | sell 10 at 68.00 | rests 10
    """)


def test_a_delivery_the_registry_refuses_goes_back_to_both_and_stops_no_other() -> None:
    """Source: Measures 2023, Art. 41: a reduction is what the platform has registered, so its record decides. Units
    and money of the refused trade return to their owners; all other deliveries of the same movement settle.
    """
    play("""
        accounts: who  | cash     | units
                  anna |     0.00 |    20
                  alan |     0.00 |    20
                  ben  | 5,000.00 |     0

        orders: who  | order             | outcome
                anna | sell 10 at 68.00  | rests 10
                alan | sell 10 at 69.00  | rests 10
                anna | sell 5 at 70.00   | rests 5
                ben  | buy 25 at 70.00   | trades 10 at 68.00 with anna, trades 10 at 69.00 with alan, trades 5 at 70.00 with anna

        close: what                   | value
               registry refuses trade | 2
               settles trade          | 1 3
               fails trade            | 2
               movements asked        | 2

        accounts: who  | cash     | cash held | cash due | units | units held | units due
                  anna | 1,030.00 |      0.00 |     0.00 |     5 |          0 |         0
                  alan |     0.00 |      0.00 |     0.00 |    20 |          0 |         0
                  ben  | 3,970.00 |      0.00 |     0.00 |    15 |          0 |         0
    """)


def test_what_is_still_open_expires_with_the_day_and_its_cover_returns() -> None:
    """Source: national rules: an order is valid for the day and lapses at the close."""
    play("""
        accounts: who  | cash     | units
                  anna |     0.00 |    20
                  ben  | 2,000.00 |     0

        orders: who  | order             | outcome
                anna | sell 15 at 70.00  | rests 15
                ben  | buy 20 at 66.00   | rests 20
                anna | sell 5 at 66.00   | trades 5 at 66.00 with ben

        accounts: who  | cash   | cash held | cash due | units | units held | units due
                  anna |   0.00 |      0.00 |     0.00 |     0 |         15 |         5
                  ben  | 680.00 |    990.00 |   330.00 |     0 |          0 |         0

        close: what    | value
               expires | anna 15, ben 15

        book: buy | price | sell

        accounts: who  | cash     | cash held | cash due | units | units held | units due
                  anna |   330.00 |      0.00 |     0.00 |    15 |          0 |         0
                  ben  | 1,670.00 |      0.00 |     0.00 |     5 |          0 |         0
    """)


def test_a_thin_day_keeps_the_previous_close() -> None:
    """Source: Guangdong's rule of 2018-07-31 for PHCER: up to 100 t listed volume the previous close stands."""
    play("""
        accounts: who  | cash      | units
                  anna |      0.00 |   200
                  ben  | 20,000.00 |     0

        orders: who  | order              | outcome
                anna | sell 100 at 74.80  | rests 100
                ben  | buy 100 at 74.80   | trades 100 at 74.80 with anna

        close: what          | value
               volume        | 100
               closing price | 68.00
               next band     | 61.20 to 74.80
    """)


def test_above_the_threshold_the_close_is_the_average_weighted_by_volume() -> None:
    """Source: national rules and PHCER: volume-weighted average of all listed trades of the day; here
    (100 × 74.80 + 1 × 70.00) / 101 = 74.752…, rounded half up to 74.75.
    """
    play("""
        accounts: who  | cash      | units
                  anna |      0.00 |   200
                  ben  | 20,000.00 |     0

        orders: who  | order              | outcome
                anna | sell 100 at 74.80  | rests 100
                ben  | buy 100 at 74.80   | trades 100 at 74.80 with anna
                anna | sell 1 at 70.00    | rests 1
                ben  | buy 1 at 70.00     | trades 1 at 70.00 with anna

        close: what          | value
               volume        | 101
               closing price | 74.75
               next band     | 67.28 to 82.23
    """)


def test_a_day_without_a_trade_keeps_the_previous_close() -> None:
    """Source: national rules: with no trade the close is the previous close."""
    play("""
        rules: parameter              | value
               close_threshold_tonnes | 0

        accounts: who  | cash     | units
                  anna |     0.00 |    10

        orders: who  | order            | outcome
                anna | sell 10 at 74.00 | rests 10

        close: what          | value
               expires       | anna 10
               volume        | 0
               closing price | 68.00
    """)


def test_nothing_can_be_sold_before_its_transfer_in_is_confirmed() -> None:
    """Source: Shanghai practice: holdings move between a management (管理科目) and a trading sub-account (交易科目),
    and only the latter can be sold from; Measures 2023, Art. 9: the platform moves them. A refusal changes nothing.
    """
    play("""
        accounts: who  | cash | units
                  anna | 0.00 |     0
                  alan | 0.00 |     0

        orders: who      | order            | outcome
                anna     | transfer in 50   | asks the registry for 50
                anna     | sell 1 at 68.00  | refused: insufficient_units
                registry | confirms anna    | 50 arrive
                anna     | sell 50 at 68.00 | rests 50
                alan     | transfer in 20   | asks the registry for 20
                registry | refuses alan     | nothing arrives: frozen
                alan     | sell 1 at 68.00  | refused: insufficient_units

        accounts: who  | units | units held
                  anna |     0 |         50
                  alan |     0 |          0
    """)


def test_bought_units_can_be_sold_the_next_day_and_not_before() -> None:
    """Source: national rules: units bought cannot be sold again the same day (T+1 for units)."""
    play("""
        accounts: who  | cash      | units
                  anna |      0.00 |    10
                  ben  |  1,000.00 |     0
                  cara |  1,000.00 |     0

        orders: who  | order            | outcome
                anna | sell 10 at 68.00 | rests 10
                ben  | buy 10 at 68.00  | trades 10 at 68.00 with anna
                ben  | sell 10 at 70.00 | refused: insufficient_units

        close: what          | value
               settles trade | 1
               next day      | 2026-11-24

        orders: who  | order            | outcome
                ben  | sell 10 at 70.00 | rests 10
                cara | buy 10 at 70.00  | trades 10 at 70.00 with ben

        close: what          | value
               settles trade | 2
               next day      | 2026-11-25

        accounts: who  | cash   | units
                  anna | 680.00 |     0
                  ben  | 1,020.00 |   0
                  cara | 300.00 |    10
    """)

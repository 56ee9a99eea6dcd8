"""Changing orders and the operator's controls, rule by rule, in tables for a trader to review.

Where the local rule is not published in full, the sentence follows the nearest official text, which is named, or says
that the rule is the exchange's own setting.
"""

from tests.scenarios.table import play

# ---- changing an order --------------------------------------------------------------------------------------------


def test_an_order_made_smaller_at_its_price_keeps_its_place() -> None:
    """Exchange rule: whoever only asks for less takes nothing from those who wait behind. The price-time order itself
    is the local market's, 系统自动撮合.
    """
    play("""
        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  alan |      0.00 |   100
                  ben  | 10,000.00 |     0

        orders: time  | who  | order                      | outcome
                09:30 | anna | sell 10 at 68.00           | rests 10
                09:31 | alan | sell 10 at 68.00           | rests 10
                09:32 | anna | replace 68.00 by 4 at 68.00 | keeps its place

        book: buy | price | sell
                  | 68.00 | anna 4, alan 10

        accounts: who  | units | units held
                  anna |    96 |          4

        orders: time  | who | order            | outcome
                09:33 | ben | buy 5 at 68.00   | trades 4 at 68.00 with anna, trades 1 at 68.00 with alan
    """)


def test_an_order_made_larger_or_given_another_price_goes_to_the_end_of_the_queue() -> None:
    """The same rule the other way round: whoever asks for more, or for another price, comes anew."""
    play("""
        accounts: who  | cash | units
                  anna | 0.00 |   100
                  alan | 0.00 |   100
                  amy  | 0.00 |   100

        orders: time  | who  | order                       | outcome
                09:30 | anna | sell 10 at 68.00            | rests 10
                09:31 | alan | sell 10 at 68.00            | rests 10
                09:32 | anna | replace 68.00 by 11 at 68.00 | comes anew, rests 11

        book: buy | price | sell
                  | 68.00 | alan 10, anna 11

        orders: time  | who  | order                       | outcome
                09:33 | amy  | sell 5 at 68.10             | rests 5
                09:34 | alan | replace 68.00 by 10 at 68.10 | comes anew, rests 10

        book: buy | price | sell
                  | 68.10 | amy 5, alan 10
                  | 68.00 | anna 11
    """)


def test_an_order_given_a_better_price_may_trade_at_once_at_the_resting_price() -> None:
    """Source: as for any order that comes in: the price is that of the order already there (SEEE listed agreement,
    PHCER). Cover follows the new terms to the fen.
    """
    play("""
        accounts: who  | cash     | units
                  anna |     0.00 |     4
                  ben  | 1,000.00 |     0

        orders: who  | order                       | outcome
                anna | sell 4 at 68.50             | rests 4
                ben  | buy 10 at 68.00             | rests 10
                ben  | replace 68.00 by 10 at 69.00 | comes anew, trades 4 at 68.50 with anna, rests 6

        accounts: who  | cash   | cash held | cash due
                  ben  | 312.00 |    414.00 |   274.00

        book: buy   | price | sell
              ben 6 | 69.00 |
    """)


def test_the_new_quantity_includes_what_has_been_filled() -> None:
    """Exchange rule: the quantity of an order is its whole quantity; what has been traded cannot be taken back."""
    play("""
        accounts: who  | cash      | units
                  anna |      0.00 |    20
                  ben  | 10,000.00 |     0

        orders: who  | order                       | outcome
                anna | sell 10 at 68.00            | rests 10
                ben  | buy 4 at 68.00              | trades 4 at 68.00 with anna
                anna | replace 68.00 by 4 at 68.00  | refused: quantity_already_filled
                anna | replace 68.00 by 10 at 68.00 | refused: nothing_to_replace
                anna | replace 68.00 by 9 at 68.00  | keeps its place
                anna | replace 68.00 by 25 at 68.00 | refused: insufficient_units

        accounts: who  | units | units held | units due
                  anna |    11 |          5 |         4
    """)


# ---- halts and restrictions ---------------------------------------------------------------------------------------


def test_during_a_halt_no_order_is_taken_and_any_can_be_taken_back() -> None:
    """Source: emergency measures of the carbon markets (suspend one product, suspend the market); no automatic
    circuit breaker is known in any of them, so a halt is an operator's act with a reason. It does not lengthen the
    session.
    """
    play("""
        rules: parameter      | value
               hours          | listed 09:30-11:30; break 11:30-13:00; listed 13:00-14:00
               close_by_clock | no

        accounts: who  | cash     | units
                  anna |     0.00 |    20
                  ben  | 1,000.00 |     0

        orders: time  | who  | order                       | outcome
                09:30 | anna | sell 10 at 68.00            | rests 10
                10:00 | olga | halt                        | halted
                10:01 | ben  | buy 10 at 68.00             | refused: listing_halted
                10:02 | anna | replace 68.00 by 5 at 68.00 | refused: listing_halted
                10:03 | anna | cancel                      | cancels 10
                10:04 | olga | halt                        | refused: listing_halted
                11:29 | olga | resume                      | resumed
                11:29 | ben  | buy 10 at 68.00             | rests 10
                11:30 | anna | sell 10 at 68.00            | refused: phase_closed
    """)


def test_a_halted_market_resumes_as_a_market() -> None:
    """Source: as above. A listing that was halted by itself stays so until it is resumed by itself."""
    play("""
        accounts: who  | cash     | units
                  ben  | 1,000.00 |     0

        orders: who  | order             | outcome
                olga | halt              | halted
                olga | halt the market   | halted
                olga | resume the market | resumed
                ben  | buy 1 at 68.00    | refused: listing_halted
                olga | resume            | resumed
                ben  | buy 1 at 68.00    | rests 1
    """)


def test_a_restricted_account_loses_its_orders_and_places_none() -> None:
    """Source: emergency measures (restrict accounts); the exchange may limit the trading of one account. What was
    traded before is delivered.
    """
    play("""
        accounts: who  | cash     | units
                  anna |     0.00 |    20
                  ben  | 1,000.00 |     0

        orders: who  | order             | outcome
                anna | sell 10 at 68.00  | rests 10
                ben  | buy 4 at 68.00    | trades 4 at 68.00 with anna
                olga | restrict anna     | restricts anna, cancels 6
                anna | sell 1 at 68.00   | refused: account_restricted

        accounts: who  | units | units held | units due
                  anna |    16 |          0 |         4

        close: what          | value
               settles trade | 1

        orders: who  | order             | outcome
                anna | sell 1 at 68.00   | refused: account_restricted
                olga | lift anna         | lifts anna
                anna | sell 1 at 68.00   | rests 1
    """)


# ---- busts --------------------------------------------------------------------------------------------------------


def test_a_trade_is_busted_by_two_persons_before_it_is_delivered() -> None:
    """By analogy with the Futures and Derivatives Law (2022), Art. 87 and 89: a
    trade may be undone after a disruptive event. Both sides get back what was theirs, and the day's prices are those
    without it.
    """
    play("""
        rules: parameter              | value
               two_person_acts        | bust_trade
               close_threshold_tonnes | 0

        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  ben  | 20,000.00 |     0

        orders: who  | order              | outcome
                anna | sell 100 at 68.00  | rests 100
                ben  | buy 60 at 68.00    | trades 60 at 68.00 with anna
                anna | cancel             | cancels 40
                anna | sell 40 at 74.80   | rests 40
                ben  | buy 40 at 74.80    | trades 40 at 74.80 with anna
                olga | bust trade 2       | waits for a second person
                olga | approve            | refused: second_person_needed
                otto | approve            | approves, busts trade 2, volume 60 last 68.00

        accounts: who  | cash      | cash due | units | units due
                  anna |      0.00 |     0.00 |    40 |        60
                  ben  | 15,920.00 | 4,080.00 |     0 |         0

        close: what          | value
               closing price | 68.00
               volume        | 60
               settles trade | 1

        orders: who  | order              | outcome
                olga | bust trade 1       | refused: trade_not_pending
    """)


def test_a_bust_declined_leaves_the_trade() -> None:
    """Exchange rule: the second person may refuse; nothing has happened until then."""
    play("""
        rules: parameter              | value
               two_person_acts        | bust_trade

        accounts: who  | cash      | units
                  anna |      0.00 |    10
                  ben  |  1,000.00 |     0

        orders: who  | order              | outcome
                anna | sell 10 at 68.00   | rests 10
                ben  | buy 10 at 68.00    | trades 10 at 68.00 with anna
                olga | bust trade 1       | waits for a second person
                otto | decline            | declines

        close: what          | value
               settles trade | 1
    """)


# ---- T+1 ----------------------------------------------------------------------------------------------------------


def test_what_is_bought_today_is_sold_tomorrow() -> None:
    """Source: national market trading rules: products bought on a day are not sold on that day; money from a sale can
    buy again on the same day. Whether the local market has the rule for reductions is not published.
    """
    play("""
        rules: parameter        | value
               settlement_cycle | as_traded
               resale_next_day  | yes

        accounts: who  | cash     | units
                  anna |     0.00 |    10
                  ben  | 1,000.00 |     3

        orders: who      | order             | outcome
                anna     | sell 10 at 68.00  | rests 10
                ben      | buy 10 at 68.00   | trades 10 at 68.00 with anna
                registry | confirms ben      | settles trade 1
                ben      | sell 4 at 69.00   | refused: insufficient_units
                ben      | sell 3 at 69.00   | rests 3
                anna     | buy 5 at 68.00    | rests 5

        accounts: who  | cash   | units | units held | units for sale
                  anna | 340.00 |     0 |          0 |              0
                  ben  | 320.00 |    10 |          3 |              0

        close: what     | value
               next day | 2026-11-24

        accounts: who  | units | units for sale
                  ben  |    13 |             13

        orders: who  | order             | outcome
                ben  | sell 13 at 69.00  | rests 13
    """)


def test_without_the_rule_what_has_arrived_is_sold_at_once() -> None:
    """The other setting of the same rule."""
    play("""
        rules: parameter        | value
               settlement_cycle | as_traded
               resale_next_day  | no

        accounts: who  | cash     | units
                  anna |     0.00 |    10
                  ben  | 1,000.00 |     0

        orders: who      | order             | outcome
                anna     | sell 10 at 68.00  | rests 10
                ben      | buy 10 at 68.00   | trades 10 at 68.00 with anna
                ben      | sell 10 at 69.00  | refused: insufficient_units
                registry | confirms ben      | settles trade 1
                ben      | sell 10 at 69.00  | rests 10
    """)


# ---- positions ----------------------------------------------------------------------------------------------------


def test_a_participant_has_no_more_than_its_kind_may() -> None:
    """Source: 最大持有量 of the 2013 local regime, whose figures for reductions are not published; Beijing's limits
    served for the shape. What is owned, bought and bid for counts together; what is sold counts until it has left.
    """
    play("""
        rules: parameter           | value
               position_limits     | institution 100
               large_holder_alerts | institution 80

        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  ben  | 50,000.00 |    50

        orders: who  | order             | outcome
                anna | sell 60 at 68.00  | rests 60
                ben  | buy 20 at 68.00   | trades 20 at 68.00 with anna
                ben  | buy 20 at 67.00   | rests 20
                ben  | buy 11 at 68.00   | refused: position_limit_exceeded
                ben  | buy 10 at 68.00   | trades 10 at 68.00 with anna, ben is reported with 80
                ben  | buy 1 at 68.00    | refused: position_limit_exceeded
                ben  | sell 50 at 69.00  | rests 50
                ben  | buy 1 at 68.00    | refused: position_limit_exceeded
    """)


# ---- trading with oneself -----------------------------------------------------------------------------------------


def test_of_two_orders_of_one_owner_the_resting_one_goes_where_the_rule_says_so() -> None:
    """By analogy with the Futures and Derivatives Law (2022), Art. 12, and the Securities Law (2019), Art. 55: trading
    between accounts under one's own control. Cara owns both accounts.
    """
    play("""
        rules: parameter  | value
               self_trade | cancel_resting

        accounts: who    | cash     | units
                  cara-1 |     0.00 |    10
                  anna   |     0.00 |    10
                  cara-2 | 1,000.00 |     0

        orders: who    | order                | outcome
                cara-1 | sell 10 at 67.90     | rests 10
                anna   | sell 5 at 68.00      | rests 5
                cara-2 | buy 10 at 68.00 fok  | cancels 10

        book: buy | price | sell
                  | 68.00 | anna 5
                  | 67.90 | cara-1 10

        orders: who    | order                | outcome
                cara-2 | buy 10 at 68.00      | takes back 10 of cara-1, trades 5 at 68.00 with anna, rests 5

        accounts: who    | units | units held
                  cara-1 |    10 |          0
    """)


def test_or_the_incoming_one_is_refused() -> None:
    """The other setting of the same rule."""
    play("""
        rules: parameter  | value
               self_trade | reject_incoming

        accounts: who    | cash     | units
                  cara-1 |     0.00 |    10
                  cara-2 | 1,000.00 |     0

        orders: who    | order                | outcome
                cara-1 | sell 10 at 67.90     | rests 10
                cara-2 | buy 10 at 68.00      | refused: self_trade

        book: buy | price | sell
                  | 67.90 | cara-1 10
    """)

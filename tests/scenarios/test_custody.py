"""What authorities do to units, in tables for a trader to review: freezes, corrections, differences, transfers out."""

from tests.scenarios.table import play


def test_a_frozen_lot_takes_the_cover_of_the_newest_orders_and_no_more() -> None:
    """Source: the platform's restrictions (registry contract, notices); Measures 2023, Art. 22. What is frozen is exactly
    what is named; orders end only as far as their units are needed for it.
    """
    play("""
        accounts: who  | cash     | units
                  anna |     0.00 |   100
                  ben  | 9,000.00 |     0

        orders: who      | order                  | outcome
                anna     | sell 50 at 70.00       | rests 50
                anna     | sell 30 at 69.00       | rests 30
                registry | freezes L-anna 1-40    | cancels 30 of anna, anna has 40 frozen
                anna     | sell 11 at 69.00       | refused: insufficient_units
                anna     | sell 10 at 69.00       | rests 10
                registry | unfreezes L-anna 1-40  | anna has 0 frozen

        accounts: who  | cash     | units | units held | units frozen
                  anna |     0.00 |    40 |         60 |            0
                  ben  | 9,000.00 |     0 |          0 |            0
    """)


def test_a_trade_of_before_is_delivered_from_what_is_not_frozen_or_fails() -> None:
    """Source: 货银对付; a purchase made in good faith is delivered while other units can fill it."""
    play("""
        accounts: who  | cash     | units
                  anna |     0.00 |   100
                  ben  | 9,000.00 |     0

        orders: who      | order                  | outcome
                anna     | sell 60 at 68.00       | rests 60
                ben      | buy 60 at 68.00        | trades 60 at 68.00 with anna
                anna     | sell 30 at 68.00       | rests 30
                ben      | buy 30 at 68.00        | trades 30 at 68.00 with anna
                registry | freezes L-anna 1-40    | anna has 10 frozen

        close: what          | value
               settles trade | 1
               fails trade   | 2

        accounts: who  | cash     | units | units frozen
                  anna | 4,080.00 |     0 |           40
                  ben  | 4,920.00 |    60 |            0
    """)


def test_corrected_units_go_back_and_those_sold_are_claimed() -> None:
    """Source: Measures 2023, Art. 22. The buyer keeps what it bought until two persons decide otherwise."""
    play("""
        rules: parameter        | value
               settlement_cycle | as_traded
               two_person_acts  | decide_claim

        accounts: who  | cash     | units
                  anna |     0.00 |   100
                  ben  | 9,000.00 |     0

        orders: who      | order                  | outcome
                anna     | sell 10 at 68.00       | rests 10
                ben      | buy 10 at 68.00        | trades 10 at 68.00 with anna
                registry | confirms ben           | settles trade 1
                registry | corrects L-anna 1-20   | claims 10 from anna, sends anna's back
                registry | confirms anna          | 10 leave, anna's are withdrawn
                ben      | sell 10 at 69.00       | rests 10
                olga     | decide claim 1: remove | waits for a second person
                otto     | approve                | approves, claim removed, cancels 10 of ben, sends ben's back
                registry | confirms ben           | 10 leave, ben's are withdrawn

        accounts: who  | cash     | units | units frozen | units due
                  anna |   680.00 |    80 |            0 |         0
                  ben  | 8,320.00 |     0 |            0 |         0
    """)


def test_a_difference_stops_its_account_and_its_lot_and_not_the_market() -> None:
    """Source: registry contract, reconciliation: a break freezes the account and lot it touches until it is resolved."""
    play("""
        accounts: who  | cash     | units
                  anna |     0.00 |    50
                  alan |     0.00 |    50
                  ben  | 9,000.00 |     0

        orders: who        | order                        | outcome
                anna       | sell 10 at 68.00             | rests 10
                alan       | sell 10 at 69.00             | rests 10
                reconciler | finds anna and L-anna apart  | opens break 1, cancels 10 of anna, anna has 50 frozen
                anna       | sell 10 at 68.00             | refused: account_frozen
                ben        | buy 10 at 69.00              | trades 10 at 69.00 with alan
                olga       | resolve break 1              | resolves break 1, anna has 0 frozen
                anna       | sell 10 at 68.00             | rests 10
    """)


def test_deliveries_the_registry_would_not_be_asked_for_wait_in_nobodys_way() -> None:
    """Source: exchange rule: a refusal that says nothing of what was asked undoes no trade."""
    play("""
        rules: parameter        | value
               settlement_cycle | as_traded

        accounts: who  | cash     | units
                  anna |     0.00 |    50
                  ben  | 2,000.00 |     0

        orders: who      | order             | outcome
                anna     | sell 10 at 68.00  | rests 10
                ben      | buy 10 at 68.00   | trades 10 at 68.00 with anna
                registry | will not be asked | parks trade 1

        close: what            | value
               settles trade   |
               movements asked | 0
               next day        | 2026-11-24

        accounts: who  | cash     | cash due | units | units due
                  anna |     0.00 |     0.00 |    40 |        10
                  ben  | 1,320.00 |   680.00 |     0 |         0

        orders: who      | order            | outcome
                olga     | retry deliveries |
                registry | confirms ben     | settles trade 1
    """)


def test_units_go_back_to_the_management_side_until_the_hour() -> None:
    """Source: the Shanghai exchange's practice before its carry-over of 2016: transfers end when the market closes."""
    play("""
        rules: parameter       | value
               transfers_until | 15:00

        accounts: who  | cash | units
                  anna | 0.00 |   100

        orders: time  | who      | order                     | outcome
                14:00 | anna     | transfers out 30          | asks the registry to take 30
                14:05 | registry | confirms anna             | 30 leave
                14:10 | anna     | transfers out L-anna 90-95 | asks the registry to take 6
                14:15 | registry | refuses anna              | nothing arrives: frozen
                15:00 | anna     | transfers out 1           | refused: transfer_cut_off

        accounts: who  | cash | units | units due
                  anna | 0.00 |    70 |         0
    """)

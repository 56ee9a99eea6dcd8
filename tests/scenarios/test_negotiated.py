"""Negotiated transfers (协议转让), path by path, in tables for a trader to review.

Where the local rule is not published in full, the sentence follows the nearest official text, which is named, or says
that the rule is the exchange's own setting. Hours are Shanghai's: listed until 14:00, negotiated from 14:00 to 15:00.
"""

from tests.scenarios.table import play

HOURS = """
        rules: parameter | value
               hours     | listed 09:30-11:30; break 11:30-13:00; listed 13:00-14:00; negotiated 14:00-15:00
"""


def test_two_parties_agree_and_the_day_delivers() -> None:
    """Measures 2023, Art. 30. Source for the effect: national market and PHCER: counted in volume and turnover, never in
    open, high, low or close. Cover is held from the filing on; nobody sees anything in the quotes.
    """
    play(f"""{HOURS}
        accounts: who  | cash      | units
                  anna |      0.00 |   200
                  ben  | 20,000.00 |     0
                  cara |  1,000.00 |     0

        orders: time  | who  | order                     | outcome
                10:00 | anna | sell 10 at 70.00          | rests 10
                10:01 | cara | buy 10 at 70.00           | trades 10 at 70.00 with anna
                14:00 | anna | sell 100 to ben at 68.00  | filed

        accounts: who  | cash      | cash held | units | units held
                  anna |      0.00 |      0.00 |    90 |        100
                  ben  | 20,000.00 |      0.00 |     0 |          0

        orders: time  | who  | order                     | outcome
                14:05 | ben  | confirm                   | confirmed, trades 100 at 68.00 with anna

        accounts: who  | cash      | cash due | units | units due
                  anna |      0.00 |     0.00 |    90 |       110
                  ben  | 13,200.00 | 6,800.00 |     0 |         0

        close: what                | value
               closing price       | 68.00
               volume              | 10
               negotiated volume   | 100
               negotiated turnover | 6,800.00
               settles trade       | 1 2

        accounts: who  | cash      | units
                  anna |  7,500.00 |    90
                  ben  | 13,200.00 |   100
    """)


def test_terms_are_countered_until_somebody_confirms_those_that_stand() -> None:
    """Source: national block trading: either side posts, the other negotiates or accepts, both confirm. With each counter
    the roles turn, and so does the cover. Old terms cannot be confirmed any more, and nobody confirms its own.
    """
    play(f"""{HOURS}
        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  ben  | 10,000.00 |     0

        orders: time  | who  | order                     | outcome
                14:00 | anna | sell 100 to ben at 70.00  | filed
                14:01 | ben  | counter 90 at 68.00       | countered
                14:02 | ben  | confirm                   | refused: not_your_turn
                14:02 | anna | withdraw                  | refused: not_your_turn
                14:03 | anna | counter 90 at 69.00       | countered
                14:04 | ben  | confirm the first terms   | refused: terms_hash_differs

        accounts: who  | cash      | cash held | units | units held
                  anna |      0.00 |      0.00 |    10 |         90
                  ben  | 10,000.00 |      0.00 |     0 |          0

        orders: time  | who  | order                     | outcome
                14:05 | ben  | confirm                   | confirmed, trades 90 at 69.00 with anna
                14:05 | ben  | confirm                   | refused: negotiated_transfer_ended
    """)


def test_what_is_declined_or_withdrawn_leaves_everything_as_it_was() -> None:
    """The side that is asked may say no, the side whose terms stand may take them back; a third party may do nothing."""
    play(f"""{HOURS}
        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  ben  | 10,000.00 |     0
                  cara | 10,000.00 |     0

        orders: time  | who  | order                     | outcome
                14:00 | anna | sell 100 to ben at 68.00  | filed
                14:01 | cara | confirm                   | refused: negotiated_transfer_unknown
                14:02 | ben  | decline it                | declined
                14:03 | ben  | confirm                   | refused: negotiated_transfer_ended
                14:04 | ben  | buy 50 from anna at 68.00 | filed
                14:05 | ben  | withdraw                  | withdrawn
                14:06 | anna | confirm                   | refused: negotiated_transfer_ended

        accounts: who  | cash      | cash held | units | units held
                  anna |      0.00 |      0.00 |   100 |          0
                  ben  | 10,000.00 |      0.00 |     0 |          0
    """)


def test_a_filing_ends_with_its_own_time_or_with_the_session() -> None:
    """Exchange setting. Session: 14:00 to 15:00 (training material of the Shanghai exchange, undated). At the very
    instant of its expiry it has expired.
    """
    play(f"""{HOURS}
        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  ben  | 10,000.00 |     0

        orders: time  | who  | order                                 | outcome
                13:59 | anna | sell 10 to ben at 68.00               | refused: phase_closed
                14:00 | anna | sell 10 to ben at 68.00 until 14:30   | filed
                14:30 | ben  | confirm                               | refused: negotiated_transfer_ended
                14:31 | anna | sell 20 to ben at 68.00               | filed

        accounts: who  | units | units held
                  anna |    80 |         20

        orders: time  | who  | order                                 | outcome
                15:00 | ben  | confirm                               | refused: negotiated_transfer_ended
                15:00 | anna | sell 20 to ben at 68.00               | refused: phase_closed

        accounts: who  | units | units held
                  anna |   100 |          0
    """)


def test_small_sizes_have_a_band_around_the_days_listed_close_and_large_ones_none() -> None:
    """Source: the exchange's change of 2015-06-15: ±30 % below 500,000 t, free from there on, around the current day's
    closing price (its training material says the previous day's: a switch). Here the tier ends at 50 t.
    """
    play("""
        rules: parameter              | value
               hours                  | listed 09:30-14:00; negotiated 14:00-15:00
               close_threshold_tonnes | 0
               negotiated_band_tiers  | 3000 below 50; none

        accounts: who  | cash       | units
                  anna |       0.00 |   500
                  ben  | 100,000.00 |     0

        orders: time  | who  | order                     | outcome
                10:00 | anna | sell 10 at 70.00          | rests 10
                10:01 | ben  | buy 10 at 70.00           | trades 10 at 70.00 with anna
                14:00 | anna | sell 49 to ben at 91.01   | refused: negotiated_price_outside_band 49.00 to 91.00
                14:01 | anna | sell 49 to ben at 48.99   | refused: negotiated_price_outside_band 49.00 to 91.00
                14:02 | anna | sell 49 to ben at 91.00   | filed
                14:03 | anna | sell 50 to ben at 300.00  | filed
    """)


def test_the_seller_names_its_lots_and_nothing_else_delivers_them() -> None:
    """Exchange setting (PHCER allows it too): the buyer sees exactly which serials, and so which project, methodology and
    period, it gets; whatever else is sold is delivered from the others.
    """
    play("""
        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  ben  | 10,000.00 |     0
                  cara | 10,000.00 |     0

        orders: who  | order                                       | outcome
                anna | sell 10 to ben at 68.00 of L-anna 1-10      | filed
                anna | sell 10 to cara at 68.00 of L-anna 10-19    | refused: named_lots_not_available
                anna | sell 10 to cara at 68.00 of L-ben 1-10      | refused: lot_of_another_listing
                cara | buy 20 from anna at 68.00 of L-anna 11-30   | filed
                anna | confirm                                     | confirmed, trades 20 at 68.00 with cara of L-anna 11-30
                cara | buy 5 at 68.00                              | rests 5
                anna | sell 5 at 68.00                             | trades 5 at 68.00 with cara

        close: what          | value
               settles trade | 1 2

        accounts: who  | units
                  anna |    75
                  cara |    25
    """)


def test_what_changed_since_the_filing_is_found_at_the_confirmation() -> None:
    """Checks are made again when it is executed. What the confirming side lacks leaves the filing as it is; what ails the
    other side ends it, and both are told.
    """
    play("""
        rules: parameter       | value
               position_limits | institution 60

        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  ben  | 10,000.00 |     0
                  cara |     50.00 |    60

        orders: who  | order                      | outcome
                anna | sell 10 to cara at 68.00   | filed
                cara | confirm                    | refused: position_limit_exceeded
                anna | sell 10 to ben at 68.00    | filed
                ben  | buy 51 at 68.00            | rests 51
                ben  | confirm                    | refused: position_limit_exceeded
                ben  | cancel                     | cancels 51
                ben  | confirm                    | confirmed, trades 10 at 68.00 with anna
    """)


def test_the_exchange_may_review_what_is_confirmed() -> None:
    """Exchange setting, off by default; two persons where the rule book says so. Both covers are held meanwhile."""
    play("""
        rules: parameter         | value
               negotiated_review | all
               two_person_acts   | review_negotiated

        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  ben  | 10,000.00 |     0

        orders: who  | order                    | outcome
                anna | sell 10 to ben at 68.00  | filed
                ben  | confirm                  | confirmed, goes to review

        accounts: who  | cash     | cash held | units | units held
                  anna |     0.00 |      0.00 |    90 |         10
                  ben  | 9,320.00 |    680.00 |     0 |          0

        orders: who  | order                    | outcome
                olga | let it pass              | waits for a second person
                olga | approve                  | refused: second_person_needed
                otto | approve                  | approves, trade 1
                anna | sell 20 to ben at 68.00  | filed
                ben  | confirm                  | confirmed, goes to review
                olga | turn it down             | waits for a second person
                otto | approve                  | approves, ends: review_refused

        accounts: who  | cash     | cash held | units | units held | units due
                  anna |     0.00 |      0.00 |    90 |          0 |        10
                  ben  | 9,320.00 |      0.00 |     0 |          0 |         0
    """)


def test_a_restriction_ends_what_is_pending_and_a_halt_keeps_it_waiting() -> None:
    """Exchange setting: as for orders. In a halt it can still be taken back."""
    play("""
        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  ben  | 10,000.00 |     0

        orders: who  | order                    | outcome
                anna | sell 10 to ben at 68.00  | filed
                olga | halt                     | halted
                ben  | confirm                  | refused: listing_halted
                olga | resume                   | resumed
                olga | restrict ben             | restricts ben, ends: account_restricted
                anna | sell 10 to ben at 68.00  | filed
                ben  | confirm                  | refused: account_restricted
                olga | lift ben                 | lifts ben
                ben  | confirm                  | confirmed, trades 10 at 68.00 with anna

        accounts: who  | units | units held | units due
                  anna |    90 |          0 |        10
    """)


def test_one_agreement_is_filed_once_whoever_files_it() -> None:
    """Exchange setting: the parties' own number. The same again is nothing new, another one under it is refused; when
    nothing has come of it the number is free.
    """
    play("""
        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  ben  | 10,000.00 |     0

        orders: who  | order                              | outcome
                anna | sell 10 to ben at 68.00 as A-1     | filed
                ben  | buy 10 from anna at 68.00 as A-1   | known: filed
                ben  | buy 10 from anna at 67.00 as A-1   | refused: agreement_contradicts
                ben  | decline it                         | declined
                ben  | buy 10 from anna at 67.00 as A-1   | filed
                anna | confirm                            | confirmed, trades 10 at 67.00 with ben
                anna | sell 10 to ben at 67.00 as A-1     | known: executed

        accounts: who  | units | units held | units due
                  anna |    90 |          0 |        10
    """)


def test_an_open_offer_goes_to_whoever_confirms_it_first() -> None:
    """Source: national block trading knows quotes to everyone; off here unless the rule book says yes."""
    play("""
        rules: parameter              | value
               negotiated_open_offers | yes

        accounts: who    | cash      | units
                  anna-1 |      0.00 |   100
                  anna-2 | 10,000.00 |     0
                  ben    | 10,000.00 |     0
                  cara   | 10,000.00 |     0

        orders: who    | order                       | outcome
                anna-1 | sell 10 to anyone at 68.00  | filed
                anna-2 | confirm                     | refused: same_beneficial_owner
                ben    | counter 10 at 67.00         | refused: open_offer_stands
                ben    | confirm                     | confirmed, trades 10 at 68.00 with anna-1
                cara   | confirm                     | refused: negotiated_transfer_ended
    """)


def test_a_busted_transfer_gives_both_sides_theirs_back_and_leaves_no_price_behind() -> None:
    """Exchange rule: a trade can be undone before it is delivered, whatever its method."""
    play("""
        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  ben  | 10,000.00 |     0

        orders: who  | order                    | outcome
                anna | sell 10 to ben at 80.00  | filed
                ben  | confirm                  | confirmed, trades 10 at 80.00 with anna
                olga | bust trade 1             | busts trade 1

        accounts: who  | cash      | units
                  anna |      0.00 |   100
                  ben  | 10,000.00 |     0

        close: what              | value
               closing price     | 68.00
               negotiated volume |
    """)

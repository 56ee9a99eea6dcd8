-- Units that were used, and the exchange's fees: two accounts that only receive, and the reasons that lead there.
--
-- `retired` is where cancelled units stay. It holds their serials like any owner, so that none of them can come in,
-- be delivered or be retired a second time; and it is never the giver of anything. `fees` is the exchange's own money.
-- What the database refuses of its own, whoever asks:
--
--     anything that leaves `retired`                        retired_for_good
--     a way into `retired` or `fees` but their own reason   settled_to_sink
--     a fee that names no trade and side                    fee_names_its_trade
--     a fee without the delivery it is for, by somebody     fee_is_of_delivery
--     who is not that side of it, or above its amount
--     the same retirement, or the same fee, twice           settled_once
--
-- A posting that leads out of an account's own `retired` bucket does not exist here: to retire is to give to `retired`.

ALTER TABLE settlement.account
    DROP CONSTRAINT account_is_bound,
    ADD CONSTRAINT account_is_bound CHECK (
        (account IN ('outside', 'retired', 'fees')) = (registry_account IS NULL)
    );

INSERT INTO settlement.account (account, registry_account, seq) VALUES ('retired', NULL, NULL), ('fees', NULL, NULL);

ALTER TABLE settlement.settled
    DROP CONSTRAINT settled_kind,
    ADD CONSTRAINT settled_kind CHECK (
        CASE kind
            WHEN 'deposit' THEN asset = 'CNY' AND from_account = 'outside' AND payment_fen = 0
            WHEN 'transfer' THEN asset <> 'CNY' AND 'outside' IN (from_account, to_account) AND payment_fen = 0
            WHEN 'delivery' THEN asset <> 'CNY' AND 'outside' NOT IN (from_account, to_account) AND payment_fen > 0
            WHEN 'retirement' THEN asset <> 'CNY' AND from_account <> 'outside' AND payment_fen = 0
            WHEN 'fee' THEN asset = 'CNY' AND from_account <> 'outside' AND payment_fen = 0
            ELSE false
        END
    ),
    ADD CONSTRAINT settled_to_sink CHECK (
        (to_account = 'retired') = (kind = 'retirement') AND (to_account = 'fees') = (kind = 'fee')
    ),
    ADD CONSTRAINT retired_for_good CHECK (from_account <> 'retired'),
    ADD CONSTRAINT fee_names_its_trade CHECK (kind <> 'fee' OR reference ~ '^[1-9][0-9]*[.](buy|sell)$');

-- Of each new fee: the delivery it is for came with it, its payer is that side of it, and it is not above its amount.
CREATE FUNCTION settlement.refuse_stray_fees() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    wrong record;
BEGIN
    SELECT fee.seq, fee.reference, fee.from_account INTO wrong
    FROM new_rows AS fee
    LEFT JOIN LATERAL (
        SELECT seq, from_account, to_account, payment_fen FROM settlement.settled
        WHERE settled.kind = 'delivery' AND settled.reference = split_part(fee.reference, '.', 1) OFFSET 0
    ) AS delivery ON true
    WHERE fee.kind = 'fee' AND (
        delivery.seq = fee.seq AND fee.amount <= delivery.payment_fen AND fee.from_account =
            CASE split_part(fee.reference, '.', 2) WHEN 'buy' THEN delivery.to_account ELSE delivery.from_account END
    ) IS NOT TRUE LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % takes fee % from %, who owes none', wrong.seq, wrong.reference, wrong.from_account
            USING ERRCODE = 'check_violation', CONSTRAINT = 'fee_is_of_delivery';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER settled_3_fee_is_of_delivery AFTER INSERT ON settlement.settled
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_stray_fees();
ALTER TABLE settlement.settled ENABLE ALWAYS TRIGGER settled_3_fee_is_of_delivery;

-- ---- asking -----------------------------------------------------------------------------------------------------

ALTER FUNCTION settlement.settlement_check() RENAME TO double_entry_check;

-- What double entry alone does not show: that the two sinks only received, and for reasons that are there.
CREATE FUNCTION settlement.sink_check()
RETURNS TABLE (what text, account text, subject text, stored text, recomputed text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'retired_for_good', reason.to_account, reason.asset, reason.kind || ' ' || reason.reference, NULL
    FROM settlement.settled AS reason WHERE reason.from_account = 'retired'
    UNION ALL
    SELECT 'retired_is_retirements', 'retired', asset, balance.amount::text, retirement.amount::text
    FROM (SELECT asset, amount FROM settlement.balance WHERE balance.account = 'retired') AS balance
    FULL JOIN (
        SELECT asset, sum(amount) AS amount FROM settlement.settled WHERE kind = 'retirement' GROUP BY asset
    ) AS retirement USING (asset)
    WHERE balance.amount IS DISTINCT FROM retirement.amount
    UNION ALL
    SELECT 'fee_is_of_delivery', fee.from_account, fee.reference, fee.amount::text, delivery.payment_fen::text
    FROM settlement.settled AS fee
    LEFT JOIN settlement.settled AS delivery
        ON delivery.kind = 'delivery' AND delivery.seq = fee.seq
        AND fee.reference IN (delivery.reference || '.buy', delivery.reference || '.sell')
    WHERE fee.kind = 'fee' AND (
        fee.amount <= delivery.payment_fen AND fee.from_account =
            CASE WHEN fee.reference = delivery.reference || '.buy'
            THEN delivery.to_account ELSE delivery.from_account END
    ) IS NOT TRUE
    UNION ALL
    SELECT 'fees_are_charged', 'fees', asset, balance.amount::text, fee.amount::text
    FROM (SELECT asset, amount FROM settlement.balance WHERE balance.account = 'fees') AS balance
    FULL JOIN (
        SELECT asset, sum(amount) AS amount FROM settlement.settled WHERE kind = 'fee' GROUP BY asset
    ) AS fee USING (asset)
    WHERE balance.amount IS DISTINCT FROM fee.amount
$$;

-- Everything recomputed from history: no row, no difference.
CREATE FUNCTION settlement.settlement_check()
RETURNS TABLE (what text, account text, subject text, stored text, recomputed text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM settlement.double_entry_check() UNION ALL SELECT * FROM settlement.sink_check()
$$;

-- As before, but for what was retired: the core lets go of those serials, here they are kept for good. That they are
-- as many as the ledger says is `tonne_has_serial`.
CREATE OR REPLACE FUNCTION settlement.compare_with_holdings(
    accounts text[], lots text[], firsts bigint[], ends bigint[]
)
RETURNS TABLE (what text, account text, subject text, stored text, recomputed text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'holding_is_the_cores', account, lot_id, stored.serials::text, core.serials::text
    FROM (
        SELECT account, lot_id, range_agg(int8range(first, until)) AS serials
        FROM unnest(accounts, lots, firsts, ends) AS line (account, lot_id, first, until) GROUP BY account, lot_id
    ) AS core
    FULL JOIN (
        SELECT holding.account, lot.lot_id, range_agg(holding.serials) AS serials
        FROM settlement.holding JOIN settlement.lot USING (lot_no)
        WHERE holding.account <> 'retired' GROUP BY holding.account, lot.lot_id
    ) AS stored USING (account, lot_id)
    WHERE stored.serials IS DISTINCT FROM core.serials
$$;

-- ---- rights -----------------------------------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA settlement FROM PUBLIC;
GRANT EXECUTE ON FUNCTION settlement.settlement_check() TO puhui_service;
GRANT EXECUTE ON FUNCTION settlement.double_entry_check() TO puhui_service;
GRANT EXECUTE ON FUNCTION settlement.sink_check() TO puhui_service;

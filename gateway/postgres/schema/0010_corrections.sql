-- Units that come and go on the registry's own word: brought in there by their owner, or taken out because they were
-- corrected (Measures 2023, Art. 22).
--
-- `withdrawn` is where corrected units stay once the registry has taken them out. Like `retired` it holds their serials
-- like any owner, so that none of them can come in again, be delivered or be used; and it is never the giver of
-- anything. What the database refuses of its own, whoever asks:
--
--     anything that leaves `withdrawn`, and any other way    withdrawn_for_good, settled_to_sink
--     into it than a correction
--     an arrival that names no notice of the registry        arrival_names_its_notice
--     the same notice's units twice                          settled_once
--     one instruction completed as the owner's transfer      instruction_moves_once
--     and as a correction

ALTER TABLE settlement.account
    DROP CONSTRAINT account_is_bound,
    ADD CONSTRAINT account_is_bound CHECK (
        (account IN ('outside', 'retired', 'fees', 'withdrawn')) = (registry_account IS NULL)
    );

INSERT INTO settlement.account (account, registry_account, seq) VALUES ('withdrawn', NULL, NULL);

ALTER TABLE settlement.settled
    DROP CONSTRAINT settled_kind,
    ADD CONSTRAINT settled_kind CHECK (
        CASE kind
            WHEN 'deposit' THEN asset = 'CNY' AND from_account = 'outside' AND payment_fen = 0
            WHEN 'withdrawal' THEN asset = 'CNY' AND to_account = 'outside' AND payment_fen = 0
            WHEN 'transfer' THEN asset <> 'CNY' AND 'outside' IN (from_account, to_account) AND payment_fen = 0
            WHEN 'arrival' THEN asset <> 'CNY' AND from_account = 'outside' AND payment_fen = 0
            WHEN 'correction' THEN asset <> 'CNY' AND from_account <> 'outside' AND payment_fen = 0
            WHEN 'delivery' THEN asset <> 'CNY' AND 'outside' NOT IN (from_account, to_account) AND payment_fen > 0
            WHEN 'donation' THEN asset <> 'CNY' AND 'outside' NOT IN (from_account, to_account) AND payment_fen = 0
            WHEN 'retirement' THEN asset <> 'CNY' AND from_account <> 'outside' AND payment_fen = 0
            WHEN 'fee' THEN asset = 'CNY' AND from_account <> 'outside' AND payment_fen = 0
            ELSE false
        END
    ),
    DROP CONSTRAINT settled_to_sink,
    ADD CONSTRAINT settled_to_sink CHECK (
        (to_account = 'retired') = (kind = 'retirement')
        AND (to_account = 'fees') = (kind = 'fee')
        AND (to_account = 'withdrawn') = (kind = 'correction')
    ),
    ADD CONSTRAINT withdrawn_for_good CHECK (from_account <> 'withdrawn'),
    ADD CONSTRAINT arrival_names_its_notice CHECK (kind <> 'arrival' OR reference ~ '^notice-[1-9][0-9]*$'),
    ADD CONSTRAINT instruction_moves_once
        EXCLUDE (reference WITH =) WHERE (kind IN ('transfer', 'correction'));

-- ---- asking -----------------------------------------------------------------------------------------------------

-- What double entry alone does not show: that `withdrawn` only received, and for reasons that are there.
CREATE FUNCTION settlement.correction_check()
RETURNS TABLE (what text, account text, subject text, stored text, recomputed text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'withdrawn_for_good', reason.to_account, reason.asset, reason.kind || ' ' || reason.reference, NULL
    FROM settlement.settled AS reason WHERE reason.from_account = 'withdrawn'
    UNION ALL
    SELECT 'withdrawn_is_corrections', 'withdrawn', asset, balance.amount::text, correction.amount::text
    FROM (SELECT asset, amount FROM settlement.balance WHERE balance.account = 'withdrawn') AS balance
    FULL JOIN (
        SELECT asset, sum(amount) AS amount FROM settlement.settled WHERE kind = 'correction' GROUP BY asset
    ) AS correction USING (asset)
    WHERE balance.amount IS DISTINCT FROM correction.amount
$$;

CREATE OR REPLACE FUNCTION settlement.settlement_check()
RETURNS TABLE (what text, account text, subject text, stored text, recomputed text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM settlement.double_entry_check()
    UNION ALL SELECT * FROM settlement.sink_check()
    UNION ALL SELECT * FROM settlement.use_check()
    UNION ALL SELECT * FROM settlement.correction_check()
$$;

-- As before; what was withdrawn is outside for the core's ledger, here it is kept for good.
CREATE OR REPLACE FUNCTION settlement.compare_with_ledger(accounts text[], assets text[], amounts bigint[])
RETURNS TABLE (what text, account text, subject text, stored text, recomputed text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'balance_is_the_ledgers', account, asset, stored.amount::text, ledger.amount::text
    FROM (
        SELECT account, asset, sum(amount) AS amount
        FROM unnest(accounts, assets, amounts) AS line (account, asset, amount) GROUP BY account, asset
    ) AS ledger
    FULL JOIN (SELECT * FROM settlement.balance WHERE account NOT IN ('outside', 'withdrawn')) AS stored
        USING (account, asset)
    WHERE coalesce(stored.amount, 0) <> coalesce(ledger.amount, 0)
$$;

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
        WHERE holding.account NOT IN ('retired', 'withdrawn') GROUP BY holding.account, lot.lot_id
    ) AS stored USING (account, lot_id)
    WHERE stored.serials IS DISTINCT FROM core.serials
$$;

-- ---- rights -----------------------------------------------------------------------------------------------------

REVOKE ALL ON FUNCTION settlement.correction_check() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION settlement.correction_check() TO puhui_service;

-- The role of processes that serve the public only: it reads what they show and what that is made from, and nothing else.
--
-- It sees no key, no password, no session and no letter; the journal and its snapshots hold what everybody did, though, so
-- that its log-in is to be guarded as such. For one: CREATE ROLE looks LOGIN PASSWORD '…' IN ROLE puhui_reader.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'puhui_reader') THEN
        CREATE ROLE puhui_reader NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    -- Roles belong to the server: another database of it was being prepared at the same moment.
    RAISE NOTICE 'role puhui_reader is already there';
END
$$;
GRANT SELECT ON schema_migration, core_release, journal, journal_head, snapshot, writer_term, trade, delivery_outcome, candle,
    day_price, closed_day, day_negotiated, day_retired, day_cut, statement_issued, use_request, use_outcome, certificate
    TO puhui_reader;

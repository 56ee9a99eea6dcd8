-- Uses of units: what was asked and what came of it, certificates, and the third wall around compliance.
--
-- Class II never serves compliance (Measures 2023, Art. 29). The core has a class check, the registry refuses by
-- itself, and here are the constraints that refuse it once more, whatever the code above them does:
--
--     a compliance offset of another class than I            claim_is_class_one
--     ... or of a class its instrument does not have          claim_class
--     an offset above a hard cap, in exact fractions          claim_within_cap
--     an offset under a hard cap whose base is not filed      claim_within_cap
--     a completed use that is for nothing                     use_is_told
--     ... or for compliance without its claim                 use_is_told
--     ... or told of something that did not settle            use_is_settled
--     a purpose of compliance without a year                  used_year
--     a second release of an offset                           offset_release_pkey
--     a serial retired twice, or moved once it is retired     holding_is_owned, retired_for_good (as before)
--
-- An offset is claimed when it is accepted, in the transaction that journals it: so before the registry is asked.

-- ---- what was asked, and how it ended -----------------------------------------------------------------------------

CREATE TABLE use_request (
    use_id          text   PRIMARY KEY,
    seq             bigint NOT NULL,
    account         text   NOT NULL,
    client_id       text   NOT NULL,
    participant     text   NOT NULL,
    entity          text   NOT NULL,
    purpose         text   NOT NULL,
    compliance_year integer,
    beneficiary     text   NOT NULL,
    statement       text   NOT NULL,
    instrument      text   NOT NULL,
    quantity_tonnes bigint NOT NULL CHECK (quantity_tonnes > 0),
    lots            text   NOT NULL, -- JSON
    donated_to      text,
    at_ns           bigint NOT NULL,
    instruct_at_ns  bigint NOT NULL,
    deadline_ns     bigint,
    UNIQUE (account, client_id)
);
CREATE INDEX use_request_of_account ON use_request (account, seq);
SELECT make_append_only('use_request');

CREATE TABLE use_outcome (
    use_id        text   PRIMARY KEY REFERENCES use_request,
    seq           bigint NOT NULL,
    outcome       text   NOT NULL CHECK (outcome IN ('completed', 'refused', 'withdrawn')),
    outcome_at_ns bigint NOT NULL,
    code          text, -- the registry's, where it refused
    CHECK ((outcome = 'refused') = (code IS NOT NULL))
);
SELECT make_append_only('use_outcome');

-- `year` is the compliance year of an offset, and of everything else the year in which it was completed.
CREATE TABLE certificate (
    number            text   PRIMARY KEY,
    seq               bigint NOT NULL,
    reference         text   NOT NULL UNIQUE, -- the use, or the purchase for a use
    account           text   NOT NULL,
    entity            text   NOT NULL,
    purpose           text   NOT NULL,
    year              integer NOT NULL,
    instrument        text   NOT NULL,
    methodology_class text   NOT NULL CHECK (methodology_class IN ('I', 'II')),
    quantity_tonnes   bigint NOT NULL CHECK (quantity_tonnes > 0),
    digest            text   NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    says              text   NOT NULL, -- JSON: all that it certifies
    at_ns             bigint NOT NULL,
    CONSTRAINT certificate_class CHECK (purpose <> 'compliance_offset' OR methodology_class = 'I')
);
CREATE INDEX certificate_of_account ON certificate (account, seq);
CREATE INDEX certificate_of_entity ON certificate (entity, year, purpose);
CREATE INDEX certificate_of_year ON certificate (year, purpose);
SELECT make_append_only('certificate');

-- ---- the third wall ------------------------------------------------------------------------------------------------

-- A version of a compliance year's rules, as far as the cap goes: a share of a base, as an exact fraction.
CREATE TABLE settlement.compliance_year (
    seq               bigint  PRIMARY KEY CONSTRAINT compliance_year_is_journaled REFERENCES journal,
    year              integer NOT NULL,
    effective_from_ns bigint  NOT NULL,
    base              text    CHECK (base IN ('verified_emissions', 'issued_allowances')),
    numerator         bigint  CHECK (numerator >= 0),
    denominator       bigint  CHECK (denominator > 0),
    is_hard           boolean,
    joint_credits     text[]  NOT NULL,
    CONSTRAINT compliance_year_cap CHECK (num_nonnulls(base, numerator, denominator, is_hard) IN (0, 4))
);
CREATE INDEX compliance_year_year ON settlement.compliance_year (year, effective_from_ns, seq);

CREATE TABLE settlement.filing (
    seq                       bigint  PRIMARY KEY CONSTRAINT filing_is_journaled REFERENCES journal,
    entity                    text    NOT NULL,
    year                      integer NOT NULL,
    verified_emissions_tonnes bigint  CHECK (verified_emissions_tonnes >= 0),
    issued_allowances_tonnes  bigint  CHECK (issued_allowances_tonnes >= 0),
    credits                   text[]  NOT NULL, -- other credits used,
    credit_tonnes             bigint[] NOT NULL CHECK (0 <= ALL (credit_tonnes)), -- and how many tonnes of each
    CONSTRAINT filing_credits CHECK (cardinality(credits) = cardinality(credit_tonnes))
);
CREATE INDEX filing_entity ON settlement.filing (entity, year, seq);

CREATE TABLE settlement.offset_claim (
    use_id            text    PRIMARY KEY,
    seq               bigint  NOT NULL CONSTRAINT claim_is_journaled REFERENCES journal,
    at_ns             bigint  NOT NULL,
    account           text    NOT NULL CONSTRAINT claim_account REFERENCES settlement.account,
    entity            text    NOT NULL,
    year              integer NOT NULL,
    asset             text    NOT NULL,
    methodology_class text    NOT NULL,
    tonnes            bigint  NOT NULL CONSTRAINT claim_tonnes CHECK (tonnes > 0),
    CONSTRAINT claim_class FOREIGN KEY (asset, methodology_class)
        REFERENCES settlement.asset (asset, methodology_class),
    CONSTRAINT claim_is_class_one CHECK (methodology_class = 'I')
);
CREATE INDEX offset_claim_entity ON settlement.offset_claim (entity, year, seq);

-- Refused, or withdrawn: it counts towards the cap no longer.
CREATE TABLE settlement.offset_release (
    use_id text   PRIMARY KEY CONSTRAINT release_of_claim REFERENCES settlement.offset_claim,
    seq    bigint NOT NULL CONSTRAINT release_is_journaled REFERENCES journal
);

-- What a completed use was for: beside its reason in `settled`, of kind retirement or donation.
CREATE TABLE settlement.used (
    seq               bigint  NOT NULL,
    line              integer NOT NULL, -- of `settled`
    asset             text    NOT NULL,
    methodology_class text    NOT NULL,
    purpose           text    NOT NULL CONSTRAINT used_purpose CHECK (purpose IN (
        'compliance_offset', 'voluntary_offset', 'voluntary_cancellation', 'donation', 'damage_compensation')),
    entity            text    NOT NULL,
    year              integer, -- the compliance year
    PRIMARY KEY (seq, line),
    CONSTRAINT used_class FOREIGN KEY (asset, methodology_class)
        REFERENCES settlement.asset (asset, methodology_class),
    CONSTRAINT used_is_class_one CHECK (purpose <> 'compliance_offset' OR methodology_class = 'I'),
    CONSTRAINT used_year CHECK ((purpose = 'compliance_offset') = (year IS NOT NULL))
);

ALTER TABLE settlement.settled
    DROP CONSTRAINT settled_kind,
    ADD CONSTRAINT settled_kind CHECK (
        CASE kind
            WHEN 'deposit' THEN asset = 'CNY' AND from_account = 'outside' AND payment_fen = 0
            WHEN 'withdrawal' THEN asset = 'CNY' AND to_account = 'outside' AND payment_fen = 0
            WHEN 'transfer' THEN asset <> 'CNY' AND 'outside' IN (from_account, to_account) AND payment_fen = 0
            WHEN 'delivery' THEN asset <> 'CNY' AND 'outside' NOT IN (from_account, to_account) AND payment_fen > 0
            WHEN 'retirement' THEN asset <> 'CNY' AND from_account <> 'outside' AND payment_fen = 0
            WHEN 'donation' THEN asset <> 'CNY' AND 'outside' NOT IN (from_account, to_account) AND payment_fen = 0
            WHEN 'fee' THEN asset = 'CNY' AND from_account <> 'outside' AND payment_fen = 0
            ELSE false
        END
    );

-- The cap of each new claim, as the rules and filings stood when it was made: what the entity has claimed for the year
-- and not released, with it, and the other credits that count, against the exact share of the base.
CREATE FUNCTION settlement.refuse_above_cap() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    wrong record;
BEGIN
    -- Two writers of one entity's year take turns.
    PERFORM pg_advisory_xact_lock(hashtextextended(entity || '/' || year, 0))
        FROM (SELECT DISTINCT entity, year FROM new_rows ORDER BY entity, year) AS touched;
    SELECT claim.use_id, claimed.tonnes AS claimed, coalesce(other.tonnes, 0) AS other,
           CASE terms.base WHEN 'verified_emissions' THEN filing.verified_emissions_tonnes
                           ELSE filing.issued_allowances_tonnes END AS base,
           terms.numerator, terms.denominator INTO wrong
    FROM new_rows AS claim
    CROSS JOIN LATERAL (
        SELECT base, numerator, denominator, is_hard, joint_credits FROM settlement.compliance_year AS terms
        WHERE terms.year = claim.year AND terms.effective_from_ns <= claim.at_ns AND terms.seq < claim.seq
        ORDER BY terms.effective_from_ns DESC, terms.seq DESC LIMIT 1
    ) AS terms
    LEFT JOIN LATERAL (
        SELECT verified_emissions_tonnes, issued_allowances_tonnes, credits, credit_tonnes
        FROM settlement.filing
        WHERE filing.entity = claim.entity AND filing.year = claim.year AND filing.seq < claim.seq
        ORDER BY filing.seq DESC LIMIT 1
    ) AS filing ON true
    LEFT JOIN LATERAL (
        SELECT sum(tonnes) AS tonnes FROM unnest(filing.credits, filing.credit_tonnes) AS used (credit, tonnes)
        WHERE used.credit = ANY (terms.joint_credits)
    ) AS other ON true
    CROSS JOIN LATERAL (
        SELECT sum(earlier.tonnes) AS tonnes
        FROM settlement.offset_claim AS earlier
        LEFT JOIN settlement.offset_release AS release
            ON release.use_id = earlier.use_id AND release.seq < claim.seq
        WHERE earlier.entity = claim.entity AND earlier.year = claim.year AND earlier.seq <= claim.seq
            AND release.use_id IS NULL
    ) AS claimed
    WHERE terms.is_hard AND (
        (claimed.tonnes + coalesce(other.tonnes, 0)) * terms.denominator <= terms.numerator::numeric *
            CASE terms.base WHEN 'verified_emissions' THEN filing.verified_emissions_tonnes
                            ELSE filing.issued_allowances_tonnes END
    ) IS NOT TRUE LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'offset % makes % t and % t of other credits, above %/% of % t',
            wrong.use_id, wrong.claimed, wrong.other, wrong.numerator, wrong.denominator, wrong.base
            USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_within_cap';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER offset_claim_1_within_cap AFTER INSERT ON settlement.offset_claim
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_above_cap();

-- Of each new retirement or donation: what it was for is told with it, and compliance has its claim.
CREATE FUNCTION settlement.refuse_untold_uses() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    wrong record;
BEGIN
    SELECT reason.seq, reason.reference INTO wrong
    FROM new_rows AS reason
    LEFT JOIN LATERAL (
        SELECT purpose, asset, entity, year FROM settlement.used
        WHERE used.seq = reason.seq AND used.line = reason.line OFFSET 0
    ) AS told ON true
    LEFT JOIN LATERAL (
        SELECT account, entity, year, asset, tonnes FROM settlement.offset_claim AS claim
        WHERE claim.use_id = reason.reference AND NOT EXISTS (
            SELECT FROM settlement.offset_release WHERE offset_release.use_id = claim.use_id
        ) OFFSET 0
    ) AS claim ON true
    WHERE reason.kind IN ('retirement', 'donation') AND (
        told.asset = reason.asset
        AND (reason.kind <> 'donation' OR told.purpose = 'donation')
        AND CASE told.purpose WHEN 'compliance_offset' THEN
            claim.account = reason.from_account AND claim.asset = reason.asset AND claim.tonnes = reason.amount
            AND claim.entity = told.entity AND claim.year = told.year
        ELSE claim.asset IS NULL END
    ) IS NOT TRUE LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % uses units by % and does not tell rightly what for', wrong.seq, wrong.reference
            USING ERRCODE = 'check_violation', CONSTRAINT = 'use_is_told';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER settled_4_use_is_told AFTER INSERT ON settlement.settled
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_untold_uses();

-- The other way round: nothing is told of what did not settle as a use.
CREATE FUNCTION settlement.refuse_unsettled_uses() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    wrong record;
BEGIN
    SELECT told.seq, told.line INTO wrong
    FROM new_rows AS told
    LEFT JOIN LATERAL (
        SELECT kind, asset FROM settlement.settled
        WHERE settled.seq = told.seq AND settled.line = told.line OFFSET 0
    ) AS reason ON true
    WHERE (reason.kind IN ('retirement', 'donation') AND reason.asset = told.asset) IS NOT TRUE LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'line % of entry % is no use', wrong.line, wrong.seq
            USING ERRCODE = 'check_violation', CONSTRAINT = 'use_is_settled';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER used_1_is_settled AFTER INSERT ON settlement.used
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_unsettled_uses();

ALTER TABLE settlement.offset_claim ENABLE ALWAYS TRIGGER offset_claim_1_within_cap;
ALTER TABLE settlement.settled ENABLE ALWAYS TRIGGER settled_4_use_is_told;
ALTER TABLE settlement.used ENABLE ALWAYS TRIGGER used_1_is_settled;

SELECT make_append_only(('settlement.' || name)::regclass)
FROM unnest(ARRAY['compliance_year', 'filing', 'offset_claim', 'offset_release', 'used']) AS name;

-- ---- asking -----------------------------------------------------------------------------------------------------------

-- Whether what is told of uses and what settled say the same. Retirements from before this file tell nothing.
CREATE FUNCTION settlement.use_check()
RETURNS TABLE (what text, account text, subject text, stored text, recomputed text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'use_is_settled', told.entity, told.seq || '.' || told.line, told.purpose, reason.kind
    FROM settlement.used AS told LEFT JOIN settlement.settled AS reason USING (seq, line)
    WHERE (reason.kind IN ('retirement', 'donation') AND reason.asset = told.asset) IS NOT TRUE
    UNION ALL
    SELECT 'compliance_is_class_one', told.entity, told.asset, asset.methodology_class, 'I'
    FROM settlement.used AS told JOIN settlement.asset USING (asset)
    WHERE told.purpose = 'compliance_offset' AND asset.methodology_class <> 'I'
    UNION ALL
    SELECT 'offset_is_claimed', reason.from_account, reason.reference, reason.amount::text, claim.tonnes::text
    FROM settlement.used AS told JOIN settlement.settled AS reason USING (seq, line)
    LEFT JOIN settlement.offset_claim AS claim ON claim.use_id = reason.reference
    LEFT JOIN settlement.offset_release AS release ON release.use_id = reason.reference
    WHERE told.purpose = 'compliance_offset'
        AND (claim.tonnes = reason.amount AND release.use_id IS NULL) IS NOT TRUE
$$;

CREATE OR REPLACE FUNCTION settlement.settlement_check()
RETURNS TABLE (what text, account text, subject text, stored text, recomputed text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM settlement.double_entry_check() UNION ALL SELECT * FROM settlement.sink_check()
    UNION ALL SELECT * FROM settlement.use_check()
$$;

-- ---- rights -----------------------------------------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA settlement FROM PUBLIC;
GRANT SELECT, INSERT ON use_request, use_outcome, certificate TO puhui_service;
GRANT SELECT, INSERT ON settlement.compliance_year, settlement.filing, settlement.offset_claim,
    settlement.offset_release, settlement.used TO puhui_service;
GRANT EXECUTE ON FUNCTION settlement.settlement_check() TO puhui_service;
GRANT EXECUTE ON FUNCTION settlement.use_check() TO puhui_service;

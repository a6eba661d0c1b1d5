-- Repayment in kind and giving back (domain.md section 10). refuse_change() is the audit app's.

-- As before, and: what is taken otherwise than in cash is the sum of its lines when two people have decided it; what
-- comes back of it only grows, until the rest is written off.
CREATE OR REPLACE FUNCTION distribution_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own record;
    learns CONSTANT text[] := ARRAY['received', 'instalment_per_unit', 'written_off', 'written_off_per_unit', 'returned'];
BEGIN
    IF OLD.state = 'approved' AND (to_jsonb(NEW) - learns) IS DISTINCT FROM (to_jsonb(OLD) - learns)
       OR OLD.state = 'approved' AND (NEW.received < OLD.received OR NEW.instalment_per_unit < OLD.instalment_per_unit
                                      OR NEW.returned < OLD.returned
                                      OR NEW.returned <> OLD.returned AND OLD.written_off <> 0)
       OR OLD.state <> 'approved' AND NEW.returned <> 0
       OR OLD.state = 'discarded' AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
        RAISE EXCEPTION 'distribution %: what was decided cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.written_off, NEW.written_off_per_unit) IS DISTINCT FROM (OLD.written_off, OLD.written_off_per_unit)
       AND (OLD.written_off <> 0 OR NOT EXISTS (
            SELECT FROM investments_writeoff
             WHERE distribution_id = NEW.id AND state = 'approved' AND amount = NEW.written_off
               AND per_unit = NEW.written_off_per_unit)) THEN
        RAISE EXCEPTION 'distribution %: no write-off says this', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'approved' AND OLD.state <> 'approved' THEN
        SELECT count(*) AS holdings, coalesce(sum(units), 0) AS units, coalesce(sum(gross), 0) AS gross,
               coalesce(sum(principal), 0) AS principal, coalesce(sum(tax), 0) AS tax
          INTO own FROM investments_allocation WHERE distribution_id = NEW.id;
        IF (own.holdings, own.units, own.gross, own.principal, own.tax)
           IS DISTINCT FROM (NEW.holdings::bigint, NEW.units::numeric, NEW.gross::numeric, NEW.principal::numeric,
                             NEW.tax::numeric) THEN
            RAISE EXCEPTION 'distribution %: its allocations make %, it says %', NEW.id, own,
                (NEW.holdings, NEW.units, NEW.gross, NEW.principal, NEW.tax) USING ERRCODE = 'check_violation';
        END IF;
        SELECT coalesce(sum(net) FILTER (WHERE choice = 'in_kind'), 0) AS in_kind,
               coalesce(sum(net) FILTER (WHERE choice = 'give_back'), 0) AS given_back,
               coalesce(sum(units), 0) AS units, coalesce(sum(tax), 0) AS tax
          INTO own FROM investments_electedline WHERE distribution_id = NEW.id AND choice <> 'cash';
        IF (own.in_kind, own.given_back, own.units, own.tax)
           IS DISTINCT FROM (NEW.in_kind::numeric, NEW.given_back::numeric, NEW.elected_units::numeric,
                             NEW.elected_tax::numeric) THEN
            RAISE EXCEPTION 'distribution %: what is taken otherwise makes %, it says %', NEW.id, own,
                (NEW.in_kind, NEW.given_back, NEW.elected_units, NEW.elected_tax) USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- A line taken otherwise is a line of its distribution, which is not decided, as that says, and follows a choice of its
-- holding up to the record date; checked once for a statement.
CREATE FUNCTION elected_lines_joined() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT line.id INTO wrong
      FROM added AS line
      LEFT JOIN investments_distribution AS distribution
        ON distribution.id = line.distribution_id AND distribution.state = 'calculated'
      LEFT JOIN investments_allocation AS allocation
        ON allocation.id = line.allocation_id AND allocation.distribution_id = distribution.id
       AND (allocation.units, allocation.net, allocation.tax) = (line.units, line.net, line.tax)
      LEFT JOIN investments_election AS election
        ON election.id = line.election_id AND election.holding_id = allocation.holding_id
       AND (line.choice, line.bonus) IN ((election.choice, election.bonus), ('cash', 0))
     WHERE election.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'line % taken otherwise: distribution, line and choice do not belong together', wrong.id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER elected_lines_joined AFTER INSERT ON investments_electedline
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION elected_lines_joined();

-- A choice is one that the fund offers, with the bonus that was shown.
CREATE FUNCTION election_joined() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM investments_electionoffer AS offer
          JOIN investments_holding AS holding ON holding.id = NEW.holding_id AND holding.fund_id = offer.fund_id
         WHERE offer.id = NEW.offer_id
           AND (NEW.choice = 'cash' OR NEW.choice = 'give_back' AND offer.give_back
                OR NEW.choice = 'in_kind' AND offer.in_kind AND offer.bonus = NEW.bonus)) THEN
        RAISE EXCEPTION 'choice of holding %: its fund does not offer this', NEW.holding_id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER election_joined AFTER INSERT ON investments_election
    FOR EACH ROW EXECUTE FUNCTION election_joined();

-- What comes back is at most what was taken in kind, and only learns that it was paid in and with what it goes out.
CREATE FUNCTION elected_return_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NOT EXISTS (
           SELECT FROM investments_electedline AS line
             JOIN investments_distribution AS distribution
               ON distribution.id = line.distribution_id AND distribution.state = 'approved'
            WHERE line.id = NEW.line_id AND line.distribution_id = NEW.distribution_id AND line.choice = 'in_kind'
              AND line.net >= NEW.amount)
       OR TG_OP = 'UPDATE' AND (
           (to_jsonb(NEW) - ARRAY['released_at', 'payout_id']) IS DISTINCT FROM
           (to_jsonb(OLD) - ARRAY['released_at', 'payout_id'])
           OR OLD.released_at IS NOT NULL AND NEW.released_at IS DISTINCT FROM OLD.released_at
           OR OLD.payout_id IS NOT NULL AND NEW.payout_id IS DISTINCT FROM OLD.payout_id) THEN
        RAISE EXCEPTION 'amount back in cash %: its line does not say this, or it is decided', NEW.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER elected_return_kept BEFORE INSERT OR UPDATE ON investments_electedreturn
    FOR EACH ROW EXECUTE FUNCTION elected_return_kept();

-- As before; what came back from vouchers is part of what a payout is about.
CREATE OR REPLACE FUNCTION payout_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.run_id, NEW.fund_id, NEW.investor_id, NEW.gross, NEW.principal, NEW.profit, NEW.returned)
       IS DISTINCT FROM
       (OLD.id, OLD.run_id, OLD.fund_id, OLD.investor_id, OLD.gross, OLD.principal, OLD.profit, OLD.returned)
       OR (NEW.tax, NEW.net) IS DISTINCT FROM (OLD.tax, OLD.net)
          AND NOT (OLD.state = 'waiting' AND NEW.state = 'waiting' AND OLD.withheld_on IS NULL)
       OR OLD.withheld_on IS NOT NULL AND NEW.withheld_on IS DISTINCT FROM OLD.withheld_on THEN
        RAISE EXCEPTION 'payout %: what it is about cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- No part of a line that was taken otherwise is ever paid out.
CREATE FUNCTION payout_items_in_cash() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added AS item
                 JOIN investments_electedline AS line ON line.allocation_id = item.allocation_id
                WHERE line.choice <> 'cash') THEN
        RAISE EXCEPTION 'payout item: its line was taken in kind or given back' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER payout_items_in_cash AFTER INSERT ON investments_payoutitem
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION payout_items_in_cash();

DO $$
DECLARE name text;
BEGIN
    -- Written once.
    FOREACH name IN ARRAY ARRAY['investments_electionoffer', 'investments_election', 'investments_electedline']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH STATEMENT
                        EXECUTE FUNCTION refuse_change()', name || '_kept', name);
    END LOOP;
    CREATE TRIGGER investments_electedreturn_stays BEFORE DELETE ON investments_electedreturn
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    FOREACH name IN ARRAY ARRAY['investments_electionoffer', 'investments_election', 'investments_electedline',
                                'investments_electedreturn']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT
                        EXECUTE FUNCTION refuse_change()', name || '_no_truncate', name);
    END LOOP;
END $$;

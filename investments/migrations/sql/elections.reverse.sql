DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['investments_electionoffer', 'investments_election', 'investments_electedline']
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_kept', name);
    END LOOP;
    DROP TRIGGER investments_electedreturn_stays ON investments_electedreturn;
    FOREACH name IN ARRAY ARRAY['investments_electionoffer', 'investments_election', 'investments_electedline',
                                'investments_electedreturn']
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_no_truncate', name);
    END LOOP;
END $$;
DROP TRIGGER payout_items_in_cash ON investments_payoutitem;
DROP FUNCTION payout_items_in_cash();
DROP TRIGGER elected_return_kept ON investments_electedreturn;
DROP FUNCTION elected_return_kept();
DROP TRIGGER election_joined ON investments_election;
DROP FUNCTION election_joined();
DROP TRIGGER elected_lines_joined ON investments_electedline;
DROP FUNCTION elected_lines_joined();
CREATE OR REPLACE FUNCTION payout_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.run_id, NEW.fund_id, NEW.investor_id, NEW.gross, NEW.principal, NEW.profit)
       IS DISTINCT FROM (OLD.id, OLD.run_id, OLD.fund_id, OLD.investor_id, OLD.gross, OLD.principal, OLD.profit)
       OR (NEW.tax, NEW.net) IS DISTINCT FROM (OLD.tax, OLD.net)
          AND NOT (OLD.state = 'waiting' AND NEW.state = 'waiting' AND OLD.withheld_on IS NULL)
       OR OLD.withheld_on IS NOT NULL AND NEW.withheld_on IS DISTINCT FROM OLD.withheld_on THEN
        RAISE EXCEPTION 'payout %: what it is about cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION distribution_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own record;
    learns CONSTANT text[] := ARRAY['received', 'instalment_per_unit', 'written_off', 'written_off_per_unit'];
BEGIN
    IF OLD.state = 'approved' AND (to_jsonb(NEW) - learns) IS DISTINCT FROM (to_jsonb(OLD) - learns)
       OR OLD.state = 'approved' AND (NEW.received < OLD.received OR NEW.instalment_per_unit < OLD.instalment_per_unit)
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
    END IF;
    RETURN NEW;
END $$;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['investments_writeoff', 'investments_retax', 'investments_retaxedallocation',
                                'investments_moratorium', 'investments_moratoriumfund',
                                'investments_unclaimedpart']
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_no_truncate', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['investments_writeoff', 'investments_moratorium', 'investments_moratoriumfund',
                                'investments_unclaimedpart']
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_stays', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['investments_retax', 'investments_retaxedallocation']
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_kept', name);
    END LOOP;
END $$;
DROP TRIGGER unclaimed_part_kept ON investments_unclaimedpart;
DROP FUNCTION unclaimed_part_kept();
DROP TRIGGER payout_items_claimed ON investments_payoutitem;
DROP FUNCTION payout_items_claimed();
DROP TRIGGER moratorium_fund_joined ON investments_moratoriumfund;
DROP FUNCTION moratorium_fund_joined();
DROP TRIGGER moratorium_kept ON investments_moratorium;
DROP FUNCTION moratorium_kept();
DROP TRIGGER period_relief_kept ON investments_period;
DROP FUNCTION period_relief_kept();
DROP TRIGGER investments_payoutitem_stays ON investments_payoutitem;
DROP TRIGGER investments_payoutitem_kept ON investments_payoutitem;
DROP FUNCTION payout_item_kept();
CREATE TRIGGER investments_payoutitem_kept BEFORE UPDATE OR DELETE ON investments_payoutitem
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE FUNCTION payout_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.run_id, NEW.fund_id, NEW.investor_id, NEW.gross, NEW.principal, NEW.profit, NEW.tax, NEW.net)
       IS DISTINCT FROM
       (OLD.id, OLD.run_id, OLD.fund_id, OLD.investor_id, OLD.gross, OLD.principal, OLD.profit, OLD.tax, OLD.net)
       OR OLD.withheld_on IS NOT NULL AND NEW.withheld_on IS DISTINCT FROM OLD.withheld_on THEN
        RAISE EXCEPTION 'payout %: what it is about cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER retaxed_joined ON investments_retaxedallocation;
DROP FUNCTION retaxed_joined();
DROP TRIGGER write_off_kept ON investments_writeoff;
DROP FUNCTION write_off_kept();
CREATE OR REPLACE FUNCTION distribution_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own record;
BEGIN
    IF OLD.state = 'approved' AND
       (to_jsonb(NEW) - ARRAY['received', 'instalment_per_unit'])
       IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['received', 'instalment_per_unit'])
       OR OLD.state = 'approved' AND (NEW.received < OLD.received OR NEW.instalment_per_unit < OLD.instalment_per_unit)
       OR OLD.state = 'discarded' AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
        RAISE EXCEPTION 'distribution %: what was decided cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
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

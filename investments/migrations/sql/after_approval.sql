-- What may change after a distribution was approved (domain.md section 5): arrears that two people write off, and the tax of
-- what is not paid yet where another rate holds on its transfer date. refuse_change() is the audit app's.

-- Every fund's book has the account of what is left over by a write-off.
INSERT INTO investments_account (book_id, code)
SELECT id, 'business_credit' FROM investments_book WHERE kind = 'fund' ON CONFLICT DO NOTHING;

-- As before, and: arrears are written off once, as two people decided.
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

-- A write-off is decided once; an approved one only learns what became of its credit, which never grows.
CREATE FUNCTION write_off_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided CONSTANT text[] := ARRAY['state', 'checker_id', 'approved_at', 'credit_left'];
    learns CONSTANT text[] := ARRAY['credit_left', 'returned', 'returned_on'];
BEGIN
    IF OLD.state = 'prepared' AND (to_jsonb(NEW) - decided) IS DISTINCT FROM (to_jsonb(OLD) - decided)
       OR OLD.state = 'approved' AND (to_jsonb(NEW) - learns) IS DISTINCT FROM (to_jsonb(OLD) - learns)
       OR OLD.state = 'approved' AND (NEW.credit_left > OLD.credit_left OR NEW.returned < OLD.returned)
       OR OLD.state = 'prepared' AND NEW.state = 'approved' AND NEW.credit_left <> NEW.credit
       OR OLD.state = 'withdrawn' AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
        RAISE EXCEPTION 'write-off %: what was decided cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER write_off_kept BEFORE UPDATE ON investments_writeoff FOR EACH ROW EXECUTE FUNCTION write_off_kept();

-- The references of the lines taxed again, checked once for a statement, and the sums of their row.
CREATE FUNCTION retaxed_joined() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT line.id INTO wrong
      FROM added AS line
      LEFT JOIN investments_retax AS retax ON retax.id = line.retax_id
      LEFT JOIN investments_allocation AS allocation
        ON allocation.id = line.allocation_id AND allocation.distribution_id = retax.distribution_id
      LEFT JOIN investments_distribution AS distribution
        ON distribution.id = retax.distribution_id AND distribution.state = 'approved'
     WHERE distribution.id IS NULL OR allocation.id IS NULL OR line.tax > allocation.profit
        OR line.rate <> CASE allocation.payee_class WHEN 'company' THEN retax.rate_company ELSE retax.rate_person END
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'line % taxed again: distribution, allocation and rate do not belong together', wrong.id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER retaxed_joined AFTER INSERT ON investments_retaxedallocation
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION retaxed_joined();

-- A payout keeps what it is about; until its tax is withheld, and while it is in no run, the tax may follow the rate.
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
DROP TRIGGER investments_payoutitem_kept ON investments_payoutitem;
CREATE FUNCTION payout_item_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - ARRAY['tax', 'net']) IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['tax', 'net'])
       OR NOT EXISTS (SELECT FROM investments_payout
                       WHERE id = OLD.payout_id AND state = 'waiting' AND withheld_on IS NULL) THEN
        RAISE EXCEPTION 'payout item %: what it is about cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER investments_payoutitem_kept BEFORE UPDATE ON investments_payoutitem
    FOR EACH ROW EXECUTE FUNCTION payout_item_kept();
CREATE TRIGGER investments_payoutitem_stays BEFORE DELETE ON investments_payoutitem
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a moratorium makes of a period, two people decided, and it never changes once the period is decided.
CREATE FUNCTION period_relief_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.relief, NEW.moratorium_id) IS DISTINCT FROM (OLD.relief, OLD.moratorium_id)
       AND (OLD.state NOT IN ('scheduled', 'report_due', 'reported', 'accepted', 'calculated')
            OR NEW.moratorium_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM investments_moratorium AS own
                  JOIN investments_moratoriumfund AS part ON part.moratorium_id = own.id
                 WHERE own.id = NEW.moratorium_id AND own.state = 'approved' AND own.action = NEW.relief
                   AND part.fund_id = NEW.fund_id AND part.state IN ('waiting', 'applied'))) THEN
        RAISE EXCEPTION 'period %: no moratorium says this, or it is decided', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER period_relief_kept BEFORE UPDATE OF relief, moratorium_id ON investments_period
    FOR EACH ROW EXECUTE FUNCTION period_relief_kept();

CREATE FUNCTION moratorium_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.title, NEW.reason, NEW.action, NEW.from_on, NEW.until_on, NEW.maker_id)
       IS DISTINCT FROM (OLD.title, OLD.reason, OLD.action, OLD.from_on, OLD.until_on, OLD.maker_id)
       OR OLD.state <> 'prepared' AND (NEW.checker_id, NEW.approved_at) IS DISTINCT FROM (OLD.checker_id, OLD.approved_at)
       OR OLD.state IN ('ended', 'withdrawn') AND NEW.state <> OLD.state THEN
        RAISE EXCEPTION 'moratorium %: what was decided cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER moratorium_kept BEFORE UPDATE ON investments_moratorium FOR EACH ROW EXECUTE FUNCTION moratorium_kept();

-- No fund joins a moratorium that was decided.
CREATE FUNCTION moratorium_fund_joined() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NOT EXISTS (
           SELECT FROM investments_moratorium WHERE id = NEW.moratorium_id AND state = 'prepared')
       OR TG_OP = 'UPDATE' AND (NEW.moratorium_id, NEW.fund_id) IS DISTINCT FROM (OLD.moratorium_id, OLD.fund_id) THEN
        RAISE EXCEPTION 'moratorium %: its funds are decided', NEW.moratorium_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER moratorium_fund_joined BEFORE INSERT OR UPDATE ON investments_moratoriumfund
    FOR EACH ROW EXECUTE FUNCTION moratorium_fund_joined();

-- A part that was set aside is in no payout before it was claimed; it only learns that it was.
CREATE FUNCTION payout_items_claimed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added AS item
                 JOIN investments_unclaimedpart AS kept
                   ON kept.allocation_id = item.allocation_id AND kept.instalment_id = item.instalment_id
                WHERE kept.claimed_at IS NULL) THEN
        RAISE EXCEPTION 'payout item: its part is set aside' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER payout_items_claimed AFTER INSERT ON investments_payoutitem
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION payout_items_claimed();
CREATE FUNCTION unclaimed_part_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - 'claimed_at') IS DISTINCT FROM (to_jsonb(OLD) - 'claimed_at') OR OLD.claimed_at IS NOT NULL THEN
        RAISE EXCEPTION 'unclaimed part %: it cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER unclaimed_part_kept BEFORE UPDATE ON investments_unclaimedpart
    FOR EACH ROW EXECUTE FUNCTION unclaimed_part_kept();

DO $$
DECLARE name text;
BEGIN
    -- Written once.
    FOREACH name IN ARRAY ARRAY['investments_retax', 'investments_retaxedallocation']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH STATEMENT
                        EXECUTE FUNCTION refuse_change()', name || '_kept', name);
    END LOOP;
    -- Never deleted.
    FOREACH name IN ARRAY ARRAY['investments_writeoff', 'investments_moratorium', 'investments_moratoriumfund',
                                'investments_unclaimedpart']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE DELETE ON %I FOR EACH STATEMENT
                        EXECUTE FUNCTION refuse_change()', name || '_stays', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['investments_writeoff', 'investments_retax', 'investments_retaxedallocation',
                                'investments_moratorium', 'investments_moratoriumfund',
                                'investments_unclaimedpart']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT
                        EXECUTE FUNCTION refuse_change()', name || '_no_truncate', name);
    END LOOP;
END $$;

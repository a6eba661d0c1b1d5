-- What a distribution, its allocations and its payouts promise (domain.md sections 5-9). refuse_change() is the audit app's.

-- A signed report never changes but by its decision, and a decided one not at all.
CREATE FUNCTION revenue_report_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'draft' AND
       ((to_jsonb(NEW) - ARRAY['state', 'decided_by_id', 'decided_at', 'answer'])
        IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['state', 'decided_by_id', 'decided_at', 'answer'])
        OR OLD.state <> 'submitted') THEN
        RAISE EXCEPTION 'revenue report %: what was signed cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER revenue_report_kept BEFORE UPDATE ON investments_revenuereport
    FOR EACH ROW EXECUTE FUNCTION revenue_report_kept();

-- An approved distribution only learns what the business has paid in and what may be paid out; a discarded one nothing.
-- At approval the allocations are summed: whole sums, by one statement.
CREATE FUNCTION distribution_kept() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER distribution_kept BEFORE UPDATE ON investments_distribution
    FOR EACH ROW EXECUTE FUNCTION distribution_kept();

-- The references of the large tables, checked once for a statement: as strict as foreign keys, because what they point to
-- can be neither deleted nor re-keyed (below). No allocation joins a distribution that is approved or discarded.
CREATE FUNCTION allocations_joined() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT part.distribution_id INTO wrong
      FROM (SELECT DISTINCT distribution_id FROM added) AS part
      LEFT JOIN investments_distribution AS distribution ON distribution.id = part.distribution_id
     WHERE distribution.id IS NULL OR distribution.state <> 'calculated' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'allocation: distribution % is unknown or decided', wrong.distribution_id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    SELECT allocation.id, allocation.holding_id INTO wrong
      FROM added AS allocation
      LEFT JOIN investments_distribution AS distribution ON distribution.id = allocation.distribution_id
      LEFT JOIN investments_holding AS holding
        ON holding.id = allocation.holding_id AND holding.fund_id = distribution.fund_id
     WHERE holding.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'allocation %: holding % is unknown or of another fund', wrong.id, wrong.holding_id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER allocations_joined AFTER INSERT ON investments_allocation
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION allocations_joined();

CREATE FUNCTION payout_items_joined() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT item.id INTO wrong
      FROM added AS item
      LEFT JOIN investments_payout AS payout ON payout.id = item.payout_id
      LEFT JOIN investments_instalment AS instalment
        ON instalment.id = item.instalment_id AND instalment.state = 'approved'
      LEFT JOIN investments_allocation AS allocation
        ON allocation.id = item.allocation_id AND allocation.distribution_id = instalment.distribution_id
      LEFT JOIN investments_holding AS holding
        ON holding.id = allocation.holding_id AND holding.fund_id = payout.fund_id
       AND holding.investor_id = payout.investor_id
     WHERE holding.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'payout item %: payout, instalment, allocation and holding do not belong together', wrong.id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    SELECT payout.id INTO wrong
      FROM (SELECT payout_id, sum(gross) AS gross, sum(principal) AS principal, sum(tax) AS tax
              FROM investments_payoutitem WHERE payout_id IN (SELECT payout_id FROM added) GROUP BY payout_id) AS part
      JOIN investments_payout AS payout ON payout.id = part.payout_id
     WHERE (payout.gross, payout.principal, payout.tax) IS DISTINCT FROM (part.gross, part.principal, part.tax) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'payout %: its parts make another sum', wrong.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER payout_items_joined AFTER INSERT ON investments_payoutitem
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION payout_items_joined();

-- An attempt is for the payout's amount, to an account of its investor, in a run that has not been approved.
CREATE FUNCTION payout_attempts_joined() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT attempt.id INTO wrong
      FROM added AS attempt
      LEFT JOIN investments_payout AS payout ON payout.id = attempt.payout_id AND payout.net = attempt.amount
      LEFT JOIN investments_payoutrun AS run ON run.id = attempt.run_id AND run.state = 'prepared'
      LEFT JOIN investments_bankaccount AS account
        ON account.id = attempt.account_id AND account.investor_id = payout.investor_id
     WHERE payout.id IS NULL OR run.id IS NULL OR account.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'payout attempt %: payout, amount, run or account do not belong together', wrong.id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER payout_attempts_joined AFTER INSERT ON investments_payoutattempt
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION payout_attempts_joined();

-- What an instalment releases is decided once; it only learns that it is wholly in payouts.
CREATE FUNCTION instalment_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.distribution_id, NEW.number, NEW.per_unit, NEW.per_unit_before, NEW.maker_id)
       IS DISTINCT FROM (OLD.distribution_id, OLD.number, OLD.per_unit, OLD.per_unit_before, OLD.maker_id)
       OR OLD.state <> 'prepared' AND (NEW.state, NEW.checker_id) IS DISTINCT FROM (OLD.state, OLD.checker_id) THEN
        RAISE EXCEPTION 'instalment %: what was decided cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER instalment_kept BEFORE UPDATE ON investments_instalment
    FOR EACH ROW EXECUTE FUNCTION instalment_kept();

-- What a payout and an attempt are about never changes; a payout that is paid stays so until the bank returns it.
CREATE FUNCTION payout_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.run_id, NEW.fund_id, NEW.investor_id, NEW.gross, NEW.principal, NEW.profit, NEW.tax, NEW.net)
       IS DISTINCT FROM
       (OLD.id, OLD.run_id, OLD.fund_id, OLD.investor_id, OLD.gross, OLD.principal, OLD.profit, OLD.tax, OLD.net)
       OR OLD.withheld_on IS NOT NULL AND NEW.withheld_on IS DISTINCT FROM OLD.withheld_on THEN
        RAISE EXCEPTION 'payout %: what it is about cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_kept BEFORE UPDATE ON investments_payout FOR EACH ROW EXECUTE FUNCTION payout_kept();

CREATE FUNCTION payout_attempt_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.payout_id, NEW.run_id, NEW.number, NEW.account_id, NEW.amount)
       IS DISTINCT FROM (OLD.id, OLD.payout_id, OLD.run_id, OLD.number, OLD.account_id, OLD.amount)
       OR OLD.state IN ('returned', 'withdrawn') AND NEW.state <> OLD.state THEN
        RAISE EXCEPTION 'payout attempt %: what it is about cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_attempt_kept BEFORE UPDATE ON investments_payoutattempt
    FOR EACH ROW EXECUTE FUNCTION payout_attempt_kept();

CREATE FUNCTION payout_run_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'prepared' AND
       (to_jsonb(NEW) - ARRAY['state', 'sent_at']) IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['state', 'sent_at']) THEN
        RAISE EXCEPTION 'payout run %: what was decided cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_run_kept BEFORE UPDATE ON investments_payoutrun
    FOR EACH ROW EXECUTE FUNCTION payout_run_kept();

-- A bank file is what was approved; a change of field keys writes its key anew and nothing else.
CREATE FUNCTION payout_file_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'key' IS DISTINCT FROM to_jsonb(OLD) - 'key' THEN
        RAISE EXCEPTION 'bank file %: what was approved cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_file_kept BEFORE UPDATE ON investments_payoutfile
    FOR EACH ROW EXECUTE FUNCTION payout_file_kept();

CREATE FUNCTION refuse_new_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: a row keeps its key', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
DO $$
DECLARE name text;
BEGIN
    -- Written once.
    FOREACH name IN ARRAY ARRAY['investments_allocation', 'investments_payin', 'investments_payoutitem']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH STATEMENT
                        EXECUTE FUNCTION refuse_change()', name || '_kept', name);
    END LOOP;
    -- Never deleted.
    FOREACH name IN ARRAY ARRAY['investments_revenuereport', 'investments_distribution', 'investments_instalment',
                                'investments_payoutrun', 'investments_payout', 'investments_payoutattempt',
                                'investments_bankreturn', 'investments_release', 'investments_taxpayment',
                                'investments_payoutfile', 'investments_holding']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE DELETE ON %I FOR EACH STATEMENT
                        EXECUTE FUNCTION refuse_change()', name || '_stays', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['investments_revenuereport', 'investments_distribution', 'investments_allocation',
                                'investments_payin', 'investments_instalment', 'investments_payoutrun',
                                'investments_payout', 'investments_payoutitem', 'investments_payoutattempt',
                                'investments_payoutfile', 'investments_bankreturn', 'investments_release',
                                'investments_taxpayment']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT
                        EXECUTE FUNCTION refuse_change()', name || '_no_truncate', name);
    END LOOP;
    -- Never re-keyed: the large tables rely on it.
    FOREACH name IN ARRAY ARRAY['investments_holding', 'investments_distribution', 'investments_instalment',
                                'investments_payoutrun']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OF id ON %I FOR EACH ROW WHEN (NEW.id <> OLD.id)
                        EXECUTE FUNCTION refuse_new_key()', name || '_keyed', name);
    END LOOP;
END $$;

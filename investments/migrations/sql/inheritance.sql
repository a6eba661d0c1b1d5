-- What an inheritance promises (domain.md sections 9.2 and 11). refuse_change() is the audit app's.

-- Books that were opened before learn the account of what is paid instead of rewards.
INSERT INTO investments_account (book_id, code)
SELECT id, 'compensations_payable' FROM investments_book WHERE kind = 'fund' ON CONFLICT DO NOTHING;

-- What two people decided never changes; before it is done its shares make the whole.
CREATE FUNCTION inheritance_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.holding_id, NEW.units, NEW.payee_id, NEW.reason, NEW.maker_id)
       IS DISTINCT FROM (OLD.holding_id, OLD.units, OLD.payee_id, OLD.reason, OLD.maker_id)
       OR OLD.state <> 'prepared' AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
        RAISE EXCEPTION 'inheritance %: what was decided cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'done' AND OLD.state <> 'done'
       AND NEW.units IS DISTINCT FROM (SELECT sum(units) FROM investments_inheritanceshare WHERE inheritance_id = NEW.id)
    THEN
        RAISE EXCEPTION 'inheritance %: its shares do not make %', NEW.id, NEW.units USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER inheritance_kept BEFORE UPDATE ON investments_inheritance
    FOR EACH ROW EXECUTE FUNCTION inheritance_kept();

CREATE FUNCTION inheritance_share_joined() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT state FROM investments_inheritance WHERE id = NEW.inheritance_id) <> 'prepared' THEN
        RAISE EXCEPTION 'inheritance %: what was decided cannot be changed', NEW.inheritance_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER inheritance_share_joined BEFORE INSERT ON investments_inheritanceshare
    FOR EACH ROW EXECUTE FUNCTION inheritance_share_joined();

-- At commit: units that move by an inheritance come to nothing, and stay within one fund.
CREATE FUNCTION inherited_units_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own record;
BEGIN
    SELECT sum(movement.units) AS units, count(DISTINCT holding.fund_id) AS funds INTO own
      FROM investments_movement AS movement JOIN investments_holding AS holding ON holding.id = movement.holding_id
     WHERE movement.kind = 'inherit' AND movement.source = NEW.source;
    IF own.units <> 0 OR own.funds <> 1 THEN
        RAISE EXCEPTION 'movements of %: they make % units in % funds', NEW.source, own.units, own.funds
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER inherited_units_balance AFTER INSERT ON investments_movement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'inherit')
    EXECUTE FUNCTION inherited_units_balance();

-- Who is paid for a holding, once named, is never another.
CREATE FUNCTION holding_payee_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'holding %: whom it is paid to cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER holding_payee_kept BEFORE UPDATE OF paid_to_id ON investments_holding
    FOR EACH ROW WHEN (OLD.paid_to_id IS NOT NULL AND NEW.paid_to_id IS DISTINCT FROM OLD.paid_to_id)
    EXECUTE FUNCTION holding_payee_kept();

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['investments_inheritance', 'investments_inheritanceshare']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE DELETE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                       name || '_stays', name);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                       name || '_no_truncate', name);
    END LOOP;
END $$;
CREATE TRIGGER investments_inheritanceshare_kept BEFORE UPDATE ON investments_inheritanceshare
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a deceased holder is still owed goes to the heir whom the holding names (distributions.sql has the rest).
CREATE OR REPLACE FUNCTION payout_items_joined() RETURNS trigger LANGUAGE plpgsql AS $$
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
       AND coalesce(holding.paid_to_id, holding.investor_id) = payout.investor_id
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

CREATE OR REPLACE FUNCTION payout_attempts_joined() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT attempt.id INTO wrong
      FROM added AS attempt
      LEFT JOIN investments_payout AS payout ON payout.id = attempt.payout_id AND payout.net = attempt.amount
      LEFT JOIN investments_payoutrun AS run ON run.id = attempt.run_id AND run.state = 'prepared'
      LEFT JOIN investments_holding AS holding
        ON holding.fund_id = payout.fund_id AND holding.investor_id = payout.investor_id
      LEFT JOIN investments_bankaccount AS account
        ON account.id = attempt.account_id AND account.investor_id = coalesce(holding.paid_to_id, payout.investor_id)
     WHERE payout.id IS NULL OR run.id IS NULL OR account.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'payout attempt %: payout, amount, run or account do not belong together', wrong.id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

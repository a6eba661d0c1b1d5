CREATE OR REPLACE FUNCTION compensation_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.entitlement_id, NEW.amount, NEW.value, NEW.reason, NEW.payer_code, NEW.maker_id)
       IS DISTINCT FROM
       (OLD.entitlement_id, OLD.amount, OLD.value, OLD.reason, OLD.payer_code, OLD.maker_id)
       OR OLD.state <> 'prepared'
          AND (NEW.checker_id, NEW.approved_at, NEW.due_on) IS DISTINCT FROM (OLD.checker_id, OLD.approved_at, OLD.due_on)
       OR OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN
          (('prepared', 'approved'), ('prepared', 'withdrawn'), ('approved', 'funded'), ('funded', 'paid'))
       OR OLD.use_id IS NOT NULL AND NEW.use_id IS DISTINCT FROM OLD.use_id THEN
        RAISE EXCEPTION 'compensation %: what was decided cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

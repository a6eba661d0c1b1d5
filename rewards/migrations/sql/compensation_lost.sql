-- What the business never pays may be given up; once that is decided, why and by whom never changes.
CREATE OR REPLACE FUNCTION compensation_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.entitlement_id, NEW.amount, NEW.value, NEW.reason, NEW.payer_code, NEW.maker_id)
       IS DISTINCT FROM
       (OLD.entitlement_id, OLD.amount, OLD.value, OLD.reason, OLD.payer_code, OLD.maker_id)
       OR OLD.state <> 'prepared'
          AND (NEW.checker_id, NEW.approved_at, NEW.due_on) IS DISTINCT FROM (OLD.checker_id, OLD.approved_at, OLD.due_on)
       OR OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN
          (('prepared', 'approved'), ('prepared', 'withdrawn'), ('approved', 'funded'), ('approved', 'lost'),
           ('funded', 'paid'))
       OR NEW.state = 'lost'
          AND (NEW.loss_maker_id, NEW.loss_reason) IS DISTINCT FROM (OLD.loss_maker_id, OLD.loss_reason)
       OR OLD.state = 'lost'
          AND (NEW.loss_checker_id, NEW.lost_on) IS DISTINCT FROM (OLD.loss_checker_id, OLD.lost_on)
       OR OLD.use_id IS NOT NULL AND NEW.use_id IS DISTINCT FROM OLD.use_id THEN
        RAISE EXCEPTION 'compensation %: what was decided cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

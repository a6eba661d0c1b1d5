-- What was prepared is what is approved and sent: after it only the steps that follow are written, and nothing after the last
-- (domain.md section 11, two people). The payee is left out, because a change of field keys writes it anew; nobody without
-- those keys can write one that is read.
CREATE FUNCTION outgoing_transfer_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.target, NEW.amount, NEW.currency, NEW.reason, NEW.maker_id, NEW.prepared_at)
       IS DISTINCT FROM (OLD.target, OLD.amount, OLD.currency, OLD.reason, OLD.maker_id, OLD.prepared_at)
       OR (OLD.checker_id IS NOT NULL OR OLD.state = 'withdrawn')
          AND (NEW.checker_id, NEW.approved_at) IS DISTINCT FROM (OLD.checker_id, OLD.approved_at)
       OR OLD.state IN ('sent', 'withdrawn')
          AND (NEW.state, NEW.transferred_on, NEW.bank_reference)
              IS DISTINCT FROM (OLD.state, OLD.transferred_on, OLD.bank_reference) THEN
        RAISE EXCEPTION 'outgoing transfer %: what was decided cannot be changed', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER outgoing_transfer_kept BEFORE UPDATE ON investments_outgoingtransfer
    FOR EACH ROW EXECUTE FUNCTION outgoing_transfer_kept();
CREATE TRIGGER outgoing_transfer_stays BEFORE DELETE ON investments_outgoingtransfer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER outgoing_transfer_no_truncate BEFORE TRUNCATE ON investments_outgoingtransfer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

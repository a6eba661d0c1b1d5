-- What replaces an entitlement, and what is paid instead of one (domain.md section 10).

-- What was given out is never given out again: an entitlement keeps its cycle, its holding, how many it is and what it
-- was made of.
CREATE OR REPLACE FUNCTION entitlement_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.cycle_id, NEW.holding_id, NEW.replaces_id) IS DISTINCT FROM (OLD.cycle_id, OLD.holding_id, OLD.replaces_id)
       OR NEW.quantity > OLD.quantity THEN
        RAISE EXCEPTION 'entitlement %: what it is for cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER entitlement_kept ON rewards_entitlement;
CREATE TRIGGER entitlement_kept BEFORE UPDATE OF cycle_id, holding_id, quantity, replaces_id ON rewards_entitlement
    FOR EACH ROW EXECUTE FUNCTION entitlement_kept();

-- What replaces an entitlement is of the same fund and, together, of the same value; what was replaced has ended.
CREATE FUNCTION entitlement_replaced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    old record;
    made record;
BEGIN
    SELECT entitlement.state, entitlement.cycle_id, entitlement.quantity, offer.fund_id,
           offer.value * entitlement.quantity AS value INTO old
      FROM rewards_entitlement AS entitlement
      JOIN rewards_cycle AS cycle ON cycle.id = entitlement.cycle_id
      JOIN rewards_offer AS offer ON offer.id = cycle.offer_id
     WHERE entitlement.id = NEW.replaces_id;
    SELECT sum(offer.value * entitlement.quantity) AS value, min(offer.fund_id) AS first, max(offer.fund_id) AS last,
           sum(entitlement.quantity) FILTER (WHERE entitlement.cycle_id = old.cycle_id) AS quantity INTO made
      FROM rewards_entitlement AS entitlement
      JOIN rewards_cycle AS cycle ON cycle.id = entitlement.cycle_id
      JOIN rewards_offer AS offer ON offer.id = cycle.offer_id
     WHERE entitlement.replaces_id = NEW.replaces_id;
    IF old.state <> 'moved' OR made.quantity <> old.quantity
       OR (made.value, made.first, made.last) IS DISTINCT FROM (old.value, old.fund_id, old.fund_id) THEN
        RAISE EXCEPTION 'entitlement %: is % and worth %, what replaces it is worth %', NEW.replaces_id, old.state,
            old.value, made.value USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER entitlement_replaced AFTER INSERT ON rewards_entitlement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.replaces_id IS NOT NULL)
    EXECUTE FUNCTION entitlement_replaced();

-- What two people decided to pay instead never changes; it only learns how far it is.
CREATE FUNCTION compensation_kept() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER compensation_kept BEFORE UPDATE ON rewards_compensation
    FOR EACH ROW EXECUTE FUNCTION compensation_kept();
CREATE TRIGGER rewards_compensation_no_delete BEFORE DELETE ON rewards_compensation
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

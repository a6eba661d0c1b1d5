DROP TRIGGER rewards_compensation_no_delete ON rewards_compensation;
DROP TRIGGER compensation_kept ON rewards_compensation;
DROP TRIGGER entitlement_replaced ON rewards_entitlement;
DROP TRIGGER entitlement_kept ON rewards_entitlement;
DROP FUNCTION compensation_kept();
DROP FUNCTION entitlement_replaced();
CREATE OR REPLACE FUNCTION entitlement_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.cycle_id, NEW.holding_id) IS DISTINCT FROM (OLD.cycle_id, OLD.holding_id)
       OR NEW.quantity > OLD.quantity THEN
        RAISE EXCEPTION 'entitlement %: what it is for cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER entitlement_kept BEFORE UPDATE OF cycle_id, holding_id, quantity ON rewards_entitlement
    FOR EACH ROW EXECUTE FUNCTION entitlement_kept();

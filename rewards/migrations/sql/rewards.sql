-- What offers, cycles and entitlements promise (domain.md section 10).

-- An offer whose cycles have begun never changes but by ending: what was promised is what is sent.
CREATE FUNCTION reward_offer_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - ARRAY['ended_at', 'link', 'when_en', 'when_ja'])
       IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['ended_at', 'link', 'when_en', 'when_ja'])
       AND EXISTS (SELECT 1 FROM rewards_cycle WHERE offer_id = OLD.id) THEN
        RAISE EXCEPTION 'reward offer %: its cycles have begun; make a new version', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER reward_offer_kept BEFORE UPDATE ON rewards_offer FOR EACH ROW EXECUTE FUNCTION reward_offer_kept();

-- The references of entitlements, checked once for a statement: a holding of the fund of the cycle's offer.
CREATE FUNCTION entitlements_joined() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT entitlement.id, entitlement.holding_id INTO wrong
      FROM added AS entitlement
      LEFT JOIN rewards_cycle AS cycle ON cycle.id = entitlement.cycle_id
      LEFT JOIN rewards_offer AS offer ON offer.id = cycle.offer_id
      LEFT JOIN investments_holding AS holding
        ON holding.id = entitlement.holding_id AND holding.fund_id = offer.fund_id
     WHERE holding.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entitlement %: holding % is unknown or of another fund', wrong.id, wrong.holding_id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entitlements_joined AFTER INSERT ON rewards_entitlement
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION entitlements_joined();

-- What was given out is never given out again: an entitlement keeps its cycle, its holding and how many it is.
CREATE FUNCTION entitlement_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.cycle_id, NEW.holding_id) IS DISTINCT FROM (OLD.cycle_id, OLD.holding_id)
       OR NEW.quantity > OLD.quantity THEN
        RAISE EXCEPTION 'entitlement %: what it is for cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER entitlement_kept BEFORE UPDATE OF cycle_id, holding_id, quantity ON rewards_entitlement
    FOR EACH ROW EXECUTE FUNCTION entitlement_kept();

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['rewards_cycle', 'rewards_entitlement', 'rewards_redemption']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()',
                       name || '_no_delete', name);
    END LOOP;
END $$;
CREATE TRIGGER rewards_redemption_no_update BEFORE UPDATE ON rewards_redemption
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

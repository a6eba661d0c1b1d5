-- What comes back is at most what was taken in kind, and only learns that it was paid in and with what it goes out.
CREATE OR REPLACE FUNCTION elected_return_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NOT EXISTS (
           SELECT FROM investments_electedline AS line
             JOIN investments_distribution AS distribution
               ON distribution.id = line.distribution_id AND distribution.state = 'approved'
            WHERE line.id = NEW.line_id AND line.distribution_id = NEW.distribution_id AND line.choice = 'in_kind'
              AND line.net >= NEW.amount)
       OR TG_OP = 'UPDATE' AND (
           (to_jsonb(NEW) - ARRAY['released_at', 'payout_id']) IS DISTINCT FROM
           (to_jsonb(OLD) - ARRAY['released_at', 'payout_id'])
           OR OLD.released_at IS NOT NULL AND NEW.released_at IS DISTINCT FROM OLD.released_at
           OR OLD.payout_id IS NOT NULL AND NEW.payout_id IS DISTINCT FROM OLD.payout_id) THEN
        RAISE EXCEPTION 'amount back in cash %: its line does not say this, or it is decided', NEW.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

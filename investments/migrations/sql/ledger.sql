-- The journal's promises (domain.md section 7, architecture.md section 6). refuse_change() comes from the audit app.

-- An entry knows the transaction that wrote it. A forged value could let lines join later, so it is set here.
CREATE FUNCTION ledger_entry_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.xact := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_entry_seal BEFORE INSERT ON investments_entry
    FOR EACH ROW EXECUTE FUNCTION ledger_entry_seal();

-- Lines join an entry only in the transaction that wrote it; both references are checked for the whole statement.
-- As strict as foreign keys, because entries and accounts are never deleted or re-keyed (triggers below).
CREATE FUNCTION ledger_lines_joined() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong record;
BEGIN
    SELECT line.id, line.entry_id INTO wrong
      FROM added AS line
      LEFT JOIN investments_entry AS entry ON entry.id = line.entry_id
     WHERE entry.id IS NULL OR entry.xact <> pg_current_xact_id()::text::bigint
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'ledger line %: entry % is unknown or was sealed by its commit', wrong.id, wrong.entry_id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    SELECT line.id, line.account_id INTO wrong
      FROM added AS line
      LEFT JOIN (investments_account AS account JOIN investments_book AS book ON book.id = account.book_id)
        ON account.id = line.account_id
     WHERE account.id IS NULL OR book.currency <> line.currency
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'ledger line %: account % is unknown or of another currency', wrong.id, wrong.account_id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_lines_joined AFTER INSERT ON investments_line
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_lines_joined();

-- At commit: every entry has lines, and debits = credits in every book and currency (so it has two lines or more, their
-- amounts being positive). Whole entries are summed, by one query for all that a statement wrote: a trigger for each
-- entry takes half as long again as writing a hundred thousand of them. What waits for its check is a row for each
-- statement, which the check takes away; the table need not survive a crash, since no transaction does.
CREATE UNLOGGED TABLE ledger_unchecked (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entries bigint[] NOT NULL
);

CREATE FUNCTION ledger_entries_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_unchecked (entries) SELECT array_agg(id) FROM added HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entries_written AFTER INSERT ON investments_entry
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_written();

CREATE FUNCTION ledger_entries_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    balanced bigint;
    wrong bigint;
BEGIN
    SELECT count(*) FILTER (WHERE entry.balanced), min(entry.id) FILTER (WHERE NOT entry.balanced)
      INTO balanced, wrong
      FROM (SELECT part.entry_id AS id, bool_and(part.balance = 0) AS balanced
              FROM (SELECT line.entry_id,
                           sum(CASE line.side WHEN 'D' THEN line.amount ELSE -line.amount END) AS balance
                      FROM investments_line AS line JOIN investments_account AS account ON account.id = line.account_id
                     WHERE line.entry_id = ANY (NEW.entries)
                     GROUP BY line.entry_id, account.book_id, line.currency) AS part
             GROUP BY part.entry_id) AS entry;
    IF balanced <> cardinality(NEW.entries) THEN
        IF wrong IS NULL THEN
            SELECT min(id) INTO wrong FROM unnest(NEW.entries) AS id
             WHERE NOT EXISTS (SELECT FROM investments_line AS line WHERE line.entry_id = id);
        END IF;
        RAISE EXCEPTION 'ledger entry % (%) does not balance within each book', wrong,
            (SELECT reference FROM investments_entry WHERE id = wrong) USING ERRCODE = 'check_violation';
    END IF;
    DELETE FROM ledger_unchecked WHERE id = NEW.id;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_entries_balanced AFTER INSERT ON ledger_unchecked
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_entries_balanced();

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['investments_book', 'investments_account', 'investments_entry', 'investments_line',
                                'investments_movement', 'investments_acceptance', 'investments_document']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH STATEMENT
                        EXECUTE FUNCTION refuse_change()', name || '_kept', name);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT
                        EXECUTE FUNCTION refuse_change()', name || '_no_truncate', name);
    END LOOP;
END $$;

-- Terms are frozen at opening (domain.md section 3): only a new version may say something else.
CREATE FUNCTION terms_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.frozen_at IS NOT NULL THEN
        RAISE EXCEPTION 'terms % are frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER terms_frozen BEFORE UPDATE OR DELETE ON investments_terms
    FOR EACH ROW EXECUTE FUNCTION terms_frozen();

-- A holding is the sum of its movements: the column is kept by this trigger and by nothing else.
CREATE FUNCTION holding_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE investments_holding AS holding SET units = holding.units + part.units
      FROM (SELECT holding_id, sum(units) AS units FROM added GROUP BY holding_id) AS part
     WHERE holding.id = part.holding_id;
    RETURN NULL;
END $$;
CREATE TRIGGER holding_moved AFTER INSERT ON investments_movement
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION holding_moved();

-- Refunds of an attempt that took effect or may still do so never exceed what was captured (domain.md section 4.8).
-- The attempt's row is locked first, so two refunds at once are judged one after the other.
CREATE FUNCTION refunds_within_captured() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    taken bigint;
    refunded bigint;
BEGIN
    SELECT captured INTO taken FROM investments_paymentattempt WHERE id = NEW.attempt_id FOR UPDATE;
    SELECT coalesce(sum(amount), 0) INTO refunded FROM investments_refund
     WHERE attempt_id = NEW.attempt_id;
    IF refunded > taken THEN
        RAISE EXCEPTION 'refunds of attempt % would be % of % captured', NEW.attempt_id, refunded, taken
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER refunds_within_captured AFTER INSERT OR UPDATE OF amount, attempt_id ON investments_refund
    FOR EACH ROW EXECUTE FUNCTION refunds_within_captured();

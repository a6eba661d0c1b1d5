-- The rules of the house are versions (domain.md section 2): they are added and never changed, because an open fund has
-- frozen one. refuse_change() comes from the audit app.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['investments_policyprofile', 'investments_taxrate']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH STATEMENT
                        EXECUTE FUNCTION refuse_change()', name || '_kept', name);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT
                        EXECUTE FUNCTION refuse_change()', name || '_no_truncate', name);
    END LOOP;
END $$;

-- One known way to pay or more, each with the reference of the legal opinion that allows it; and a zone that is known
-- here too (an unknown one is an error of AT TIME ZONE; names in the old POSIX form, which say nothing, are no zones).
ALTER TABLE investments_policyprofile
    ADD CONSTRAINT policy_methods_known CHECK (
        CASE WHEN jsonb_typeof(payment_methods) = 'object'
             THEN payment_methods <> '{}'
              AND payment_methods - ARRAY['card', 'konbini', 'bank_transfer'] = '{}'
              AND NOT payment_methods @? '$.* ? (@.type() != "string" || !(@ like_regex "\\S"))'
             ELSE false END),
    ADD CONSTRAINT policy_zone_known CHECK (
        zone ~ '^(UTC|[A-Za-z]+(/[A-Za-z_+-]+[0-9]*)+)$'
        AND (timestamptz '2000-01-01 00:00:00+00' AT TIME ZONE zone) IS NOT NULL);

ALTER TABLE investments_policyprofile
    DROP CONSTRAINT policy_zone_known,
    DROP CONSTRAINT policy_methods_known;
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['investments_policyprofile', 'investments_taxrate']
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_kept', name);
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_no_truncate', name);
    END LOOP;
END $$;

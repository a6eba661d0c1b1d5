DROP TRIGGER refunds_within_captured ON investments_refund;
DROP FUNCTION refunds_within_captured();
DROP TRIGGER holding_moved ON investments_movement;
DROP FUNCTION holding_moved();
DROP TRIGGER terms_frozen ON investments_terms;
DROP FUNCTION terms_frozen();
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['investments_book', 'investments_account', 'investments_entry', 'investments_line',
                                'investments_movement', 'investments_acceptance', 'investments_document']
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_kept', name);
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_no_truncate', name);
    END LOOP;
END $$;
DROP TRIGGER ledger_entries_written ON investments_entry;
DROP FUNCTION ledger_entries_written();
DROP TABLE ledger_unchecked;
DROP FUNCTION ledger_entries_balanced();
DROP TRIGGER ledger_lines_joined ON investments_line;
DROP FUNCTION ledger_lines_joined();
DROP TRIGGER ledger_entry_seal ON investments_entry;
DROP FUNCTION ledger_entry_seal();

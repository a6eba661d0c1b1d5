DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['investments_holding', 'investments_distribution', 'investments_instalment',
                                'investments_payoutrun']
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_keyed', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['investments_revenuereport', 'investments_distribution', 'investments_allocation',
                                'investments_payin', 'investments_instalment', 'investments_payoutrun',
                                'investments_payout', 'investments_payoutitem', 'investments_payoutattempt',
                                'investments_payoutfile', 'investments_bankreturn', 'investments_release',
                                'investments_taxpayment']
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_no_truncate', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['investments_revenuereport', 'investments_distribution', 'investments_instalment',
                                'investments_payoutrun', 'investments_payout', 'investments_payoutattempt',
                                'investments_bankreturn', 'investments_release', 'investments_taxpayment',
                                'investments_payoutfile', 'investments_holding']
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_stays', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['investments_allocation', 'investments_payin', 'investments_payoutitem']
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_kept', name);
    END LOOP;
END $$;
DROP FUNCTION refuse_new_key();
DROP TRIGGER payout_file_kept ON investments_payoutfile;
DROP FUNCTION payout_file_kept();
DROP TRIGGER payout_run_kept ON investments_payoutrun;
DROP FUNCTION payout_run_kept();
DROP TRIGGER payout_attempt_kept ON investments_payoutattempt;
DROP FUNCTION payout_attempt_kept();
DROP TRIGGER payout_kept ON investments_payout;
DROP FUNCTION payout_kept();
DROP TRIGGER instalment_kept ON investments_instalment;
DROP FUNCTION instalment_kept();
DROP TRIGGER payout_attempts_joined ON investments_payoutattempt;
DROP FUNCTION payout_attempts_joined();
DROP TRIGGER payout_items_joined ON investments_payoutitem;
DROP FUNCTION payout_items_joined();
DROP TRIGGER allocations_joined ON investments_allocation;
DROP FUNCTION allocations_joined();
DROP TRIGGER distribution_kept ON investments_distribution;
DROP FUNCTION distribution_kept();
DROP TRIGGER revenue_report_kept ON investments_revenuereport;
DROP FUNCTION revenue_report_kept();

DROP TRIGGER investments_inheritanceshare_kept ON investments_inheritanceshare;
DROP TRIGGER investments_inheritanceshare_no_truncate ON investments_inheritanceshare;
DROP TRIGGER investments_inheritanceshare_stays ON investments_inheritanceshare;
DROP TRIGGER investments_inheritance_no_truncate ON investments_inheritance;
DROP TRIGGER investments_inheritance_stays ON investments_inheritance;
DROP TRIGGER holding_payee_kept ON investments_holding;
DROP TRIGGER inherited_units_balance ON investments_movement;
DROP TRIGGER inheritance_share_joined ON investments_inheritanceshare;
DROP TRIGGER inheritance_kept ON investments_inheritance;
DROP FUNCTION holding_payee_kept();
DROP FUNCTION inherited_units_balance();
DROP FUNCTION inheritance_share_joined();
DROP FUNCTION inheritance_kept();
CREATE OR REPLACE FUNCTION payout_items_joined() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT item.id INTO wrong
      FROM added AS item
      LEFT JOIN investments_payout AS payout ON payout.id = item.payout_id
      LEFT JOIN investments_instalment AS instalment
        ON instalment.id = item.instalment_id AND instalment.state = 'approved'
      LEFT JOIN investments_allocation AS allocation
        ON allocation.id = item.allocation_id AND allocation.distribution_id = instalment.distribution_id
      LEFT JOIN investments_holding AS holding
        ON holding.id = allocation.holding_id AND holding.fund_id = payout.fund_id
       AND holding.investor_id = payout.investor_id
     WHERE holding.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'payout item %: payout, instalment, allocation and holding do not belong together', wrong.id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    SELECT payout.id INTO wrong
      FROM (SELECT payout_id, sum(gross) AS gross, sum(principal) AS principal, sum(tax) AS tax
              FROM investments_payoutitem WHERE payout_id IN (SELECT payout_id FROM added) GROUP BY payout_id) AS part
      JOIN investments_payout AS payout ON payout.id = part.payout_id
     WHERE (payout.gross, payout.principal, payout.tax) IS DISTINCT FROM (part.gross, part.principal, part.tax) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'payout %: its parts make another sum', wrong.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION payout_attempts_joined() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT attempt.id INTO wrong
      FROM added AS attempt
      LEFT JOIN investments_payout AS payout ON payout.id = attempt.payout_id AND payout.net = attempt.amount
      LEFT JOIN investments_payoutrun AS run ON run.id = attempt.run_id AND run.state = 'prepared'
      LEFT JOIN investments_bankaccount AS account
        ON account.id = attempt.account_id AND account.investor_id = payout.investor_id
     WHERE payout.id IS NULL OR run.id IS NULL OR account.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'payout attempt %: payout, amount, run or account do not belong together', wrong.id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

-- Units are counted here and nowhere else when an order is placed (domain.md section 4.2): the order, its acceptances
-- and its audit row, and the three counters, the fund's last, so that the row at which all buyers of a fund meet is held
-- for one statement and the commit. Every guard reads only columns of the row it updates; a statement that waited for that
-- row judges it as it is now. A guard that refuses raises TM001 with its name as the message, and nothing has happened.
-- Stored, because its statements are then planned once a connection; called by investments/orders/reserve.py.
CREATE OR REPLACE PROCEDURE place_order(
    facts jsonb, business bigint, person_units integer, today date, actor bigint, accepted jsonb,
    INOUT placed_id bigint DEFAULT NULL, INOUT placed_at timestamptz DEFAULT NULL
) LANGUAGE plpgsql AS $$
DECLARE
    own investments_order := jsonb_populate_record(NULL::investments_order, facts);
    delayed integer := CASE own.method WHEN 'card' THEN 0 ELSE own.units END;
    most bigint := (SELECT investment_per_person_business FROM investments_policyprofile
                     WHERE effective_from <= today ORDER BY effective_from DESC, version DESC LIMIT 1);
BEGIN
    INSERT INTO investments_personbusiness AS total (investor_id, business_id, invested)
    SELECT own.investor_id, business, own.investment WHERE own.investment <= most
        ON CONFLICT (investor_id, business_id) DO UPDATE SET invested = total.invested + excluded.invested
     WHERE total.invested + excluded.invested <= most;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'business_limit' USING ERRCODE = 'TM001';
    END IF;

    INSERT INTO investments_personfund AS total (investor_id, fund_id, units)
    SELECT own.investor_id, own.fund_id, own.units WHERE own.units <= person_units
        ON CONFLICT (investor_id, fund_id) DO UPDATE SET units = total.units + excluded.units
     WHERE total.units + excluded.units <= person_units;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'person_limit' USING ERRCODE = 'TM001';
    END IF;

    INSERT INTO investments_order (reference, payer_code, form_token, investor_id, payer_id, fund_id, terms_id, state, method,
        units, investment, donation, fee, total, currency, language, answers, supporter_name_shown, supporter_message, applied_at,
        counts_until, counted, reserved_until, extensions)
    SELECT own.reference, own.payer_code, own.form_token, own.investor_id, own.payer_id, own.fund_id, own.terms_id, own.state,
        own.method, own.units, own.investment, own.donation, own.fee, own.total, own.currency, own.language, own.answers,
        own.supporter_name_shown, own.supporter_message, own.applied_at, own.counts_until, own.counted,
        own.reserved_until, own.extensions
     WHERE NOT EXISTS (SELECT FROM investments_terms AS newer JOIN investments_terms AS read ON read.id = own.terms_id
                        WHERE newer.fund_id = read.fund_id AND newer.version > read.version)
    RETURNING id, recorded_at INTO placed_id, placed_at;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'fund' USING ERRCODE = 'TM001';
    END IF;

    INSERT INTO investments_acceptance (order_id, investor_id, document_id, sha256, accepted_at, ip)
    SELECT placed_id, own.investor_id, part.document_id, part.sha256, part.accepted_at, part.ip
      FROM jsonb_to_recordset(accepted) AS part (document_id bigint, sha256 text, accepted_at timestamptz, ip inet);

    INSERT INTO audit_auditrow (happened_at, actor_id, actor_label, action, object_type, object_id, changes, reason)
    VALUES (own.applied_at, actor, 'user:' || actor, 'investments.Order.reserved', 'investments.Order', placed_id::text,
        jsonb_build_object('units', own.units, 'total', own.total, 'method', own.method), '');

    UPDATE investments_fundcounter
       SET reserved = reserved + own.units, reserved_delayed = reserved_delayed + delayed
     WHERE fund_id = own.fund_id AND accepting AND closes_at > own.applied_at AND offered - reserved - sold >= own.units
       AND (delayed = 0 OR reserved_delayed + delayed <= delayed_limit);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'fund' USING ERRCODE = 'TM001';
    END IF;
END $$;

"""What is compared of a fund between two runs, by kind of row: the statements of `books.state_of`. No ids, no
references, no instants; orders by their label."""

from __future__ import annotations

QUERIES = {
    "fund": "SELECT state, opened_at IS NOT NULL, closed_at IS NOT NULL, succeeded_at IS NOT NULL, ended_at IS NOT NULL"
    " FROM investments_fund WHERE id = %(fund)s",
    "counter": "SELECT accepting, offered, reserved, reserved_delayed, sold, cleared FROM investments_fundcounter"
    " WHERE fund_id = %(fund)s",
    "orders": "SELECT supporter_message, state, method, units, total, counted, extensions, paid_at IS NOT NULL,"
    " cooling_off_ends_at IS NOT NULL, cleared_at IS NOT NULL, confirmed_at IS NOT NULL, frozen_at IS NOT NULL,"
    " ended_at IS NOT NULL, reserved_until IS NOT NULL,"
    " (SELECT count(*) FROM investments_acceptance AS a WHERE a.order_id = o.id)"
    " FROM investments_order AS o WHERE fund_id = %(fund)s",
    "attempts": "SELECT o.supporter_message, a.method, a.state, a.amount, a.captured, a.currency,"
    " a.session_id IS NOT NULL, a.intent_id IS NOT NULL, a.resolved_at IS NOT NULL, a.next_check_at IS NOT NULL"
    " FROM investments_paymentattempt AS a JOIN investments_order AS o ON o.id = a.order_id"
    " WHERE o.fund_id = %(fund)s",
    "refunds": "SELECT o.supporter_message, r.amount, r.state, r.reason, r.by_bank, r.provider_id IS NOT NULL,"
    " r.settled_at IS NOT NULL FROM investments_refund AS r JOIN investments_order AS o ON o.id = r.order_id"
    " WHERE o.fund_id = %(fund)s",
    "disputes": "SELECT o.supporter_message, d.state, d.amount, d.fee, d.from_order, d.from_refunds, d.needs_decision,"
    " d.decision, d.closed_at IS NOT NULL"
    " FROM investments_dispute AS d JOIN investments_order AS o ON o.id = d.order_id WHERE o.fund_id = %(fund)s",
    "holdings": "SELECT o.label, h.units, h.frozen_at IS NOT NULL,"
    " (SELECT array_agg(m.kind || m.units::text ORDER BY m.kind, m.units) FROM investments_movement AS m"
    "   WHERE m.holding_id = h.id)"
    " FROM investments_holding AS h JOIN LATERAL (SELECT min(supporter_message) AS label FROM investments_order"
    "   WHERE investor_id = h.investor_id AND fund_id = h.fund_id) AS o ON true WHERE h.fund_id = %(fund)s",
    "persons": "SELECT units FROM investments_personfund WHERE fund_id = %(fund)s",
    "totals": "SELECT invested FROM investments_personbusiness WHERE business_id ="
    " (SELECT business_id FROM investments_fund WHERE id = %(fund)s)",
    "periods": "SELECT number, starts_on::text, ends_on::text, payment_due_on::text, state, relief"
    " FROM investments_period"
    " WHERE fund_id = %(fund)s",
    "reports": "SELECT p.number, r.version, r.state, r.action, r.restatement, r.revenue, r.decided_by_id IS NOT NULL"
    " FROM investments_revenuereport AS r JOIN investments_period AS p ON p.id = r.period_id"
    " WHERE p.fund_id = %(fund)s",
    "distributions": "SELECT p.number, d.supplement, d.state, d.action, d.reason, d.per_unit, d.units, d.gross, d.tax,"
    " d.received, d.instalment_per_unit, d.approved_by_id IS NOT NULL, d.in_kind, d.given_back, d.returned,"
    " (SELECT array_agg(a.units || ' ' || a.gross || ' ' || a.tax || ' ' || a.net ORDER BY a.units)"
    "   FROM investments_allocation AS a WHERE a.distribution_id = d.id),"
    " (SELECT array_agg(i.number || ' ' || i.state || ' ' || i.per_unit || ' ' || i.complete ORDER BY i.number)"
    "   FROM investments_instalment AS i WHERE i.distribution_id = d.id)"
    " FROM investments_distribution AS d JOIN investments_period AS p ON p.id = d.period_id"
    " WHERE d.fund_id = %(fund)s",
    "write_offs": "SELECT p.number, d.written_off, d.written_off_per_unit, w.state, w.amount, w.per_unit, w.net, w.tax,"
    " w.credit, w.credit_left, w.returned, w.checker_id IS NOT NULL FROM investments_writeoff AS w"
    " JOIN investments_distribution AS d ON d.id = w.distribution_id"
    " JOIN investments_period AS p ON p.id = d.period_id WHERE d.fund_id = %(fund)s",
    "payouts": "SELECT y.state, y.gross, y.principal, y.tax, y.net, y.withheld_on::text, y.paid_on::text,"
    " (SELECT array_agg(i.gross || ' ' || i.tax ORDER BY i.gross) FROM investments_payoutitem AS i"
    "   WHERE i.payout_id = y.id),"
    " (SELECT array_agg(t.number || ' ' || t.state || ' ' || t.amount || ' ' || r.state || ' ' || r.pay_on"
    "   ORDER BY t.number) FROM investments_payoutattempt AS t JOIN investments_payoutrun AS r ON r.id = t.run_id"
    "   WHERE t.payout_id = y.id),"
    " (SELECT count(*) FROM investments_bankreturn AS b JOIN investments_payoutattempt AS t ON t.id = b.attempt_id"
    "   WHERE t.payout_id = y.id)"
    " FROM investments_payout AS y WHERE y.fund_id = %(fund)s",
    "elected": "SELECT p.number, e.choice, e.bonus::text, e.units, e.net, e.tax, v.value, v.balance,"
    " v.valid_until::text, v.ended_at IS NOT NULL, back.amount, back.released_at IS NOT NULL,"
    " back.payout_id IS NOT NULL"
    " FROM investments_electedline AS e JOIN investments_distribution AS d ON d.id = e.distribution_id"
    " JOIN investments_period AS p ON p.id = d.period_id"
    " LEFT JOIN rewards_voucher AS v ON v.line_id = e.id"
    " LEFT JOIN investments_electedreturn AS back ON back.line_id = e.id WHERE d.fund_id = %(fund)s",
    "moratoria": "SELECT m.title, m.state, m.told_at IS NOT NULL, m.end_told_at IS NOT NULL, f.state, f.error"
    " FROM investments_moratoriumfund AS f JOIN investments_moratorium AS m ON m.id = f.moratorium_id"
    " WHERE f.fund_id = %(fund)s",
    "taxes": "SELECT month::text, amount, due_on::text, paid_on::text FROM investments_taxpayment"
    " WHERE fund_id = %(fund)s",
    "set_aside": "SELECT net, claimed_at IS NOT NULL FROM investments_unclaimedpart WHERE fund_id = %(fund)s",
    "releases": "SELECT part, amount, released_on::text, withdrawn_at IS NOT NULL FROM investments_release"
    " WHERE fund_id = %(fund)s",
    "entries": "SELECT e.kind, array_agg(b.kind || ' ' || a.code || ' ' || l.side || l.amount || ' ' || l.currency"
    "   || ' ' || coalesce(o.supporter_message, split_part(l.subject, ':', 1))"
    "   ORDER BY b.kind, a.code, l.side, l.amount, o.supporter_message)"
    " FROM investments_entry AS e JOIN investments_line AS l ON l.entry_id = e.id"
    " JOIN investments_account AS a ON a.id = l.account_id JOIN investments_book AS b ON b.id = a.book_id"
    " LEFT JOIN investments_order AS o ON l.subject = 'order:' || o.id::text"
    " WHERE e.id IN (SELECT l2.entry_id FROM investments_line AS l2"
    "   JOIN investments_account AS a2 ON a2.id = l2.account_id JOIN investments_fund AS f ON f.book_id = a2.book_id"
    "   WHERE f.id = %(fund)s"
    "   UNION ALL SELECT l3.entry_id FROM investments_line AS l3 WHERE l3.subject IN"
    "   (SELECT 'order:' || id::text FROM investments_order WHERE fund_id = %(fund)s))"
    " GROUP BY e.id, e.kind",
    "receipts": "SELECT l.amount, l.remaining, l.problem, (SELECT array_agg(u.purpose || u.amount::text ORDER BY 1)"
    "   FROM investments_receiptuse AS u WHERE u.line_id = l.id)"
    " FROM investments_statementline AS l WHERE l.payer_code <> '' AND l.payer_code IN"
    "   (SELECT payer_code FROM investments_order WHERE fund_id = %(fund)s UNION"
    "    SELECT payer_code FROM investments_distribution WHERE fund_id = %(fund)s)",
    "webhooks": "SELECT d.kind, d.state FROM investments_webhookdelivery AS d WHERE EXISTS (SELECT FROM"
    " investments_paymentattempt AS a JOIN investments_order AS o ON o.id = a.order_id"
    " WHERE o.fund_id = %(fund)s AND d.object_id IN (a.session_id, a.intent_id))",
    "audit": "SELECT r.action, coalesce(o.supporter_message, ''), r.changes->'state', r.reason,"
    " r.actor_label = 'system' FROM audit_auditrow AS r"
    " LEFT JOIN investments_order AS o ON r.object_type = 'investments.Order' AND r.object_id = o.id::text"
    " WHERE o.fund_id = %(fund)s OR (r.object_type = 'investments.Fund' AND r.object_id = %(fund)s::text)"
    " OR (r.object_type = 'investments.PaymentAttempt' AND r.object_id IN (SELECT a.id::text FROM"
    "   investments_paymentattempt AS a JOIN investments_order AS o2 ON o2.id = a.order_id"
    "   WHERE o2.fund_id = %(fund)s))"
    " OR (r.object_type = 'investments.Period' AND r.object_id IN (SELECT x.id::text FROM investments_period AS x"
    "   WHERE x.fund_id = %(fund)s))"
    " OR (r.object_type = 'investments.Distribution' AND r.object_id IN (SELECT x.id::text FROM"
    "   investments_distribution AS x WHERE x.fund_id = %(fund)s))"
    " OR (r.object_type = 'investments.Refund' AND r.object_id IN (SELECT x.id::text FROM investments_refund AS x"
    "   JOIN investments_order AS o3 ON o3.id = x.order_id WHERE o3.fund_id = %(fund)s))"
    " OR (r.object_type = 'investments.Dispute' AND r.object_id IN (SELECT x.id::text FROM investments_dispute AS x"
    "   JOIN investments_order AS o4 ON o4.id = x.order_id WHERE o4.fund_id = %(fund)s))",
    "events": "SELECT e.kind, coalesce(o.supporter_message, ''), e.payload->>'state', e.done_at IS NOT NULL,"
    " (SELECT array_agg(d.subscriber ORDER BY d.subscriber) FROM outbox_delivery AS d WHERE d.event_id = e.id)"
    " FROM outbox_event AS e LEFT JOIN investments_refund AS r ON r.id = (e.payload->>'refund_id')::bigint"
    " LEFT JOIN investments_order AS o ON o.id = coalesce((e.payload->>'order_id')::bigint, r.order_id)"
    " WHERE o.fund_id = %(fund)s OR (e.payload->>'fund_id')::bigint = %(fund)s",
}

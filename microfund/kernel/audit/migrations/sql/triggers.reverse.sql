DROP TRIGGER audit_seal_no_truncate ON audit_auditseal;
DROP TRIGGER audit_seal_kept ON audit_auditseal;
DROP TRIGGER audit_row_no_truncate ON audit_auditrow;
DROP TRIGGER audit_row_kept ON audit_auditrow;
DROP TRIGGER audit_row_facts ON audit_auditrow;
DROP FUNCTION audit_row_facts();
DROP FUNCTION refuse_change();

-- A refusal shared by every append-only table.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the table is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION audit_row_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.xact := pg_current_xact_id()::text::bigint;
    NEW.content_hash := sha256(convert_to(
        (extract(epoch FROM NEW.happened_at) * 1000000)::bigint::text || E'\x1f' ||
        coalesce(NEW.actor_id::text, '') || E'\x1f' || NEW.actor_label || E'\x1f' || NEW.action || E'\x1f' ||
        NEW.object_type || E'\x1f' || NEW.object_id || E'\x1f' || NEW.changes::text || E'\x1f' || NEW.reason, 'UTF8'));
    RETURN NEW;
END $$;

CREATE TRIGGER audit_row_facts BEFORE INSERT ON audit_auditrow FOR EACH ROW EXECUTE FUNCTION audit_row_facts();

CREATE TRIGGER audit_row_kept BEFORE UPDATE OR DELETE ON audit_auditrow
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_row_no_truncate BEFORE TRUNCATE ON audit_auditrow
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_seal_kept BEFORE UPDATE OR DELETE ON audit_auditseal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_seal_no_truncate BEFORE TRUNCATE ON audit_auditseal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

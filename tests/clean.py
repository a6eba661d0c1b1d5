"""Puts a test database back to what it was when it was set up, after a test that committed.

Only rows are changed, by one statement that no trigger sees: every guard of the database stays in its place, and what
was written after migrating (policy, tax rates, groups) has the same ids again.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

_KEEP = """
CREATE SCHEMA before_tests;
DO $$
DECLARE own name; there boolean;
BEGIN
    FOR own IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM public.%1$I)', own) INTO there;
        IF there THEN
            EXECUTE format('CREATE TABLE before_tests.%1$I AS TABLE public.%1$I', own);
        END IF;
    END LOOP;
END $$;
CREATE FUNCTION before_tests.put_back() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS $$
DECLARE own name; there boolean; kept boolean;
BEGIN
    FOR own IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM public.%1$I)', own) INTO there;
        kept := to_regclass(format('before_tests.%1$I', own)) IS NOT NULL;
        IF there THEN
            EXECUTE format('DELETE FROM public.%1$I', own);
        END IF;
        IF kept THEN
            EXECUTE format('INSERT INTO public.%1$I TABLE before_tests.%1$I', own);
        END IF;
    END LOOP;
END $$;
"""


def keep() -> None:
    """Remember what every table holds now."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP)


def put_back(_case: Any = None) -> None:
    """Let every table hold what it held at `keep`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT before_tests.put_back()")

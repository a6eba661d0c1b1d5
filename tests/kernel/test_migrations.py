"""Every migration of funds goes back: after each step back the schema is the one from before it, triggers and functions
included."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

pytestmark = pytest.mark.faults
#: What comes before it in the plan is users, sessions and others' tables.
FIRST = ("investments", "0001_squashed_0023_returns_set_aside")

#: Everything that a migration may leave, as text.
_SCHEMA = """
SELECT format('column %s.%s %s null %s default %s generated %s', table_name, column_name, data_type, is_nullable,
              column_default, generation_expression)
  FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT format('constraint %s %s valid %s: %s', conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid))
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT format('view %s %s', viewname, definition) FROM pg_views WHERE schemaname = 'public'
UNION ALL
SELECT format('trigger %s', pg_get_triggerdef(trigger.oid)) FROM pg_trigger AS trigger
  JOIN pg_class AS own ON own.oid = trigger.tgrelid
 WHERE NOT trigger.tgisinternal AND own.relnamespace = 'public'::regnamespace
UNION ALL
SELECT format('function %s(%s) %s %s', own.proname, pg_get_function_identity_arguments(own.oid), own.prokind,
              md5(own.prosrc))
  FROM pg_proc AS own
 WHERE own.pronamespace = 'public'::regnamespace
   AND NOT EXISTS (SELECT FROM pg_depend AS own_of WHERE own_of.objid = own.oid AND own_of.deptype = 'e')
UNION ALL SELECT format('extension %s', extname) FROM pg_extension
"""


@pytest.fixture
def empty_database(django_db_setup: None, django_db_blocker: object) -> Iterator[None]:
    """A new database of the test cluster with nothing in it, in the place of the tests' own."""
    name = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}_steps"')
            cursor.execute(f'CREATE DATABASE "{name}_steps" TEMPLATE template0')
        connection.close()
        connection.settings_dict["NAME"] = f"{name}_steps"
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = name
            with connection._nodb_cursor() as cursor:
                cursor.execute(f'DROP DATABASE "{name}_steps"')


#: What Django and PostgreSQL call a unique constraint that nobody named, by whether it came with its column.
_UNNAMED = re.compile(r"_([0-9a-f]{8}_uniq|key)\b")


def schema() -> Counter[str]:
    with connection.cursor() as cursor:
        cursor.execute(_SCHEMA)
        return Counter(_UNNAMED.sub("_unique", row[0]) for row in cursor.fetchall())


def differs(found: Counter[str], expected: Counter[str]) -> str:
    return "\n".join([*(f"+ {row}" for row in found - expected), *(f"- {row}" for row in expected - found)])


@pytest.mark.usefixtures("empty_database")
def test_every_migration_of_funds_goes_back() -> None:
    executor = MigrationExecutor(connection)
    executor.recorder.ensure_schema()
    plan = [own for own, _back in executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)]
    state, states, schemas = executor._create_project_state(), [], []
    for own in plan:
        states.append(state.clone())
        schemas.append(schema())
        state = executor.apply_migration(state, own)
    schemas.append(schema())
    first = next(n for n, own in enumerate(plan) if (own.app_label, own.name) == FIRST)
    for number in reversed(range(first, len(plan))):
        executor.unapply_migration(states[number].clone(), plan[number])
        assert not (found := differs(schema(), schemas[number])), f"back before {plan[number]}\n{found}"
    print(f"\n  {len(plan)} migrations forward, {len(plan) - first} of them back")

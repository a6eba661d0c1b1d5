"""Who can log in to the demo. These passwords and secrets exist in demo data only (`seed_demo` refuses elsewhere)."""

from __future__ import annotations

PASSWORD = "Half-a-gift-2026"  # noqa: S105 - printed by the demo on purpose

#: Of the second factor of every owner; their addresses are `<family name>@owners.tomobune.example`.
OWNER_SECRET = "JBSWY3DPEHPK3PXPHHHHHHHHHHHHHHHH"  # noqa: S105 - as above
# Role, e-mail, password, TOTP secret of the second factor (type it into any authenticator app).
LOGINS: list[tuple[str, str, str, str]] = [
    ("investor (holds units)", "haruka@demo.tomobune.example", PASSWORD, ""),
    ("investor (9 holdings)", "kenji@demo.tomobune.example", PASSWORD, ""),
    ("investor (in English)", "ellen@demo.tomobune.example", PASSWORD, ""),
    ("investor (a company)", "aoba@demo.tomobune.example", PASSWORD, ""),
    ("owner (oyster farm)", "hatamura@owners.tomobune.example", PASSWORD, OWNER_SECRET),
    ("owner (cannery, repays)", "kaneshige@owners.tomobune.example", PASSWORD, OWNER_SECRET),
    ("staff: reviewer", "reviewer@demo.tomobune.example", PASSWORD, "JBSWY3DPEHPK3PXPAAAAAAAAAAAAAAAA"),
    ("staff: operations", "operations@demo.tomobune.example", PASSWORD, "JBSWY3DPEHPK3PXPBBBBBBBBBBBBBBBB"),
    ("staff: finance maker", "maker@demo.tomobune.example", PASSWORD, "JBSWY3DPEHPK3PXPCCCCCCCCCCCCCCCC"),
    ("staff: finance checker", "checker@demo.tomobune.example", PASSWORD, "JBSWY3DPEHPK3PXPDDDDDDDDDDDDDDDD"),
    ("staff: support", "support@demo.tomobune.example", PASSWORD, "JBSWY3DPEHPK3PXPEEEEEEEEEEEEEEEE"),
    ("staff: auditor", "auditor@demo.tomobune.example", PASSWORD, "JBSWY3DPEHPK3PXPFFFFFFFFFFFFFFFF"),
    ("staff: everything", "admin@demo.tomobune.example", PASSWORD, "JBSWY3DPEHPK3PXPGGGGGGGGGGGGGGGG"),
]
#: Those of the staff.
STAFF = [row for row in LOGINS if row[0].startswith("staff")]

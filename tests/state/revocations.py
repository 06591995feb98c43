"""Times for the tests of revocations, and a table of them as a worker holds it."""

from collections.abc import Mapping

from gateway.state.rules.revocation import Revocation, RevocationTable

NOON = 1_767_268_800.0


DAY = 86_400.0


def table(view: RevocationTable) -> Mapping[bytes, Revocation]:
    view.changed(lambda: NOON + 1)
    return view.table

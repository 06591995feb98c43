"""The table of signatures."""

from gateway.policy.upload.signatures import KNOWN_TYPES


def test_its_types_are_written_in_lower_case_and_without_parameters() -> None:
    assert all(name == name.lower() and name.count("/") == 1 and ";" not in name for name in KNOWN_TYPES)

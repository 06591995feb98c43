"""A setting shows its value to nobody who merely prints it."""

from gateway.config.setting import Setting


def test_a_setting_prints_no_value() -> None:
    shown = repr(Setting("ops.token", "a-value-of-the-environment", "environment TOKEN", "a.yaml:1:1"))
    assert "a-value" not in shown and "environment TOKEN" in shown

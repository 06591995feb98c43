"""What the process of an explanation says; tests/process/test_explaining.py runs it."""

from pathlib import Path

from gateway.process.explaining_main import explained
from tests.process.configs import written

NOW = 1_767_268_800.0


def test_an_order_a_line_and_a_wrong_order(tmp_path: Path) -> None:
    config = written(tmp_path)
    assert explained(config, {"method": "GET", "target": "/none"}, None, NOW)["verdict"] == "no_route"
    assert (
        explained(config, {"request_id": "a"}, {"id": "a", "path": "/none", "reason": "no_route"}, NOW)["verdict"]
        == "no_route"
    )
    assert "error" in explained(config, {"method": "GET", "target": "/none", "at": 5}, None, NOW)
    assert "error" in explained(config, {"method": "GET", "target": ""}, None, NOW)
    assert "error" in explained(config, {}, {"method": "GET\r\n", "path": "/"}, NOW)
    wrong = explained(config, {"method": "GET", "target": "/", "address": "hush"}, None, NOW)
    assert "address" in wrong["error"] and "hush" not in wrong["error"]

"""The metrics of all workers together: they add up, and no counter goes back when a worker is replaced."""

from __future__ import annotations

import subprocess
import sys

from gateway.ops.metrics import families
from gateway.ops.metrics.run import RunMetrics
from gateway.ops.metrics.worker import WorkerMetrics
from tests.ops.metrics.exchanges import exchange, samples

REQUESTS = "gateway_requests_total|reason=|route=chat|status=200"


def worker(requests: int, in_flight: int = 0, connections: int = 0) -> WorkerMetrics:
    made = WorkerMetrics()
    for _ in range(requests):
        made.done(exchange(), 0.25)
    made.listener("public", in_flight, connections)
    return made


def test_workers_add_up() -> None:
    run = RunMetrics()
    run.reported(0, worker(3, in_flight=1, connections=2).report())
    run.reported(1, worker(4, in_flight=1, connections=3).report())
    found = samples(run)
    assert found[REQUESTS] == 7
    assert found["gateway_request_seconds_count|route=chat"] == 7
    assert found["gateway_request_seconds_sum|route=chat"] == 7 * 0.25
    assert found["gateway_request_seconds_bucket|le=0.1|route=chat"] == 0
    assert found["gateway_request_seconds_bucket|le=0.25|route=chat"] == 7
    assert found["gateway_request_seconds_bucket|le=+Inf|route=chat"] == 7
    assert found["gateway_requests_in_flight|listener=public"] == 2
    assert found["gateway_connections|listener=public"] == 5


def test_a_later_report_replaces_the_one_before() -> None:
    run, counting = RunMetrics(), worker(3)
    for more in (0, 2, 0):
        for _ in range(more):
            counting.done(exchange(), 0.25)
        run.reported(0, counting.report())
    assert samples(run)[REQUESTS] == 5


def test_a_replaced_worker_counts_on_and_its_levels_go() -> None:
    run = RunMetrics()
    run.reported(0, worker(3, connections=1).report())
    run.reported(1, worker(4, connections=2).report())
    run.ended(0)
    found = samples(run)
    assert found[REQUESTS] == 7
    assert found["gateway_request_seconds_count|route=chat"] == 7
    assert found["gateway_connections|listener=public"] == 2
    run.reported(0, worker(5, connections=1).report())
    found = samples(run)
    assert found[REQUESTS] == 12
    assert found["gateway_request_seconds_sum|route=chat"] == 12 * 0.25
    assert found["gateway_connections|listener=public"] == 3


def test_no_counter_goes_back_however_often_workers_are_replaced_and_scraped() -> None:
    run = RunMetrics()
    before = 0.0
    for life in range(20):
        run.reported(0, worker(life).report())
        assert samples(run)[REQUESTS] >= before if life else True
        run.ended(0)
        run.ended(0)  # one that ends before it reports
        now = samples(run).get(REQUESTS, 0.0)
        assert now >= before
        before = now
    assert before == sum(range(20))


def test_levels_are_the_sum_the_worst_or_the_best_of_the_workers() -> None:
    run = RunMetrics()
    for number, (state, healthy) in enumerate([("closed", True), ("open", False)]):
        made = WorkerMetrics()
        made.breaker("tutor", state, number == 1)
        made.endpoints("tutor", {"a:1": healthy})
        made.state_store(healthy)
        made.calls("tutor", {}, {"retries": 10})
        run.reported(number, made.report())
    found = samples(run)
    assert found["gateway_breaker_state|upstream=tutor"] == 2
    assert found["gateway_breaker_forced|upstream=tutor"] == 1
    assert found["gateway_endpoint_healthy|endpoint=a:1|upstream=tutor"] == 0
    assert found["gateway_state_ok"] == 0
    assert found["gateway_budget_left|budget=retries|upstream=tutor"] == 20


def test_the_supervisor_has_metrics_of_its_own() -> None:
    run = RunMetrics()
    run.workers(0, 2)
    assert samples(run) == {
        "gateway_up": 1,
        "gateway_workers|state=ready": 0,
        "gateway_workers|state=missing": 2,
        "gateway_worker_restarts_total": 0,
        "gateway_config_reloads_total|result=good": 0,
        "gateway_config_reloads_total|result=bad": 0,
        "gateway_config_refused": 0,
        "gateway_config_needs_restart": 0,
    }
    run.workers(1, 2)
    run.restarted()
    run.reloaded(True)
    run.reloaded(False)
    found = samples(run)
    assert found["gateway_workers|state=ready"] == found["gateway_workers|state=missing"] == 1
    assert found["gateway_worker_restarts_total"] == 1
    assert found["gateway_config_reloads_total|result=bad"] == 1


def test_what_keeps_the_files_from_running_shows_until_it_is_over() -> None:
    run = RunMetrics()
    run.reloaded(False, 2)
    found = samples(run)
    assert (found["gateway_config_refused"], found["gateway_config_needs_restart"]) == (1, 2)
    run.reloaded(True)
    found = samples(run)
    assert (found["gateway_config_refused"], found["gateway_config_needs_restart"]) == (0, 0)


def test_what_keys_have_verified_outlives_their_worker() -> None:
    run = RunMetrics()
    for number, last in enumerate((20.0, 30.0)):
        made = WorkerMetrics()
        made.token_key("access", "c0ffee", 2, last)
        made.token_key("access", "0ff", 0, 0.0)
        made.token_lifetime("access", 900.0 - number)
        made.token_lifetime("access", 1.0)
        run.reported(number, made.report())
    for _ in range(2):
        assert run.counted(families.TOKENS_VERIFIED) == {("access", "c0ffee"): 4, ("access", "0ff"): 0}
        assert run.levels(families.TOKEN_KEY_LAST) == {("access", "c0ffee"): 30.0}
        assert run.levels(families.TOKEN_LIFETIME) == {("access",): 900.0}
        for number in range(2):
            run.ended(number)
    assert samples(run)["gateway_tokens_verified_total|key=c0ffee|policy=access"] == 4


def test_the_text_has_one_help_and_type_for_each_metric() -> None:
    run = RunMetrics()
    for number in range(2):
        run.reported(number, worker(1).report())
    lines = run.exposition().decode().splitlines()
    types = [line.split()[2:] for line in lines if line.startswith("# TYPE")]
    assert len({name for name, _ in types}) == len(types)
    assert ["gateway_requests_total", "counter"] in types
    assert ["gateway_request_seconds", "histogram"] in types
    assert ["gateway_connections", "gauge"] in types
    assert not any("_created" in line for line in lines)


def test_counting_loads_no_metrics_library() -> None:
    code = "import gateway.ops.metrics.worker, sys; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "False\n"

"""What the soak says of memory: a slope is found, and steps are not taken for one."""

import random

import pytest

from bench.soak import Point, memory

MINUTE = 60


def looks(own: list[float]) -> list[Point]:
    return [Point(at, size, 1000.0 + at) for at, size in enumerate(own)]


def test_a_leak_is_found_beside_the_noise() -> None:
    chance = random.Random(1)
    seen = memory(looks([50_000 + at * 2 + chance.gauss(0, 100) for at in range(600)]))
    assert seen["slope_kib_per_minute"] == pytest.approx(2 * MINUTE, abs=20)
    assert seen["slope_kib_per_minute"] > 5 * seen["error_kib_per_minute"]
    assert seen["files"]["slope_kib_per_minute"] == pytest.approx(MINUTE)
    assert seen["files"]["error_kib_per_minute"] == pytest.approx(0, abs=0.01)


def test_what_goes_up_and_down_in_long_waves_is_noise() -> None:
    chance = random.Random(2)
    wave = [50_000 + 500 * (at // 37 % 2) + chance.gauss(0, 20) for at in range(600)]
    seen = memory(looks(wave))
    assert abs(seen["slope_kib_per_minute"]) < 2 * seen["error_kib_per_minute"]


def test_the_warm_up_does_not_count() -> None:
    seen = memory(looks([at * 100.0 for at in range(200)] + [20_000.0] * 400))
    assert (seen["first_mib"], seen["slope_kib_per_minute"]) == (pytest.approx(20_000 / 1024, abs=0.01), 0)


def test_a_run_too_short_for_a_slope_has_none() -> None:
    assert memory(looks([1024.0, 2048.0]))["slope_kib_per_minute"] == 0

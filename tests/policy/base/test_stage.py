from gateway.core.exchange import Exchange
from gateway.policy.base.stage import Stage, hook


class Answering(Stage):
    __slots__ = ()

    def on_request(self, exchange: Exchange) -> None:
        pass


class More(Answering):
    __slots__ = ()

    def on_done(self, exchange: Exchange) -> None:
        pass


HOOKS = ("on_request", "on_response", "on_response_whole", "on_done")


def test_only_hooks_of_its_own_are_called() -> None:
    assert [hook(Stage(), name) for name in HOOKS] == [None] * 4
    assert [name for name in HOOKS if hook(Answering(), name)] == ["on_request"]


def test_a_hook_of_a_class_in_between_is_its_own_too() -> None:
    stage = More()
    assert [name for name in HOOKS if hook(stage, name)] == ["on_request", "on_done"]
    assert hook(stage, "on_request") == stage.on_request


def test_a_stage_shares_no_transaction_drops_no_fields_and_collects_no_response_unless_it_says_so() -> None:
    assert (Stage.grouped, Stage.removed, Stage.collects) == (False, frozenset(), False)

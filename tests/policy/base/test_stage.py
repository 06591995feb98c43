from gateway.core.exchange import Exchange
from gateway.policy.base.stage import Stage


class Deciding(Stage):
    __slots__ = ()

    def on_request(self, exchange: Exchange) -> None:
        pass


class Finishing(Deciding):
    __slots__ = ()

    def on_done(self, exchange: Exchange) -> None:
        pass


def test_a_stage_has_the_hooks_that_its_class_defines() -> None:
    assert Stage.hooks == set()
    assert Deciding.hooks == {"on_request"}


def test_a_hook_of_a_class_in_between_counts_too() -> None:
    assert Finishing.hooks == {"on_request", "on_done"}


def test_a_stage_shares_no_transaction_drops_no_fields_and_collects_no_response_unless_it_says_so() -> None:
    assert (Stage.grouped, Stage.removed, Stage.collects) == (False, frozenset(), False)

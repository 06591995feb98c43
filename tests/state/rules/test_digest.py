"""The names of what stores hold."""

from hashlib import blake2b

from gateway.state.rules.digest import SIZE, condensed, digester


def test_a_name_is_the_keyed_blake2_of_what_it_names() -> None:
    digest = digester(condensed(b"secret"))
    for of in (b"", b"ada", b"ada" * 1000):
        assert digest(of) == blake2b(of, key=blake2b(b"secret").digest(), digest_size=SIZE).digest()


def test_another_secret_gives_other_names() -> None:
    assert digester(condensed(b"one"))(b"ada") != digester(condensed(b"other"))(b"ada")


def test_a_secret_may_be_longer_than_a_key() -> None:
    assert digester(condensed(b"k" * 100))(b"ada") != digester(condensed(b"k" * 101))(b"ada")

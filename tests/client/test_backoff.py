from app.client import Backoff


def test_the_bound_doubles_with_each_failure_up_to_the_cap() -> None:
    longest = Backoff(base=0.2, cap=5, random=lambda: 1.0)

    assert [longest.delay(failures) for failures in range(7)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5, 5]


def test_any_share_of_the_bound_may_be_waited() -> None:
    assert Backoff(base=1, random=lambda: 0.0).delay(3) == 0
    assert Backoff(base=1, random=lambda: 0.5).delay(3) == 4


def test_a_thousand_failures_are_no_overflow() -> None:
    assert Backoff(cap=10, random=lambda: 1.0).delay(10_000) == 10

from pathlib import Path

import pytest

from app.worker.settings import WorkerSettingsError, load_worker_settings
from app.worker.state import state_directory, token_of


@pytest.fixture(autouse=True)
def _no_settings_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKYARD_URL", raising=False)


def test_settings_come_from_the_environment_and_options_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKYARD_URL", "https://workyard.example")
    monkeypatch.setenv("WORKYARD_WORKER_TAGS", "gpu, site:lab")
    monkeypatch.setenv("WORKYARD_WORKER_CONCURRENCY", "7")

    settings = load_worker_settings(concurrency=3)

    assert (settings.url, settings.tags, settings.concurrency) == (
        "https://workyard.example",
        ("gpu", "site:lab"),
        3,
    )


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("WORKYARD_URL", "ftp://x", "WORKYARD_URL: expected a URL like http://127.0.0.1:8000, got 'ftp://x'"),
        ("WORKYARD_WORKER_CONCURRENCY", "0", "WORKYARD_WORKER_CONCURRENCY: input should be greater than or equal to 1"),
        ("WORKYARD_WORKER_TAGS", "a b", "WORKYARD_WORKER_TAGS: letters, digits and :._/@+=- only, got 'a b'"),
        ("WORKYARD_WORKER_TAG", "x", "WORKYARD_WORKER_TAG is not a setting of the worker; did you mean"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_work_is_named_with_what_was_expected(
    variable: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(WorkerSettingsError) as refused:
        load_worker_settings()

    assert says in str(refused.value)


def test_an_activation_token_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKYARD_WORKER_ACTIVATION_TOKEN", "very-secret")

    assert "very-secret" not in repr(load_worker_settings())


def test_the_secret_is_made_once_and_readable_by_nobody_else(tmp_path: Path) -> None:
    settings = load_worker_settings(state_dir=tmp_path / "state")

    with state_directory(settings):
        first, second = token_of(settings), token_of(settings)

    assert first == second
    assert len(bytes.fromhex(first)) == 32
    assert (tmp_path / "state/token").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["lock", "token"]


def test_a_file_that_holds_no_secret_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hello\n")

    with pytest.raises(WorkerSettingsError, match="does not hold a worker's token of 64 hexadecimal digits"):
        token_of(load_worker_settings(state_dir=tmp_path))


def test_two_workers_cannot_share_a_state_directory(tmp_path: Path) -> None:
    settings = load_worker_settings(state_dir=tmp_path)

    with (
        state_directory(settings),
        pytest.raises(WorkerSettingsError, match="another worker is running"),
        state_directory(settings),
    ):
        pass


def test_what_a_killed_worker_left_of_its_work_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "work-abc/work/deep").mkdir(parents=True)

    with state_directory(load_worker_settings(state_dir=tmp_path)):
        assert sorted(path.name for path in tmp_path.iterdir()) == ["lock"]

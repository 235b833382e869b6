"""Settings: where they come from, and what is said when they cannot work."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import Settings, SettingsError, documented_name, load_settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(os.environ) - {"HOME", "PATH"}:
        monkeypatch.delenv(name)


def test_an_empty_environment_gives_a_server_for_this_machine_alone() -> None:
    settings = load_settings()

    assert (settings.host, settings.port, settings.database_url) == ("127.0.0.1", 8000, None)
    assert settings.bind_url == "http://127.0.0.1:8000"


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    monkeypatch.setenv("DATABASE_URL", "")

    assert load_settings().port == 8000
    assert load_settings().database_url is None


def test_the_prefixed_name_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8001")
    monkeypatch.setenv("WORKYARD_PORT", "8002")

    assert load_settings().port == 8002


def test_words_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example, https://b.example")

    assert load_settings().allowed_origins == ("https://a.example", "https://b.example")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        load_settings().port = 1  # type: ignore[misc]


def test_secrets_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKYARD_ADMIN_PASSWORD", "correct horse")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:correct@h/horse")

    assert "correct" not in repr(load_settings())


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "http", "expected PORT to be a number from 1 to 65535, got 'http'"),
        ("PORT", "65536", "expected PORT to be a number from 1 to 65535, got '65536'"),
        ("WORKYARD_PORT", "0", "expected WORKYARD_PORT to be a number from 1 to 65535, got '0'"),
        ("MAX_DEPTH", "0", "expected MAX_DEPTH to be a number from 1 to 1000, got '0'"),
        ("LOG_LEVEL", "loud", "expected LOG_LEVEL to be one of DEBUG, INFO, WARNING, ERROR, got 'LOUD'"),
        ("PUBLIC_URL", "here", "expected PUBLIC_URL to be like https://workyard.example, got 'here'"),
        (
            "SIGNING_KEY",
            "too short",
            "expected SIGNING_KEY to be like the output of `openssl rand -hex 32`, got something else",
        ),
        ("WORKYARD_PROT", "1", "WORKYARD_PROT is not a setting; did you mean WORKYARD_PORT?"),
        ("WORKYARD_DATADIR", "/x", "WORKYARD_DATADIR is not a setting; did you mean WORKYARD_DATA_DIR?"),
    ],
)
def test_a_setting_that_cannot_work_gets_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as refused:
        load_settings()

    assert str(refused.value) == sentence


def test_all_mistakes_are_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("MAX_NODES", "many")

    with pytest.raises(SettingsError) as refused:
        load_settings()

    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize("name", ["WORKYARD_URL", "WORKYARD_TOKEN", "WORKYARD_WORK_REQUEST"])
def test_variables_of_workers_and_tasks_are_let_pass(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")

    load_settings()


def test_paths_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKYARD_DATA_DIR", "data")

    assert load_settings().data_dir == tmp_path / "data"


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_says_what_it_is_for(field: str) -> None:
    description = Settings.model_fields[field].description

    assert description
    assert description.endswith(".")
    assert documented_name(field).isupper()


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://u:hunter2@mail.example",
        "smtp://",
        "smtps://u:hunter2@mail.example:99999",
        "smtp://mail.example:0",
    ],
)
def test_a_mail_server_is_named_by_a_url_that_can_be_one(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SMTP_URL", url)

    with pytest.raises(SettingsError) as refused:
        load_settings()

    assert str(refused.value) == (
        "expected SMTP_URL to be like smtps://user:password@mail.example:465, got something else"
    )


def test_a_mail_server_without_a_port_or_with_one_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("smtp://mail.example", "smtps://user:p%40ss@[::1]:465", "smtp://localhost:2525"):
        monkeypatch.setenv("SMTP_URL", url)
        found = load_settings().smtp_url
        assert found is not None and found.get_secret_value() == url
        assert "p%40ss" not in repr(load_settings())

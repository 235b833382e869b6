"""From a row to a store."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.stores import Misconfigured, StoreSettings, check_configuration, open_store
from tests.stores.content import key_of

SECRET = "c2VjcmV0LW9mLW5vYm9keQ=="


@pytest.mark.parametrize(
    ("backend", "name", "configuration", "sentence"),
    [
        ("ftp", "one", {}, "expected a backend of local, memory, s3, gcs, azure"),
        ("local", "one", {}, "needs a base_directory"),
        ("local", "one", {"base_directory": "relative"}, "absolute path"),
        ("local", "one", {"base_directory": "/srv/../etc"}, "absolute path"),
        ("local", "one", {"base_directory": "/srv", "mode": "777"}, "mode means nothing"),
        ("local", "../one", {"base_directory": "/srv"}, "name of a store"),
        ("local", "one\n", {"base_directory": "/srv"}, "name of a store"),
        ("local", "", {"base_directory": "/srv"}, "name of a store"),
        ("memory", "one", {"max_bytes": -1}, "max_bytes"),
        ("s3", "one", {}, "bucket: Field required"),
        ("s3", "one", {"bucket": "a/b"}, "bucket"),
        ("s3", "one", {"bucket": "files", "prefix": "a/../b"}, "prefix"),
        ("s3", "one", {"bucket": "files", "prefix": "/a"}, "prefix"),
        ("s3", "one", {"bucket": "files", "endpoint": "http://user:word@host"}, "endpoint"),
        ("s3", "one", {"bucket": "files", "endpoint": "file:///etc"}, "endpoint"),
        ("gcs", "one", {"bucket": "files", "endpoint": "https://elsewhere"}, "endpoint means nothing"),
        ("azure", "one", {"container": "files"}, "account: Field required"),
    ],
)
def test_a_row_that_cannot_work_is_refused_with_the_reason(
    backend: str, name: str, configuration: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Misconfigured, match=sentence):
        check_configuration(backend, name, configuration)
    with pytest.raises(Misconfigured, match=sentence):
        open_store(backend, name, configuration, StoreSettings(Path("/nowhere")))


@pytest.mark.parametrize(
    ("backend", "configuration", "variable"),
    [
        (
            "s3",
            {"bucket": "files", "secret_access_key": SECRET},
            "WORKYARD_STORE_FAR_AWAY_SECRET_ACCESS_KEY",
        ),
        (
            "gcs",
            {"bucket": "files", "service_account_key": SECRET},
            "WORKYARD_STORE_FAR_AWAY_SERVICE_ACCOUNT_KEY",
        ),
        (
            "azure",
            {"container": "files", "account": "yard", "account_key": SECRET},
            "WORKYARD_STORE_FAR_AWAY_ACCOUNT_KEY",
        ),
    ],
)
def test_a_secret_in_a_row_is_refused_unsaid_and_its_place_is_named(
    backend: str, configuration: dict[str, Any], variable: str
) -> None:
    with pytest.raises(Misconfigured, match=variable) as refused:
        check_configuration(backend, "far-away", configuration)

    assert SECRET not in str(refused.value)


def test_credentials_that_cannot_be_read_are_not_quoted() -> None:
    settings = StoreSettings(
        Path("/nowhere"), environment={"WORKYARD_STORE_CLOUD_SERVICE_ACCOUNT_KEY": "{broken " + SECRET}
    )

    with pytest.raises(Misconfigured, match="credentials") as refused:
        open_store("gcs", "cloud", {"bucket": "files"}, settings)

    assert SECRET not in str(refused.value)


def test_settings_do_not_show_the_environment() -> None:
    assert SECRET not in repr(StoreSettings(Path("/nowhere"), environment={"KEY": SECRET}))


async def test_azure_signs_urls_with_the_key_of_the_environment() -> None:
    settings = StoreSettings(Path("/nowhere"), environment={"WORKYARD_STORE_CLOUD_ACCOUNT_KEY": SECRET})
    store = open_store("azure", "cloud", {"container": "files", "account": "yard", "prefix": "a/b"}, settings)
    key = key_of(b"content")

    url = await store.url(key, timedelta(minutes=1))

    assert url
    assert url.startswith(f"https://yard.blob.core.windows.net/files/a/b/{key.path}?")
    assert "sig=" in url
    assert SECRET not in url

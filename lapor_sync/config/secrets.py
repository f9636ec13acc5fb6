"""The secrets, as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from lapor_sync.config.agency import SECRETS
from lapor_sync.config.channels import ChannelUrls, channels_of
from lapor_sync.config.headers import headers_of
from lapor_sync.config.settings import Settings, sentence
from lapor_sync.config.values import bare_secret, setting_name
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.domain.files import read_text
from lapor_sync.domain.json_web_token import ends_at


@dataclass(frozen=True, kw_only=True, slots=True)
class Secrets:
    """The credentials of the upstream, None where there is none, and the gateway's own headers by name."""

    bearer: SecretStr | None
    token: SecretStr | None
    headers: Mapping[str, SecretStr] = field(default_factory=dict)

    def ends(self) -> dict[str, datetime]:
        """Return when those end that say so: `bearer`, `token`, and by its name a header."""
        known = {"bearer": self.bearer, "token": self.token, **self.headers}
        found = {name: ends_at(value.get_secret_value()) for name, value in known.items() if value is not None}
        return {name: end for name, end in found.items() if end is not None}


def read_secrets(settings: Settings) -> Secrets:
    """Return the secrets as their files hold them now, so that a running daemon notices a new one.

    What was not given as a file stays as it was. Raises SettingsWrong where a file cannot be read any more.
    """
    problems: list[str] = []
    found = {name: _secret_now(settings, name, problems) for name in SECRETS}
    path, origin = settings.extra_headers_file, setting_name("extra_headers_file")
    headers = read_headers(path, settings.auth_header, origin, problems) if path is not None else {}
    if problems:
        raise SettingsWrong(tuple(problems))
    return Secrets(bearer=found["bearer"], token=found["token"], headers=headers)


def read_headers(path: Path, auth_header: str, origin: str, problems: list[str]) -> Mapping[str, SecretStr]:
    """Return the gateway's own headers that stand in that file; what is wrong with it goes to the problems."""
    headers, wrong = headers_of(read_secret_file(path, origin, problems), auth_header)
    problems.extend(f"{origin}: {why}" for why in wrong)
    return headers


def read_sign_on_secret(settings: Settings) -> str | None:
    """Return the secret that the board shares with the city's single sign-on; None where it has none.

    Only the board asks for it: another process's user need not be able to read it. Raises SettingsWrong.
    """
    path, problems = settings.oidc_client_secret_file, list[str]()
    secret = (
        read_secret_file(path, setting_name("oidc_client_secret_file"), problems) if path is not None else None
    )
    if problems:
        raise SettingsWrong(tuple(problems))
    return secret


def read_channels(settings: Settings) -> ChannelUrls:
    """Return the channels of notices as their file names them now; none where there is no file. Raises SettingsWrong."""
    if settings.notify_urls_file is None:
        return ChannelUrls()
    problems: list[str] = []
    found = try_channels(settings.notify_urls_file, setting_name("notify_urls_file"), problems)
    if problems:
        raise SettingsWrong(tuple(problems))
    return found


def try_channels(path: Path, origin: str, problems: list[str]) -> ChannelUrls:
    """Return the channels that stand in that file; what is wrong with it goes to the problems."""
    found, wrong = channels_of(read_secret_file(path, origin, problems))
    problems.extend(f"{origin}: {why}" for why in wrong)
    return found


def _secret_now(settings: Settings, name: str, problems: list[str]) -> SecretStr | None:
    path: Path | None = getattr(settings, f"{name}_file")
    if path is None:
        unchanged: SecretStr | None = getattr(settings, name)
        return unchanged
    text = read_secret_file(path, setting_name(f"{name}_file"), problems)
    try:
        return bare_secret(text) if text else None
    except ValueError:
        problems.append(sentence(name, in_its_file(name), text))
        return None


def read_secret_file(path: Path, origin: str, problems: list[str]) -> str:
    """Return its text without surrounding space; "" where it is empty or unreadable.

    The path is not shown: now and then somebody puts the secret itself where its path belongs.
    """
    try:
        return read_text(path).strip()
    except OSError as error:
        right = "it must be a text file that holds nothing else and that this user may read"
        problems.append(f"{origin} cannot be read ({error.strerror}); {right}")
    return ""


def in_its_file(name: str) -> str:
    """Return where a secret is that was read from its file, as messages say it."""
    return f"{setting_name(name)} (read from its file)"

"""Which way a call goes: by itself, or through a proxy that the environment names."""

from __future__ import annotations

import ssl
import urllib.request

import httpcore
import httpx

from lapor_sync.domain.errors import SettingsWrong


def proxies_for(host: str, context: ssl.SSLContext) -> dict[str, httpcore.Proxy]:
    """Return the proxy for each scheme that has one, as an agency's network may need it on the way to `host`.

    By HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY. `context` is what a proxy behind TLS is held to. Raises
    SettingsWrong.
    """
    if host in {"localhost", "127.0.0.1", "::1"} or urllib.request.proxy_bypass(host):
        return {}
    found = urllib.request.getproxies()
    chosen = {scheme: found.get(scheme) or found.get("all") for scheme in ("http", "https")}
    return {scheme: _proxy(address, context) for scheme, address in chosen.items() if address}


def _proxy(address: str, context: ssl.SSLContext) -> httpcore.Proxy:
    try:
        url = httpx.URL(address if "://" in address else f"http://{address}")
    except (httpx.InvalidURL, UnicodeError):
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise SettingsWrong(("the proxy of the environment (HTTPS_PROXY, ALL_PROXY) is no http(s)://host:port",))
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    auth = (url.username, url.password) if url.userinfo else None
    return httpcore.Proxy(target, auth=auth, ssl_context=context if url.scheme == "https" else None)

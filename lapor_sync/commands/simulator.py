"""The stand-in for LAPOR, as a command."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import click

from connectors.simulator import CITY_ID, OPD_IDS, SCENARIOS, Options, Simulator
from lapor_sync.commands.base import Call, command, stop_on_signals
from lapor_sync.domain.errors import BadInput
from lapor_sync.domain.json_web_token import unsigned
from lapor_sync.output import say


@command(
    click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
    click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="0: a free one."),
    click.option("--scenario", default="calm", show_default=True, metavar="NAME", help="`list` shows them all."),
    click.option("--seed", default=1, show_default=True, type=int, help="Another number is another city."),
    click.option("--reports", "count", default=50, show_default=True, type=click.IntRange(0, 1_000_000)),
    click.option("--speed", default=1.0, show_default=True, type=click.FloatRange(0, 100_000, min_open=True)),
    click.option("--apikey", metavar="KEY", help="What a service bus in front wants as the header apikey."),
    click.option(
        "--jwt-days",
        type=click.FloatRange(0, 3650),
        help="A service bus in front wants AuthorizationSPLP with a JWT that ends so many days from now.",
    ),
)
def simulator(
    call: Call,
    host: str,
    port: int,
    scenario: str,
    seed: int,
    count: int,
    speed: float,
    apikey: str | None,
    jwt_days: float | None,
) -> None:
    """A stand-in for LAPOR on this machine, to rehearse with; it knows nothing of real reports."""
    listed = "\n".join(f"  {name:20} {sentence}" for name, sentence in SCENARIOS.items())
    if scenario == "list":
        say(listed)
        return
    if scenario not in SCENARIOS:
        raise click.UsageError(f"There is no scenario {scenario!r}. There are:\n{listed}")
    options = Options(
        seed=seed,
        reports=count,
        speed=speed,
        scenario=scenario,
        life=True,
        pictures=True,
        headers=_headers_of_bus(apikey, jwt_days),
    )
    stand_in = Simulator(options, host=host, port=port)
    try:
        stand_in.start()
    except (OSError, UnicodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "no such host"
        raise BadInput(f"{host}:{port} cannot be used: {why}.", todo="Choose another --host or --port.") from exc
    stop_on_signals(lambda *_: sys.exit(0))
    _say_how_to_use(stand_in.url, options)
    try:
        stand_in.serve_forever()
    finally:
        stand_in.stop()


def _headers_of_bus(apikey: str | None, jwt_days: float | None) -> dict[str, str]:
    headers = {"apikey": apikey} if apikey else {}
    if jwt_days is not None:
        headers["AuthorizationSPLP"] = f"Bearer {unsigned(datetime.now(UTC) + timedelta(days=jwt_days))}"
    return headers


def _say_how_to_use(url: str, options: Options) -> None:
    say(f"export LAPOR_SYNC_UPSTREAM_URL={url}")
    say(f"export LAPOR_SYNC_BEARER={options.bearer} LAPOR_SYNC_TOKEN='{options.token}'")
    say(f"export LAPOR_SYNC_INSTITUTION_ID={CITY_ID} LAPOR_SYNC_USER_ID=1")
    say(f"export LAPOR_SYNC_OPD_IDS={','.join(OPD_IDS)}")
    sys.stdout.flush()
    say("Put these into another terminal, with a database of its own for the rehearsal:", err=True)
    say("export LAPOR_SYNC_DATABASE_URL=sqlite:///$HOME/lapor-sync-rehearsal.db", err=True)
    for name, value in options.headers.items():
        say(f'And the line  {name} = "{value}"  into the file that LAPOR_SYNC_EXTRA_HEADERS_FILE names.', err=True)
    say("Then: lapor-sync check. Ctrl-C ends the stand-in.", err=True)

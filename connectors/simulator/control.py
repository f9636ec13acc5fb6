"""The control face: every act of the world over HTTP, JSON in and out, under `/_control/`, no credentials.

The table of calls is in the package's docstring. Mistakes get 400 or 404 and `{"error": sentence}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.simulator.messages import Call, Json, Reply, json_reply
from connectors.simulator.routes import found_in, table
from connectors.simulator.scenarios import SCENARIOS
from connectors.simulator.world import UnknownReport, World

PREFIX = "/_control"

ACTS: Mapping[str, str] = {
    "verify": "verify",
    "dispose": "dispose",
    "reply": "reply",
    "satisfied": "satisfied",
    "close": "close",
    "close-by-system": "close_by_system",
    "archive": "archive",
    "reject": "reject",
    "status": "set_status",
    "answer": "answer",
    "reopen": "reopen",
    "touch": "touch",
    "delete": "delete",
    "hide": "hide",
    "corrupt": "corrupt",
    "uncorrupt": "uncorrupt",
}


def control(world: World, call: Call) -> Reply:
    """Carry out one control call."""
    handle, params = found_in(_MAP, call)
    if handle is None:
        return json_reply({"error": f"no such control call: {call.method} {call.path}"}, 404)
    try:
        return json_reply(handle(world, call.content if call.get_data() else {}, {**call.args, **params}))
    except UnknownReport as unknown:
        return json_reply({"error": f"no report {unknown}"}, 404)
    except (TypeError, ValueError, KeyError) as wrong:
        return json_reply({"error": str(wrong)}, 400)


_Handle = Callable[[World, Any, Mapping[str, str]], Json]


def _index(world: World, body: Any, params: Mapping[str, str]) -> Json:
    return {"scenario": world.weather.name, "scenarios": dict(SCENARIOS), "acts": list(ACTS)}


def _act(world: World, body: Any, params: Mapping[str, str]) -> Json:
    if params["act"] not in ACTS:
        raise ValueError(f"no act {params['act']!r}; there are: {', '.join(ACTS)}")
    done: Json = getattr(world, ACTS[params["act"]])(params["ref"], **body)
    return done


def _report(world: World, body: Any, params: Mapping[str, str]) -> Json:
    with world.lock:
        return world.view(world.find(params["ref"]))


def _add_faults(world: World, body: Any, params: Mapping[str, str]) -> Json:
    return world.add_faults(*(body if isinstance(body, list) else [body]))


_ROUTES: Sequence[tuple[str, str, _Handle]] = (
    ("GET", "/", _index),
    ("GET", "/world", lambda world, body, params: world.summary()),
    ("POST", "/reports", lambda world, body, params: world.file_report(**body)),
    ("GET", "/reports/<ref>", _report),
    ("DELETE", "/reports/<ref>", lambda world, body, params: world.delete(params["ref"])),
    ("GET", "/reports/<ref>/thread", lambda world, body, params: world.thread(params["ref"])),
    ("POST", "/reports/<ref>/<act>", _act),
    ("GET", "/clock", lambda world, body, params: world.time()),
    ("POST", "/clock", lambda world, body, params: world.advance(float(body["seconds"]))),
    ("GET", "/scenario", lambda world, body, params: {"scenario": world.weather.name}),
    ("POST", "/scenario", lambda world, body, params: world.set_scenario(str(body["name"]))),
    ("GET", "/faults", lambda world, body, params: world.faults()),
    ("POST", "/faults", _add_faults),
    ("DELETE", "/faults", lambda world, body, params: world.clear_faults()),
    ("GET", "/requests", lambda world, body, params: world.requests(int(params.get("recent", 200)))),
    ("DELETE", "/requests", lambda world, body, params: world.reset_requests()),
)
_MAP = table((method, PREFIX + path, handle) for method, path, handle in _ROUTES)

"""A stateful stand-in of SP4N-LAPOR!'s integration API v3: a world, its HTTP face, its bad days.

    with Simulator(Options(seed=7, reports=200, scenario="lost-reply")) as simulator:
        simulator.url            # http://127.0.0.1:41234/lapor/3.0.0, for the program under test
        simulator.world.reply(20000017, content="Kapan selesai?")
        simulator.control_url    # the same acts over HTTP, for other processes

Everything in it is invented. The city is institution `CITY_ID`, its agencies are `OPD_IDS`. Standard library
only; nothing is read or opened on import.

The control face (JSON in and out, no credentials; a report is named by Tracking ID or by the API's id):

| call under `/_control` | body | does |
|---|---|---|
| `GET /` | | the scenarios and the acts |
| `GET /world` | | simulated now, scenario, every report's summary |
| `POST /reports` | `title content category classification channel opd anonymous secret created_at`, all optional | a citizen files; with `opd` it goes straight there |
| `GET /reports/{id}` | | one summary |
| `GET /reports/{id}/thread` | | summary, text, and the stored thread and logs, also what is not readable yet |
| `POST /reports/{id}/verify` | | the national admin verifies |
| `POST /reports/{id}/dispose` | `to`, `by` (optional) | an admin hands it to an institution (also confirms or declines a hand-over) |
| `POST /reports/{id}/reply` | `content` (optional) | the citizen writes |
| `POST /reports/{id}/satisfied` | `rating` (5) | the citizen is content: `Selesai` |
| `POST /reports/{id}/close` | | `Ditutup oleh Admin` |
| `POST /reports/{id}/close-by-system` | `status_name` (optional) | `Ditutup oleh Sistem` or `Selesai` |
| `POST /reports/{id}/archive`, `/reject` | | `Diarsipkan`, `Ditolak` |
| `POST /reports/{id}/status` | `status_name` | any status name |
| `POST /reports/{id}/answer` | `content`, `opd` (both optional) | an officer answers on the LAPOR site |
| `POST /reports/{id}/reopen` | | open again |
| `POST /reports/{id}/touch` | | only `updated_at` moves |
| `POST /reports/{id}/hide` | `hidden` (true) | left out of the list, still readable by id |
| `POST /reports/{id}/corrupt` | `how`: `string`, `no-id`, `bad-date`, `null` | its list row is unreadable |
| `POST /reports/{id}/uncorrupt` | | readable again |
| `DELETE /reports/{id}`, `POST /reports/{id}/delete` | | gone: absent and 404 |
| `GET /clock`, `POST /clock` | `seconds` | simulated now; jump ahead |
| `GET /scenario`, `POST /scenario` | `name` | which day it is; change it |
| `GET`, `POST`, `DELETE /faults` | `{"match": {"method", "path"}, "times": 1, "do", "stored"}` or a list | one-off faults, the first that fits is used; `times` null: until cleared; see `mishaps` |
| `GET`, `DELETE /requests` | `?recent=200` | counts per route and status, most calls in flight, the last calls (`status` 0: connection closed without an answer); start anew |

Choices where upstream's behaviour is not known: on a `late-read` day `updated_at` and the status move at
once and only the words come late; an answer given as secret is stored and never shown again by the API;
a closed report takes answers and stays closed; a report disposed outside the city stays in the list until
it is hidden.
"""  # noqa: E501 - a table row is one line

from connectors.simulator.city import CITY_ID, INSTITUTIONS, OPD_IDS
from connectors.simulator.options import Options
from connectors.simulator.scenarios import SCENARIOS
from connectors.simulator.server import Simulator
from connectors.simulator.world import UnknownReport, World

__all__ = [
    "CITY_ID",
    "INSTITUTIONS",
    "OPD_IDS",
    "SCENARIOS",
    "Options",
    "Simulator",
    "UnknownReport",
    "World",
]

"""What a person reads where something fails: what happened and what to do, and every word that was typed.

A form that was refused is shown again by the page that it stands on (`form_on`), with the reason above it. Where not
even that page can be shown, the words stand in a form of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar

from flask import Flask, Response, current_app, g, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response as BaseResponse

from lapor_sync.domain.errors import LaporSyncError, StoreError, StoreUnavailable
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.web.guard import SAFE, board
from lapor_sync.web.session import signed_in
from lapor_sync.web.shown import written
from lapor_sync.web.trouble import FactorDue, NoPost, NotSignedIn, Trouble
from lapor_sync.words import Told, filled
from lapor_sync.words import id as words

View = TypeVar("View", bound=Callable[..., Any])
NEVER_KEPT = frozenset({"csrf", "seen"})


class Problem(NamedTuple):
    """Why a form is shown again: what happened, what to do; the code of a refusal, by which a page may offer more."""

    what: str
    todo: str
    code: Code | None = None


def problem_of(told: Told) -> Problem:
    """Return what a sentence without facts says."""
    return Problem(filled(told.what, {}), filled(told.todo, {}))


def form_on(page: Callable[..., Any]) -> Callable[[View], View]:
    """Say on which page the form stands that a view takes: there it is shown again where it is refused.

    The page is called with `problem` and with what stands in the view's address.
    """

    def told(view: View) -> View:
        view.form_page = page  # type: ignore[attr-defined]  # functions take attributes; Flask keeps views as they are
        return view

    return told


def typed() -> Mapping[str, str]:
    """Return what a person typed into the form that is shown again, by field; nothing on a fresh page."""
    given: Mapping[str, str] | None = g.get("typed")
    if given is not None:
        return given
    if request.method in SAFE:
        return {}
    try:
        return {name: value for name, value in request.form.items() if _is_kept(name)}
    except RequestEntityTooLarge:
        return {}  # no form came of it: the page says how large one may be


def _is_kept(name: str) -> bool:
    return name not in NEVER_KEPT and not name.startswith("password") and name not in {"old", "code"}


def page_with(kept: Mapping[str, str], page: Callable[..., Any], arguments: Mapping[str, Any]) -> BaseResponse:
    """Return a page with these words in its form; where it may not be shown now, they stand beside the reason."""
    g.typed = kept
    try:
        return current_app.make_response(page(**arguments))
    except NoPost as error:
        return _without_post(error)
    except FactorDue:
        return said(problem_of(words.FACTOR_DUE), 403, is_sent_again=False)
    except Refused as refused:
        return said(Problem(*words.told(refused)), _STATUS.get(refused.code, 422), is_sent_again=False)
    except HTTPException as error:
        return said(problem_of(words.PAGES[404]), error.code or 404, is_sent_again=False)


def install(site: Flask) -> None:
    """Let the site say every failure itself."""
    site.register_error_handler(NotSignedIn, _to_sign_in)
    site.register_error_handler(NoPost, _without_post)
    site.register_error_handler(FactorDue, _to_factors)
    site.register_error_handler(Trouble, _of_request)
    site.register_error_handler(Refused, _refused)
    site.register_error_handler(HTTPException, _of_http)
    site.register_error_handler(Exception, _failed)


def _of_request(trouble: Trouble) -> BaseResponse:
    return again(problem_of(words.TROUBLES[trouble.kind]), trouble.status)


def _refused(refused: Refused) -> BaseResponse:
    if refused.code in _BY_PERMITS:
        known = signed_in()
        person = known.person_id if known else None
        board().mirror.log.warning("board_refused", reason=refused.code, id=person, page=request.endpoint)
    return again(Problem(*words.told(refused), refused.code), _STATUS.get(refused.code, 422))


_BY_PERMITS = frozenset({Code.NOT_THE_POSTS, Code.OTHER_OPD})
"""Nobody comes to these by the links of their own pages. Source: OWASP ASVS 5.0, 16.3.2."""

_STATUS: Mapping[Code, int] = {
    Code.REPORT_UNKNOWN: 404,
    Code.DELIVERY_UNKNOWN: 404,
    Code.CONFLICT_UNKNOWN: 404,
    Code.SESSION_UNKNOWN: 404,
    Code.CHANGED_SINCE: 409,
    Code.DRAFT_CHANGED: 409,
    Code.LINK_OVER: 410,
    Code.NO_POST: 403,
    Code.SIGN_IN_WRONG: 401,
    Code.CODE_WRONG: 401,
    Code.PASSKEY_WRONG: 401,
    Code.HALF_OVER: 401,
    Code.PROVE_AGAIN: 403,
    Code.FACTOR_NEEDED: 403,
    Code.FACTOR_UNKNOWN: 404,
    Code.CHANNEL_UNKNOWN: 404,
    Code.SLOW_DOWN: 429,
    Code.SIGN_IN_BUSY: 429,
    Code.NOT_THE_POSTS: 403,
    Code.OTHER_OPD: 403,
    Code.REPORT_CLOSED: 403,
    Code.REPORT_VANISHED: 403,
}
"""The statuses of refusals. Not there (404) is what an address names; every other one is of what was typed or chosen."""


def _of_http(error: HTTPException) -> BaseResponse:
    if isinstance(response := error.get_response(), BaseResponse) and (error.code or 500) < 400:
        return response
    return page_of(error.code or 500)


def _failed(error: Exception) -> BaseResponse:
    """The edge of a request: a person reads two sentences, the log gets the places and never a message."""
    if isinstance(error, StoreUnavailable):
        board().mirror.log.warning("board_database_failed", what=error.what, todo=error.todo)
        return again(problem_of(words.PAGES[503]), 503)
    if isinstance(error, StoreError | LaporSyncError):
        board().mirror.log.error("board_failed", what=error.what, todo=error.todo)
    else:
        board().mirror.log.error("board_failed", exc_info=error)
    return again(problem_of(words.PAGES[500]), 500)


def again(problem: Problem, status: int) -> BaseResponse:
    """Return the page of the form that was sent, with what was typed; else a page that says what happened."""
    page = _form_page()
    if page is not None and not g.get("is_shown_again"):
        g.is_shown_again = True  # what fails while that page is made is not to be tried on it once more
        try:
            made: Any = (page(**(request.view_args or {}), problem=problem), status)
            return _asking_for_patience(current_app.make_response(made))
        except NotSignedIn as error:
            return _to_sign_in(error)  # whose token was of a session that is over has to sign in, whatever else
        except (NoPost, FactorDue, HTTPException, LaporSyncError):
            pass  # not even that page can be shown: the words are, in a form of their own
    return said(problem, status)


def _form_page() -> Callable[..., Any] | None:
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, "form_page", None) if request.method not in SAFE else None


def page_of(status: int) -> BaseResponse:
    """Return the page of an HTTP status."""
    known = status if status in words.PAGES else 404 if status < 500 else 500
    return said(problem_of(words.PAGES[known]), status)


def said(problem: Problem, status: int, *, is_sent_again: bool = True) -> BaseResponse:
    """Return a page that needs nothing of the city, with what was typed; its form can be sent again where it is."""
    kept = {name: value for name, value in typed().items() if value.strip()} if _form_page() else {}
    shown = render_template("said.html", problem=problem, heading="h1", kept=kept, is_sent_again=is_sent_again)
    return _asking_for_patience(Response(shown, status=status, content_type=HTML))


def _asking_for_patience(response: BaseResponse) -> BaseResponse:
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "30"
    return response


HTML = "text/html; charset=utf-8"


def _to_sign_in(_error: NotSignedIn) -> BaseResponse:
    """Lead to the sign-in page; with words that were typed it comes at once, and has them."""
    kept = {name: value for name, value in typed().items() if value.strip()}
    if _form_page() is None or not written(kept):
        back = request.full_path.rstrip("?") if request.method in SAFE else _page_url()
        return redirect(url_for("sign_in.page", next=back), 303)
    problem = problem_of(words.PAGES[401])
    shown = render_template(
        "sign_in.html",
        problem=problem,
        next=_page_url(),
        kept=kept,
        sign_in="",
        has_sign_on=board().has_sign_on,
    )
    return Response(shown, status=401, content_type=HTML)


def _to_factors(_error: FactorDue) -> BaseResponse:
    """Lead to where a second factor is set up; words that were typed stand in a form of their own."""
    if request.method in SAFE:
        return redirect(url_for("factors.page"), 303)
    return said(problem_of(words.FACTOR_DUE), 403)


def _without_post(_error: NoPost) -> BaseResponse:
    """Say to somebody who holds no post that it is so, and whom to ask: on every page the same."""
    problem = problem_of(words.PAGES[403]) if request.method not in SAFE else None
    status = 200 if request.path == "/tugas" else 403
    shown = render_template("no_post.html", problem=problem, kept=typed())
    return Response(shown, status=status, content_type=HTML)


def _page_url() -> str:
    """The address of the page on which the form stands."""
    page = _form_page()
    for endpoint, view in current_app.view_functions.items():
        if view is page and page is not None:
            return url_for(endpoint, **(request.view_args or {}))
    return "/tugas"

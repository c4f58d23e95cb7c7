"""The studio's addresses: pages, their live parts, a run's files, the style sheet and the script.

Knows FastAPI, Jinja2 and the service's reading methods. Every answer carries a strict content policy; what scripts wrote is
served so that a browser never runs it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from penstock.model.errors import NotFound
from penstock.server.bodies import LaterRoute
from penstock.server.files import send_file
from penstock.server.studio import views
from penstock.server.studio.views import LOG_PREFIX, Log, Recorded
from penstock.server.studio.visitors import NOBODY, Visitor
from penstock.server.studio.wording import TERMINAL, log_text, size

Json = dict[str, Any]
HERE = Path(__file__).parent
RECENT = 50
LIVE_PROGRESS = 8
"""For so many active runs the start page shows how far they are."""
TAIL_BYTES = 64 * 1024
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
FILE_POLICY = "sandbox; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'"
PAGE_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
STATIC_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
IMAGE_TYPES = {
    ".png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    ".jpg": ("image/jpeg", b"\xff\xd8\xff"),
    ".jpeg": ("image/jpeg", b"\xff\xd8\xff"),
    ".gif": ("image/gif", b"GIF8"),
    ".webp": ("image/webp", b"RIFF"),
}
TEXTS = frozenset((".txt", ".log", ".csv", ".tsv", ".json", ".jsonl", ".md", ".yml", ".yaml", ".py", ".ini", ".toml"))


class Service(Protocol):
    """What the studio asks of the service; the shapes are docs/graph.md's."""

    def list_runs(self, workspace: str | None, **wanted: Any) -> list[Json]: ...
    def find_run(self, run_id: str) -> Json: ...
    def children(self, run_id: str) -> list[Json]: ...
    def metrics(self, run_id: str, recursive: bool = False, gathered: bool = False) -> list[Json]: ...
    def files(self, run_id: str) -> list[Json]: ...
    def file_path(self, run_id: str, name: str) -> Path: ...
    def outputs(self, run_id: str) -> list[Json]: ...
    def events(self, run_id: str, after: int = 0) -> list[Json]: ...
    def graph(self, run_id: str) -> Json: ...
    def attempts(self, run_id: str) -> list[Json]: ...


def router(
    service: Service,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    trouble: Callable[[], str | None] = lambda: None,
    why: Callable[[str], list[Json]] = lambda run_id: [],
    inputs: Callable[[str], list[Json]] = lambda run_id: [],
    visitor: Callable[[Request], Visitor] = lambda request: NOBODY,
) -> APIRouter:
    """The studio's routes over `service`. `trouble` says what keeps the server from working, for the head of every page; `why` what was
    decided of a step; `inputs` what a run reads; `visitor` who looks."""
    routes = APIRouter(include_in_schema=False, route_class=LaterRoute)
    studio = _Studio(service, clock, why, inputs, visitor)
    studio.templates.globals["trouble"] = trouble
    routes.get("/")(studio.start)
    routes.get("/runs")(studio.start)
    routes.get("/experiments/{experiment}")(studio.experiment)
    routes.get("/fragment")(studio.start_fragment)
    routes.get("/runs/{run_id}")(studio.run)
    routes.get("/runs/{run_id}/fragment")(studio.run_fragment)
    routes.get("/runs/{run_id}/files/{name:path}")(studio.file)
    routes.get("/studio/static/{name}")(studio.static)
    routes.get("/favicon.ico")(studio.icon)
    return routes


class _Studio:
    """The pages. Plain functions, so that the server runs them on its worker threads."""

    def __init__(
        self,
        service: Service,
        clock: Callable[[], datetime],
        why: Callable[[str], list[Json]],
        inputs: Callable[[str], list[Json]],
        visitor: Callable[[Request], Visitor],
    ) -> None:
        self.service = service
        self.visitor = visitor
        self.why = why
        self.inputs = inputs
        self.clock = clock
        self.files = {p.name: p.read_bytes() for p in (HERE / "static").iterdir() if p.suffix in STATIC_TYPES}
        self.templates = templates(version(self.files))

    def start(self, request: Request, experiment: str = "") -> Response:
        live = f"/fragment?experiment={quote(experiment, safe='')}"
        return self._page(request, "runs.html", self._runs(request, experiment), live)

    def experiment(self, experiment: str) -> Response:
        """Where the SDK's Experiment.get_portal_url points."""
        return RedirectResponse(f"/?experiment={quote(experiment, safe='')}")

    def start_fragment(self, request: Request, experiment: str = "") -> Response:
        return self._fragment(request, "runs_body.html", self._runs(request, experiment))

    def run(self, request: Request, run_id: str) -> Response:
        try:
            page = views.run_page(self._recorded(run_id), self.clock())
        except NotFound as error:
            return self._missing(error)
        return self._page(request, "run.html", page, f"{views.run_href(run_id)}/fragment")

    def run_fragment(self, request: Request, run_id: str) -> Response:
        try:
            page = views.run_page(self._recorded(run_id), self.clock())
        except NotFound as error:
            return self._missing(error)
        return self._fragment(request, "run_body.html", page)

    def file(self, run_id: str, name: str) -> Response:
        """A run's file: images and plain text to look at, everything else to download."""
        try:
            path = self.service.file_path(run_id, name)
        except NotFound as error:
            return self._missing(error)
        kind, is_inline = _media_type(path, name)
        base = name.rsplit("/", 1)[-1]
        shown = "inline" if is_inline else "attachment"
        headers = {
            "Content-Security-Policy": FILE_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Content-Disposition": f"{shown}; filename*=utf-8''{quote(base, safe='')}",
            "Cache-Control": "no-cache",
        }
        return send_file(path, media_type=kind, headers=headers)

    def static(self, name: str) -> Response:
        if name not in self.files:
            return Response(status_code=404)
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
        return Response(self.files[name], media_type=STATIC_TYPES[Path(name).suffix], headers=headers)

    def icon(self) -> Response:
        return self.static("icon.svg")

    def _runs(self, request: Request, experiment: str) -> views.RunsPage:
        seen = self.visitor(request).workspaces
        runs: list[Json] = []
        for workspace in (None,) if seen is None else seen:
            runs += self.service.list_runs(workspace, limit=RECENT, experiment=experiment or None)
        if seen is not None:
            runs = sorted(runs, key=lambda run: str(run["created_at"]), reverse=True)[:RECENT]
        active = [r for r in runs if r["status"] not in TERMINAL and r["type"] == "pipeline"][:LIVE_PROGRESS]
        steps = {r["id"]: self.service.children(r["id"]) for r in active}
        return views.runs_page(runs, steps, self.clock(), experiment=experiment)

    def _recorded(self, run_id: str) -> Recorded:
        ask = self.service
        run = ask.find_run(run_id)
        is_pipeline = run["type"] == "pipeline"
        kept = ask.files(run_id)
        return Recorded(
            run=run,
            parent=ask.find_run(run["parent_id"]) if run.get("parent_id") else None,
            children=ask.children(run_id),
            graph=ask.graph(run_id) if run["type"] in ("pipeline", "step") else {},
            metrics=ask.metrics(run_id, recursive=is_pipeline, gathered=True),
            outputs=ask.outputs(run_id),
            files=kept,
            logs=[self._log(run_id, f["name"]) for f in kept if f["name"].startswith(LOG_PREFIX)],
            events=ask.events(run_id),
            attempts=[] if is_pipeline else ask.attempts(run_id),
            decisions=self.why(run_id) if run["type"] == "step" else [],
            inputs=self.inputs(run_id),
        )

    def _log(self, run_id: str, name: str) -> Log:
        """The end of a log, from the beginning of a line."""
        with self.service.file_path(run_id, name).open("rb") as file:
            whole = file.seek(0, 2)
            start = max(whole - TAIL_BYTES, 0)
            file.seek(start)
            data = file.read(TAIL_BYTES)
        if start and 0 <= (cut := data.find(b"\n")) < TAIL_BYTES // 2:
            start, data = start + cut + 1, data[cut + 1 :]
        text = log_text(data.decode("utf-8", "replace"))
        return Log(
            views.log_title(name),
            name.removeprefix(LOG_PREFIX),
            text,
            views.file_href(run_id, name),
            size(start) if start else "",
        )

    def _page(self, request: Request, template: str, page: Any, live: str) -> Response:
        html = self.templates.get_template(template).render(
            page=page, is_fragment=False, live="" if page.is_over else live, visitor=self.visitor(request)
        )
        return HTMLResponse(html, headers=PAGE_HEADERS)

    def _fragment(self, request: Request, template: str, page: Any) -> Response:
        """The live parts of a page."""
        return fragment(request, self.templates.get_template(template).render(page=page, is_fragment=True))

    def _missing(self, error: NotFound) -> Response:
        return missing_page(self.templates, error.message)


def fragment(request: Request, html: str) -> Response:
    """Parts of a page; 304 when they are what it shows already."""
    tag = f'"{hashlib.sha256(html.encode()).hexdigest()[:24]}"'
    headers = {**PAGE_HEADERS, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(html, headers=headers)


def missing_page(pages: Environment, message: str) -> Response:
    """What a browser is told of an address with nothing behind it."""
    html = pages.get_template("missing.html").render(message=message)
    return HTMLResponse(html, status_code=404, headers=PAGE_HEADERS)


def templates(static_version: str) -> Environment:
    """The templates, everything escaped, a misspelt name an error."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static_version"] = static_version
    environment.globals["trouble"] = lambda: None
    return environment


def version(files: dict[str, bytes]) -> str:
    """A short name for exactly these files, so that browsers may keep them for ever."""
    return hashlib.sha256(b"\0".join(files[n] for n in sorted(files))).hexdigest()[:12]


def _media_type(path: Path, name: str) -> tuple[str, bool]:
    """The type to serve a file as, and whether a browser may show it: an image only when its bytes say so too."""
    suffix = Path(name).suffix.lower()
    if suffix in IMAGE_TYPES:
        kind, magic = IMAGE_TYPES[suffix]
        with path.open("rb") as file:
            if file.read(len(magic)) == magic:
                return kind, True
    if suffix in TEXTS:
        return "text/plain; charset=utf-8", True
    return "application/octet-stream", False

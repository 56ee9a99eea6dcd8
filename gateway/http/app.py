"""The web application: every route of the table, and an answer for whatever is not in it."""

from collections.abc import Mapping
from functools import partial
from typing import Final

import orjson
from aiohttp import web

from gateway.access.limits import ActionKind
from gateway.access.people import Person
from gateway.engine.views.subjects import Subjects
from gateway.http import approvals, documents_served, health, pages
from gateway.http.access import table as access
from gateway.http.accounts import table as accounts
from gateway.http.bank import table as bank
from gateway.http.dispatch import Dispatcher
from gateway.http.door.connections import Runner, Server
from gateway.http.door.short_way import NoShortWay, ShortWay
from gateway.http.listed import table as listed
from gateway.http.market import table as market
from gateway.http.negotiated import table as negotiated
from gateway.http.openapi import openapi_document
from gateway.http.operator import table as operator
from gateway.http.routing import BATCH_BODY_LIMIT, Call, Reply, Route
from gateway.http.services import Services
from gateway.http.stream.endpoint import Stream
from gateway.http.supervisor import table as supervisor
from gateway.http.uses import table as uses
from gateway.metrics import Metrics
from gateway.surveillance import OrderFlow
from gateway.web.files import BuiltFile, read_built
from matching.personal_data import SubjectKind

DISPATCHER: Final = web.AppKey("dispatcher", Dispatcher)
STREAM: Final = web.AppKey("stream", Stream)

_document: Final[dict[str, bytes]] = {}


async def get_openapi(_: Call) -> Reply:
    """This document."""
    if "openapi" not in _document:
        _document["openapi"] = orjson.dumps(openapi_document(ROUTES))
    return Reply(_document["openapi"], content_type="application/json")


ROUTES: Final[tuple[Route, ...]] = (
    *market.ROUTES,
    Route(
        method="GET",
        path="/v1/openapi.json",
        handler=get_openapi,
        scope="public",
        kind=ActionKind.PUBLIC,
        summary="The OpenAPI document",
        tag="market data",
        answer=None,
        content_type="application/json",
    ),
    *documents_served.ROUTES,
    *listed.ROUTES,
    *negotiated.ROUTES,
    *accounts.ROUTES,
    *access.ROUTES,
    *uses.ROUTES,
    *bank.ROUTES,
    *operator.ROUTES,
    *approvals.ROUTES,
    *supervisor.ROUTES,
    *health.ROUTES,
)
"""Every call of the API but the WebSocket."""


def make_app(services: Services, built: Mapping[str, BuiltFile] | None = None) -> web.Application:
    """The application serving from these. The views must be listening to the sequencer already.

    `built` are the pages; those of the build where none are given.
    """
    app = web.Application(client_max_size=BATCH_BODY_LIMIT)
    dispatcher = app[DISPATCHER] = Dispatcher(services)
    stream = app[STREAM] = Stream(services, dispatcher)
    for route in ROUTES:
        handler = dispatcher.bind(route)
        app.router.add_route(route.method, route.path, handler)
        if route.method == "GET" and route.is_public:
            app.router.add_route("HEAD", route.path, handler)
    app.router.add_route("GET", "/v1/ws", stream.serve)
    pages.add_pages(app, read_built() if built is None else built)
    app.router.add_route("*", "/{path:.*}", _not_served)
    app.on_startup.append(stream.start)
    app.on_shutdown.append(stream.stop)
    services.sign_ins.is_kept_out = partial(_is_kept_out, services.views.subjects)
    watch(services)
    return app


def _is_kept_out(subjects: Subjects, person: Person) -> bool:
    """Whether somebody may not log in because their personal data are restricted."""
    return subjects.is_restricted(SubjectKind.PERSON, person.name) or subjects.is_restricted(
        SubjectKind.PARTICIPANT, person.participant
    )


async def _not_served(request: web.Request) -> web.StreamResponse:
    methods: set[str] = set()
    for resource in request.app.router.resources():
        if resource.canonical == "/{path}":
            continue
        match, allowed = await resource.resolve(request)
        assert match is None, "the router would have found it"
        methods |= allowed
    return request.app[DISPATCHER].not_served(request, frozenset(methods))


def make_runner(app: web.Application, services: Services, *, shutdown_s: float) -> Runner:
    """What serves the application, every connection within its bounds."""

    def bounded(made: web.Server) -> Server:
        dispatcher = app[DISPATCHER]
        short_way = ShortWay(dispatcher) if services.following is None else NoShortWay(dispatcher)
        return Server(
            made,
            services.settings,
            services.metrics,
            dispatcher.refuse,
            services.public_url,
            short_way=short_way,
        )

    return Runner(app, bounded, shutdown_s=shutdown_s)


def watch(services: Services) -> None:
    """Let the metrics that are read read from the parts that know, and those that count follow the commits."""
    metrics: Metrics = services.metrics
    sequencer, views = services.sequencer, services.views
    if services.following is None:  # what happens is counted once, where it happens
        sequencer.on_commit(OrderFlow(metrics, views).follow)
        sequencer.on_commit(metrics.market.follow)
    else:
        metrics.process.watch_following(services.following)
    metrics.journal.queue_depth.set_function(lambda: sequencer.queue_depth)
    metrics.journal.position.set_function(lambda: sequencer.position)
    metrics.market.watch(views, services.clock.now_ns)
    metrics.custody.watch(views.custody)
    metrics.process.ready.set_function(lambda: health.state_of(services) in health.READY)

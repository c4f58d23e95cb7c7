"""All verbs, built from one context."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.service.access import Access
from penstock.service.audit import Audit
from penstock.service.authored import Authored
from penstock.service.catalog import Catalog
from penstock.service.clearing import Clearing
from penstock.service.context import Context
from penstock.service.control import Control
from penstock.service.datasets import Datasets
from penstock.service.datastores import Datastores
from penstock.service.debugging import Debugging
from penstock.service.devices import Devices
from penstock.service.endpoints import Endpoints
from penstock.service.environments import Environments
from penstock.service.explaining import Explaining
from penstock.service.firing import Targets
from penstock.service.inbox import Inbox
from penstock.service.models import Models
from penstock.service.pipelines import Pipelines
from penstock.service.principals import Principals
from penstock.service.quick import QuickSubmission
from penstock.service.results import Results
from penstock.service.schedules import Schedules
from penstock.service.secrets import Secrets
from penstock.service.sessions import Sessions
from penstock.service.submission import Submission
from penstock.service.tokens import Tokens
from penstock.service.tracking import Tracking
from penstock.service.tracking_models import TrackedModels
from penstock.service.views import Views
from penstock.service.watched import Places
from penstock.service.webhooks import Webhooks


@dataclass(frozen=True)
class Services:
    """The verbs, by what they are about."""

    context: Context
    catalog: Catalog
    datastores: Datastores
    environments: Environments
    secrets: Secrets
    datasets: Datasets
    models: Models
    submission: Submission
    pipelines: Pipelines
    endpoints: Endpoints
    authored: Authored
    quick: QuickSubmission
    targets: Targets
    control: Control
    views: Views
    tracking: Tracking
    tracked_models: TrackedModels
    debugging: Debugging
    explaining: Explaining
    webhooks: Webhooks
    schedules: Schedules
    places: Places
    principals: Principals
    tokens: Tokens
    sessions: Sessions
    devices: Devices
    access: Access
    audit: Audit
    clearing: Clearing
    results: Results

    @classmethod
    def build(cls, context: Context, inbox: Inbox) -> Services:
        catalog = Catalog(context)
        control, views = Control(context, catalog, inbox), Views(context)
        datastores = Datastores(context, catalog)
        tracking = Tracking(context, catalog, control, views)
        submission = Submission(context, catalog, inbox, datastores)
        datasets = Datasets(context)
        pipelines = Pipelines(context, catalog, submission, datasets)
        endpoints = Endpoints(context, catalog, pipelines)
        places = Places(context, datastores)
        targets = Targets(pipelines, endpoints)
        principals = Principals(context, catalog)
        return cls(
            context=context,
            catalog=catalog,
            datastores=datastores,
            environments=Environments(context),
            secrets=Secrets(context, catalog),
            datasets=datasets,
            models=Models(context),
            submission=submission,
            pipelines=pipelines,
            endpoints=endpoints,
            authored=Authored(context, catalog, submission, pipelines),
            quick=QuickSubmission(context, catalog, submission, pipelines),
            targets=targets,
            control=control,
            views=views,
            tracking=tracking,
            tracked_models=TrackedModels(tracking, views),
            debugging=Debugging(context),
            explaining=Explaining(context),
            webhooks=Webhooks(context, catalog),
            schedules=Schedules(context, catalog, targets.check, places),
            places=places,
            principals=principals,
            tokens=Tokens(context),
            sessions=Sessions(context, principals),
            devices=Devices(context),
            access=Access(context),
            audit=Audit(context),
            clearing=Clearing(context),
            results=Results(context),
        )

"""All verbs, built from one context."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.service.assets.catalog import Catalog
from penstock.service.assets.datasets import Datasets
from penstock.service.assets.datastores import Datastores
from penstock.service.assets.environments import Environments
from penstock.service.assets.models import Models
from penstock.service.assets.secrets import Secrets
from penstock.service.care.clearing import Clearing
from penstock.service.context import Context
from penstock.service.execution.inbox import Inbox
from penstock.service.identity.access import Access
from penstock.service.identity.audit import Audit
from penstock.service.identity.devices import Devices
from penstock.service.identity.principals import Principals
from penstock.service.identity.sessions import Sessions
from penstock.service.identity.tokens import Tokens
from penstock.service.mlflow.tracking import Tracking
from penstock.service.mlflow.tracking_models import TrackedModels
from penstock.service.notify.webhooks import Webhooks
from penstock.service.published.data_types import DataTypes
from penstock.service.published.drafts import Drafts
from penstock.service.published.endpoints import Endpoints
from penstock.service.published.modules import Modules
from penstock.service.published.pipelines import Pipelines
from penstock.service.published.quick import QuickSubmission
from penstock.service.reuse.explaining import Explaining
from penstock.service.reuse.results import Results
from penstock.service.runs.control import Control
from penstock.service.runs.debugging import Debugging
from penstock.service.runs.inputs import Inputs
from penstock.service.runs.submission import Submission
from penstock.service.runs.views import Views
from penstock.service.schedule.firing import Targets
from penstock.service.schedule.schedules import Schedules
from penstock.service.schedule.watched import Places


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
    drafts: Drafts
    modules: Modules
    data_types: DataTypes
    quick: QuickSubmission
    targets: Targets
    control: Control
    views: Views
    inputs: Inputs
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
            drafts=Drafts(context, catalog, submission, pipelines),
            modules=Modules(context, catalog),
            data_types=DataTypes(context, catalog),
            quick=QuickSubmission(context, catalog, submission, endpoints),
            targets=targets,
            control=control,
            views=views,
            inputs=Inputs(context, datasets),
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

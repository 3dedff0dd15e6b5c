"""The names that the whole pipeline shares."""

import os

import inputs

MODEL = "GourmetGramFood11Model"
APP_IMAGE = "gourmetgram-app"
APP_CONTAINER = "app"
ARGO = "argo"
ARGO_CD = "argocd"
FREEZE = "promotion-freeze"
FIELD_MANAGER = "promotion-pipeline"
CHAIN = "gourmetgram.io/chain"
PARENT = "gourmetgram.io/parent"
LOCK_HOLDER = "gourmetgram.io/lock-holder"
LOCK_KEY = "gourmetgram.io/lock-key"
MODEL_VERSION = "gourmetgram.io/model-version"
SUBMITTED_BY = "gourmetgram.io/submitted-by"
CRON = "workflows.argoproj.io/cron-workflow"
# Argo's server writes them for a person that logged in, the plainest name first.
CREATORS = ("workflows.argoproj.io/creator-preferred-username", "workflows.argoproj.io/creator-email", "workflows.argoproj.io/creator")
FOOD_11 = (
    "Bread", "Dairy product", "Dessert", "Egg", "Fried food", "Meat",
    "Noodles/Pasta", "Rice", "Seafood", "Soup", "Vegetable/Fruit",
)  # fmt: skip


def app_version(version):
    """The app version that serves a model version: 7 is 1.0.7."""
    return f"1.0.{version}"


def workload(environment):
    """The name that an environment's namespace, Service, Application and pods' `app` label share."""
    return f"gourmetgram-{environment}"


def service_url(environment):
    """Where an environment answers inside the cluster."""
    return inputs.environments()[environment]


def mlflow_url():
    """Where MLflow answers; `MLFLOW_TRACKING_URI` overrides it."""
    return os.environ.get("MLFLOW_TRACKING_URI") or "http://mlflow.gourmetgram-platform.svc.cluster.local:8000"

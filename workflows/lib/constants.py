"""
The names that the whole pipeline shares. `components/shared/workflow-names.ts` has those that the commands read too.
"""

MODEL = "GourmetGramFood11Model"
APP_IMAGE = "gourmetgram-app"
APP_CONTAINER = "app"
# On each request to the app that no person sends: its metrics tell both apart.
PROBE_HEADER = "X-Probe"
PROBE = {PROBE_HEADER: "gate"}
ANALYSIS_PROBE = {PROBE_HEADER: "analysis"}
# Where the app predicts, as a regular expression. What else it answers says nothing of its model.
PREDICTION_PATHS = "/predict|/test"
STAGING = "staging"
ARGO_NAMESPACE = "argo"
ARGO_CD_NAMESPACE = "argocd"
FREEZE = "promotion-freeze"
NOTIFICATIONS = "notifications"
DATA_DRIFT = "data-drift"
GATEWAY_NAMESPACE = "gourmetgram-gateway"
GATEWAY_ROUTE = "gourmetgram"
GATEWAY_SERVICE_PORT = 8000
FIELD_MANAGER = "promotion-pipeline"
PIPELINE_RUN = "gourmetgram.io/pipeline-run"
PARENT = "gourmetgram.io/parent"
LOCK_HOLDER = "gourmetgram.io/lock-holder"
LOCK_KEY = "gourmetgram.io/lock-key"
MODEL_VERSION = "gourmetgram.io/model-version"
SUBMITTED_BY = "gourmetgram.io/submitted-by"
CRON = "workflows.argoproj.io/cron-workflow"
# Argo's server writes them for a person that logged in, the plainest name first.
CREATORS = (
    "workflows.argoproj.io/creator-preferred-username",
    "workflows.argoproj.io/creator-email",
    "workflows.argoproj.io/creator",
)
FOOD_11 = (
    "Bread",
    "Dairy product",
    "Dessert",
    "Egg",
    "Fried food",
    "Meat",
    "Noodles/Pasta",
    "Rice",
    "Seafood",
    "Soup",
    "Vegetable/Fruit",
)


def app_version(version: str) -> str:
    """The app version that serves a model version: 7 is 1.0.7."""
    return f"1.0.{version}"


def workload(environment: str) -> str:
    """The name that an environment's namespace, Service, Application and pods' `app` label share."""
    return f"gourmetgram-{environment}"


def gateway_service(environment: str) -> str:
    """The Service of an environment that the gateway leads users to."""
    return f"{workload(environment)}-gateway"


def environment(workload: str) -> str:
    """The environment that such a name belongs to."""
    return workload.removeprefix("gourmetgram-")

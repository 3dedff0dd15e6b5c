/** Where MLflow answers inside the cluster. The lab's documents require these names. */
export const mlflowNamespace = "gourmetgram-platform";
export const mlflowPort = 8000;
/** Label `app` of its pods, and the name of their port. */
export const mlflowApp = "mlflow";
export const mlflowPortName = "http";
/** `host:port`, which MLflow's host check expects in the `Host` header. */
export const mlflowAddress = `mlflow.${mlflowNamespace}.svc.cluster.local:${mlflowPort}`;

/** Where MLflow answers inside the cluster. The lab's documents require these names. */
export const mlflowNamespace = "gourmetgram-platform";
export const mlflowPort = 8000;
/** `host:port`, which MLflow's host check expects in the `Host` header. */
export const mlflowAddress = `mlflow.${mlflowNamespace}.svc.cluster.local:${mlflowPort}`;

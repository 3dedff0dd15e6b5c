/** Where MLflow answers inside the cluster; the lab's documents fix all of it. */
export const mlflowNamespace = "gourmetgram-platform";
export const mlflowPort = 8000;
/** `host:port`, as its host check wants it in the `Host` header. */
export const mlflowAddress = `mlflow.${mlflowNamespace}.svc.cluster.local:${mlflowPort}`;

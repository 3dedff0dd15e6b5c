/** An Application as the program declares it, for tests of who owns which of its fields. */

export const name = "gourmetgram-production";
export const image = (letter: string) => `registry:5000/gourmetgram-app@sha256:${letter.repeat(64)}`;

/** What the program declares: no release. */
export const declaredApplication = (bundle: string) => ({
  apiVersion: "argoproj.io/v1alpha1",
  kind: "Application",
  metadata: { name, namespace: "argocd", annotations: { "gourmetgram.io/base-image": image("b") } },
  spec: {
    project: "gourmetgram",
    destination: { namespace: name, server: "https://kubernetes.default.svc" },
    source: { repoURL: "oci://registry/bundles/production", targetRevision: bundle, path: "." },
    syncPolicy: { automated: { prune: true, selfHeal: true } },
  },
});

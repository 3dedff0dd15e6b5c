/**
 * Upstream images that Dockerfiles build on, by repository and tag. A Dockerfile cannot read the table of the digests,
 * so it repeats them.
 */
export const baseImages = [
  { repository: "docker.io/library/debian", tag: "bookworm-slim" },
  { repository: "docker.io/library/golang", tag: "1.26.8-bookworm" },
  { repository: "registry.k8s.io/kubectl", tag: "v1.34.1" },
] as const;

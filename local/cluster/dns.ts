import { mirrorAddress } from "../toolchain/third-party-images/mirror";
import { dnsIp } from "./network";

/** Names outside the cluster do not exist here. The answer NXDOMAIN comes at once, so that no look-up times out. */
const corefile = `cluster.local:53 in-addr.arpa:53 {
  errors
  health :8080
  ready :8181
  kubernetes cluster.local in-addr.arpa {
    pods insecure
    ttl 5
  }
  cache 5
  reload
}
.:53 {
  errors
  template ANY ANY {
    rcode NXDOMAIN
  }
}
`;

const labels = { "k8s-app": "kube-dns" };
const metadata = { name: "coredns", namespace: "kube-system", labels };
const named = { name: "system:coredns" };

/**
 * The cluster's DNS: a Deployment of CoreDNS behind the Service address that every pod is given.
 * @param digest of CoreDNS's image in the mirror
 */
export const dnsObjects = (digest: string): object[] => [
  { apiVersion: "v1", kind: "ServiceAccount", metadata },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: named,
    rules: [
      { apiGroups: [""], resources: ["endpoints", "services", "pods", "namespaces"], verbs: ["list", "watch"] },
      { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
    ],
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: named,
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", ...named },
    subjects: [{ kind: "ServiceAccount", name: "coredns", namespace: "kube-system" }],
  },
  { apiVersion: "v1", kind: "ConfigMap", metadata, data: { Corefile: corefile } },
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: "coredns",
          priorityClassName: "system-cluster-critical",
          dnsPolicy: "Default",
          containers: [
            {
              name: "coredns",
              image: `${mirrorAddress}/coredns@${digest}`,
              args: ["-conf", "/etc/coredns/Corefile"],
              ports: [
                { name: "dns", containerPort: 53, protocol: "UDP" },
                { name: "dns-tcp", containerPort: 53, protocol: "TCP" },
              ],
              resources: { requests: { memory: "32Mi" }, limits: { memory: "128Mi" } },
              readinessProbe: { httpGet: { path: "/ready", port: 8181 }, periodSeconds: 2 },
              livenessProbe: { httpGet: { path: "/health", port: 8080 }, initialDelaySeconds: 30 },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] },
              },
              volumeMounts: [{ name: "config", mountPath: "/etc/coredns", readOnly: true }],
            },
          ],
          volumes: [{ name: "config", configMap: { name: "coredns" } }],
        },
      },
    },
  },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...metadata, name: "kube-dns" },
    spec: {
      clusterIP: dnsIp,
      selector: labels,
      ports: [
        { name: "dns", port: 53, protocol: "UDP" },
        { name: "dns-tcp", port: 53, protocol: "TCP" },
      ],
    },
  },
];

/** Ports at which the nodes of the local cluster listen on their own address, beside the Services that have it. */

/** Port of the API server, on the first node. */
export const apiPort = 6443;
/** Port of the mirror of third-party images, on the first node. */
export const mirrorPort = 5001;
/** Port at which the API server, and whoever reads logs through it, reaches a kubelet. */
export const kubeletPort = 10250;
/** Port at which kube-proxy says whether it is well. */
export const kubeProxyPort = 10256;

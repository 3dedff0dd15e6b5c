/** The stand-in Kubernetes plugin: any kind, by server-side apply. See README.md here. */
import { KubernetesProvider } from "./kube-provider";
import { serve } from "./protocol";

serve(new KubernetesProvider());

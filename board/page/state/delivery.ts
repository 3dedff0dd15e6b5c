import type { DeliveryView } from "../../api";

export interface DeliveryRow {
  readonly name: string;
  readonly deployments: number;
  readonly failures: number;
  /** As in `12 %`; `–` without a deployment. */
  readonly failureRate: string;
  /** Seconds; null where nothing had to be restored. */
  readonly restoreMedian: number | null;
}

const share = (part: number, whole: number): string => (whole === 0 ? "–" : `${Math.round((part / whole) * 100)} %`);

/** The figures of each environment, with the share of its deployments that failed. */
export const deliveryRows = ({ environments }: DeliveryView): readonly DeliveryRow[] =>
  environments.map(({ name, deployments, failures, restore }) => ({
    name,
    deployments,
    failures,
    failureRate: share(failures, deployments),
    restoreMedian: restore.median,
  }));

/** Share of the judged versions that were turned away, as in `12 %`. */
export const turnedAwayShare = ({ turnedAway, judged }: DeliveryView): string => share(turnedAway, judged);

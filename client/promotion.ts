import { oneLine } from "./one-line";

/** Number of a model version, from `5` or `1.0.5`. @throws for anything else */
export function modelVersion(text: string): string {
  const number = /^(?:1\.0\.)?([1-9][0-9]{0,8})$/.exec(text)?.[1];
  if (!number) throw new Error(`"${text}" is not a model version: write its number, as in 5 or 1.0.5`);
  return number;
}

/**
 * @param environments names, in the order of promotion
 * @throws if the target is not the environment after the source
 */
export function checkPromotionPath(environments: readonly string[], source: string, target: string): void {
  const pairs = environments.slice(1).map((next, index) => `${environments[index]} ${next}`);
  if (!pairs.includes(`${source} ${target}`))
    throw new Error(`there is no promotion from ${source} to ${target}: write ${pairs.join(", or ")}`);
}

const emergencyExample = 'npm run promote -- 5 canary production --emergency "production answers with errors"';

/**
 * The parameters of `promote-model`.
 * @param emergency why the calendar does not count; left out for a usual promotion
 * @throws if the version or the reason is none
 */
export function promotionParameters(
  version: string,
  source: string,
  target: string,
  emergency?: string,
): Record<string, string> {
  return {
    "model-version": modelVersion(version),
    "source-environment": source,
    "target-environment": target,
    ...(emergency !== undefined && { emergency: oneLine(emergency, "why it is an emergency", emergencyExample) }),
  };
}

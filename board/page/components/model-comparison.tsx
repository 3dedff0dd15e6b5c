import type { ModelView } from "../../api";
import { type ClassRow, compareAccuracy, compareFacts, percent, points } from "../state/models";
import { shortHash } from "../state/version";
import { VersionChip } from "./version-chip";

/** A difference of this size fills half of its bar. */
const fullScale = 0.2;

/** A loss as a bar to the left of the middle, a gain to the right. */
function DifferenceBar({ difference }: { readonly difference: number }) {
  const length = Math.min(50, (Math.abs(difference) / fullScale) * 50);
  const x = difference < 0 ? 50 - length : 50;
  return (
    <svg class="difference-bar" width="100%" height="10" aria-hidden="true">
      <rect class="bar-track" y="4" width="100%" height="2" />
      <rect class={difference < 0 ? "loss" : "gain"} x={`${x}%`} width={`${length}%`} height="10" rx="2" />
      <rect class="middle" x="50%" width="1" height="10" />
    </svg>
  );
}

const ClassCells = ({ row: { name, left, right, difference } }: { readonly row: ClassRow }) => (
  <tr class={name === "overall" ? "overall" : undefined}>
    <th scope="row">{name}</th>
    <td class="number figures">{percent(left)}</td>
    <td class="number figures">{percent(right)}</td>
    <td class="difference-cell">{difference !== null && <DifferenceBar difference={difference} />}</td>
    <td class={`number figures difference ${(difference ?? 0) < -0.0005 ? "worse" : "better"}`}>
      {difference === null ? "–" : points(difference)}
    </td>
  </tr>
);

const fact = (text: string): string => (/^(sha256:)?[0-9a-f]{40,}$/.test(text) ? shortHash(text) : text);

interface ModelComparisonProps {
  readonly left: ModelView;
  readonly right: ModelView;
}

/** Two versions side by side: accuracy by class, then what they were made of and what their gates found. */
export function ModelComparison({ left, right }: ModelComparisonProps) {
  const heads = (
    <>
      <th scope="col" class="number">
        <VersionChip version={left.version} />
      </th>
      <th scope="col" class="number">
        <VersionChip version={right.version} />
      </th>
    </>
  );
  return (
    <div class="comparison">
      <table class="plain">
        <caption>Accuracy on the held-out pictures</caption>
        <thead>
          <tr>
            <th scope="col">Class</th>
            {heads}
            <th scope="col" class="difference-cell">
              <span class="visually-hidden">Difference as a bar</span>
            </th>
            <th scope="col" class="number">
              Points
            </th>
          </tr>
        </thead>
        <tbody>
          {compareAccuracy(left.accuracy, right.accuracy).map((row) => (
            <ClassCells key={row.name} row={row} />
          ))}
        </tbody>
      </table>
      <table class="plain">
        <caption>Everything else</caption>
        <thead>
          <tr>
            <th scope="col">Fact</th>
            {heads}
          </tr>
        </thead>
        <tbody>
          {compareFacts(left, right).map((row) => (
            <tr key={row.name} class={row.isSame ? "same" : undefined}>
              <th scope="row">{row.name}</th>
              <td class="number figures">{fact(row.left)}</td>
              <td class="number figures">{row.isSame ? "same" : fact(row.right)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

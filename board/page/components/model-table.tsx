import { counted } from "../../../lib/counted";
import type { GateView, ModelView } from "../../api";
import { againstProduction, percent, points, shortDisagreement } from "../state/models";
import { routeAddress } from "../state/route";
import { toneOf } from "../state/tone";
import { shortHash } from "../state/version";
import { Icon } from "./icon";
import { Sign } from "./sign";
import { Time } from "./time";
import { VersionChip } from "./version-chip";
import { WindowedTable } from "./windowed-table";

const signs = { good: "check", bad: "cross", warn: "warning", busy: "dots", quiet: "dash" } as const;

const Gates = ({ gates }: { readonly gates: readonly GateView[] }) => (
  <ul class="gates">
    {gates.map(({ gate, verdict, reason }) => (
      <li key={gate} class={`gate tone-${toneOf(verdict)}`} title={`${gate}: ${reason || verdict}`}>
        <Icon name={signs[toneOf(verdict)]} />
        <span class="visually-hidden">
          {gate}: {verdict}
        </span>
      </li>
    ))}
  </ul>
);

function Difference({ model }: { readonly model: ModelView }) {
  const difference = againstProduction(model);
  if (difference === null) return null;
  const word = difference < -0.0005 ? "worse" : "better";
  return (
    <span class={`difference ${word}`} title={`against ${model.production?.version} in production then`}>
      {points(difference)}
    </span>
  );
}

function RecordsLink({ model: { version, records } }: { readonly model: ModelView }) {
  if (records === 0) return <span>–</span>;
  return (
    <a href={routeAddress("history", null, { version })} aria-label={`${counted(records, "record")} of ${version}`}>
      {records}
    </a>
  );
}

const head = (
  <>
    <th scope="col">Version</th>
    <th scope="col">Verdict</th>
    <th scope="col" class="number">
      Accuracy
    </th>
    <th scope="col" class="wide">
      Gates
    </th>
    <th scope="col" class="wide">
      Aliases
    </th>
    <th scope="col" class="wider">
      Scenario
    </th>
    <th scope="col" class="wider">
      Data
    </th>
    <th scope="col" class="wider number">
      Records
    </th>
    <th scope="col" class="wider rest">
      Disagrees
    </th>
    <th scope="col" class="wide">
      Registered
    </th>
  </>
);

const Cells = ({ model }: { readonly model: ModelView }) => (
  <>
    <th scope="row">
      <VersionChip version={model.version} />
    </th>
    <td>
      {model.verdict ? <Sign tone={toneOf(model.verdict)} word={model.verdict} /> : <span class="hint">untested</span>}
    </td>
    <td class="number figures">
      {percent(model.accuracy?.overall ?? null)} <Difference model={model} />
    </td>
    <td class="wide">
      <Gates gates={model.gates} />
    </td>
    <td class="wide">
      <span class="aliases">
        {model.aliases.map((alias) => (
          <span key={alias} class="alias">
            {alias}
          </span>
        ))}
      </span>
    </td>
    <td class="wider">{model.scenario ?? "–"}</td>
    <td class="wider">
      {model.dataSha256 ? <code title={model.dataSha256}>{shortHash(model.dataSha256)}</code> : "–"}
    </td>
    <td class="wider number figures">
      <RecordsLink model={model} />
    </td>
    <td class="wider rest clip" title={model.disagreement ?? undefined}>
      {shortDisagreement(model.disagreement)}
    </td>
    <td class="wide">
      <Time at={model.registeredAt} />
    </td>
  </>
);

interface ModelTableProps {
  readonly models: readonly ModelView[];
  /** The version in detail; null for none. */
  readonly selected: string | null;
  readonly nearEnd: () => void;
}

/** All versions of the model, newest first. */
export const ModelTable = ({ models, selected, nearEnd }: ModelTableProps) => (
  <WindowedTable
    label="Versions of the model"
    head={head}
    columns={10}
    rows={models}
    keyOf={({ version }) => version}
    cells={(model) => <Cells model={model} />}
    rowClass={({ version, collected }) =>
      [version === selected && "is-selected", collected && "is-collected"].filter(Boolean).join(" ")
    }
    nearEnd={nearEnd}
  />
);

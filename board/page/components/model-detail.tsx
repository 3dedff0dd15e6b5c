import { useEffect, useRef } from "preact/hooks";
import type { EnvironmentView, ModelsPage, ModelView, PipelineView } from "../../api";
import { getJson } from "../api/requests";
import { useLoaded } from "../hooks/use-loaded";
import type { Draft } from "../state/acts";
import { recordChange } from "../state/history";
import { modelLink } from "../state/links";
import { routeAddress } from "../state/route";
import { toneOf } from "../state/tone";
import { hueOf, numberOf } from "../state/version";
import { ModelComparison } from "./model-comparison";
import { ModelRecords } from "./model-records";
import { OutLink } from "./out-link";
import { Sign } from "./sign";
import { Empty, Failed, Loading } from "./states";
import { hueClass, VersionChip } from "./version-chip";

/** A version from those that are there, or else from the server; null while it comes. */
function useModel(version: string | null, loaded: readonly ModelView[]) {
  const there = loaded.find((model) => model.version === version) ?? null;
  const number = numberOf(version);
  const asked = there === null && number !== null ? number : null;
  const { value, error } = useLoaded(`${asked}`, async (signal) => {
    if (asked === null) return null;
    const { models } = await getJson<ModelsPage>(`/api/models?before=${asked + 1}`, signal);
    const found = models.find((model) => model.version === version);
    if (!found) throw new Error(`There is no version ${version}.`);
    return found;
  });
  return { model: there ?? (value?.version === version ? value : null), error: there ? null : error };
}

const Gates = ({ model: { gates } }: { readonly model: ModelView }) => (
  <ol class="gate-list">
    {gates.map(({ gate, verdict, reason }) => (
      <li key={gate}>
        <b>{gate}</b>
        <Sign tone={toneOf(verdict)} word={verdict} />
        <span>{reason}</span>
      </li>
    ))}
  </ol>
);

interface AgainstProps {
  readonly model: ModelView;
  readonly against: string | null;
  readonly environments: readonly EnvironmentView[];
  readonly models: readonly ModelView[];
}

/** Chooses what the version is compared with: what an environment runs, or any other version. */
function Against({ model, against, environments, models }: AgainstProps) {
  const choose = (event: Event & { readonly currentTarget: HTMLSelectElement }) => {
    location.hash = routeAddress("models", model.version, { against: event.currentTarget.value });
  };
  return (
    <label class="against">
      <span>Compare with</span>
      <select value={against ?? ""} onChange={choose}>
        <optgroup label="What would come if it were promoted to">
          {environments
            .filter(({ version }) => hueOf(version) !== null)
            .map(({ name, version }) => (
              <option key={name} value={name}>
                {name} (runs {version})
              </option>
            ))}
        </optgroup>
        <optgroup label="Another version">
          {models
            .filter(({ version }) => version !== model.version)
            .map(({ version }) => (
              <option key={version}>{version}</option>
            ))}
        </optgroup>
      </select>
    </label>
  );
}

interface ModelDetailProps {
  readonly version: string;
  /** Name of an environment, or a version; undefined for the last environment that runs another version. */
  readonly against: string | undefined;
  readonly models: readonly ModelView[];
  readonly view: PipelineView | null;
  readonly act: (draft: Draft) => void;
}

/** One version: its gates, and how it differs from another one. */
export function ModelDetail({ version, against, models, view, act }: ModelDetailProps) {
  const environments = view?.environments ?? [];
  const usual = environments.findLast(
    (environment) => numberOf(environment.version) && environment.version !== version,
  );
  const chosen = against ?? usual?.name ?? null;
  const target = environments.find(({ name }) => name === chosen);
  const otherVersion = target ? target.version : chosen;
  const { model, error } = useModel(version, models);
  const other = useModel(otherVersion, models);
  const source = environments.find(({ name }) => name === target?.promotesFrom);
  const heading = useRef<HTMLHeadingElement>(null);
  // A person may have chosen the version far down in the table.
  useEffect(() => heading.current?.focus(), []);
  return (
    <section class={`panel detail ${hueClass(version)}`} aria-labelledby="detail-title">
      <header class="panel-head">
        <h2 id="detail-title" ref={heading} tabIndex={-1}>
          <span class="detail-version">{version}</span>
        </h2>
        {model?.verdict && <Sign tone={toneOf(model.verdict)} word={model.verdict} />}
        {target && source?.version === version && target.version !== version && (
          <button
            type="button"
            class={source.barrier ? "small" : "small primary"}
            onClick={() =>
              act({ kind: "promote", version, source: source.name, target: target.name, isEmergency: false, text: "" })
            }
          >
            Promote to {target.name} …
          </button>
        )}
        <OutLink href={modelLink(view?.links ?? {}, version)}>MLflow</OutLink>
        <a class="button small quiet" href={routeAddress("models")}>
          Close
        </a>
      </header>
      {error && <Failed what={version} why={error} />}
      {!model && !error && <Loading what={version} />}
      {model && (
        <>
          {model.reason && <p>{model.reason}</p>}
          {model.disagreement && (
            <p>
              In canary: <VersionChip version={model.version} /> {model.disagreement}
            </p>
          )}
          {model.collected && <p class="hint">Its image and files were collected on {model.collected}.</p>}
          <Gates model={model} />
          <ModelRecords model={model} change={recordChange(view)} />
          <Against model={model} against={chosen} environments={environments} models={models} />
          {other.error && <Failed what={otherVersion ?? "it"} why={other.error} />}
          {target && otherVersion !== version && (
            <p>
              What would come if <VersionChip version={version} /> were promoted to <b>{target.name}</b>, which runs{" "}
              <VersionChip version={otherVersion} />:
            </p>
          )}
          {otherVersion === version && <p class="hint">{target?.name} runs this version already.</p>}
          {other.model && otherVersion !== version && <ModelComparison left={model} right={other.model} />}
          {chosen === null && <Empty title="Nothing to compare with yet" />}
        </>
      )}
    </section>
  );
}

import { useState } from "preact/hooks";
import type { PipelineView, RunView } from "../../api";
import { useNow } from "../hooks/use-clock";
import { workflowLink } from "../state/links";
import { runCard, type StepRow } from "../state/runs";
import { Log } from "./log";
import { OutLink } from "./out-link";
import { Person } from "./person";
import { Sign } from "./sign";
import { Time } from "./time";
import { VersionTag } from "./version-chip";

function Step({ step }: { readonly step: StepRow }) {
  const [isOpen, setOpen] = useState(false);
  const { workflow, id, name, tone, word, elapsed, x, width, explanation } = step;
  return (
    <li class={`step tone-${tone}`}>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span class="step-name">{name}</span>
          <Sign tone={tone} word={word} />
          <svg class="step-bar" width="100%" height="8" aria-hidden="true">
            <rect class="bar-track" width="100%" height="8" rx="4" />
            <rect class="bar-fill" x={`${x}%`} width={`${width}%`} height="8" rx="4" />
          </svg>
          <span class="step-time figures">{elapsed}</span>
          {explanation && <span class="step-why">{explanation}</span>}
        </summary>
        {isOpen && <Log workflow={workflow} step={id} name={name} />}
      </details>
    </li>
  );
}

interface RunProps {
  readonly run: RunView;
  /** Addresses of other pages, by name. */
  readonly links: PipelineView["links"];
}

function Steps({ run, links, now }: RunProps & { readonly now: number }) {
  const { groups } = runCard(run, now);
  if (groups.length === 0) return <p class="hint">No step has begun yet.</p>;
  return (
    <ol class="groups">
      {groups.map(({ workflow, steps }) => (
        <li key={workflow} class="group">
          <h3>
            <OutLink href={workflowLink(links, workflow)} otherwise={workflow}>
              {workflow}
              <span class="visually-hidden"> in Argo Workflows</span>
            </OutLink>
          </h3>
          <ol class="steps">
            {steps.map((step) => (
              <Step key={step.id} step={step} />
            ))}
          </ol>
        </li>
      ))}
    </ol>
  );
}

/** A pipeline run, with its steps for as long as it is open. */
export function Run({ run, links }: RunProps) {
  const now = useNow();
  // A run that a person watches stays open when it ends.
  const [opensAtFirst] = useState(run.finishedAt === null);
  const [isOpen, setOpen] = useState(opensAtFirst);
  const { tone, word, elapsed, template, version, requestedBy, startedAt, outcome } = runCard(run, now);
  return (
    <details class={`run tone-${tone}`} open={opensAtFirst} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span class="run-title">
          <span class="run-template">{template}</span>
          {version && <VersionTag version={version} />}
          <Sign tone={tone} word={word} />
        </span>
        <span class="run-facts">
          <Person username={requestedBy} />
          <Time at={startedAt} />
          <span class="figures">{elapsed}</span>
        </span>
        {outcome && <span class="run-sentence">{outcome.sentence}</span>}
      </summary>
      {isOpen && (
        <div class="run-body">
          <Steps run={run} links={links} now={now} />
        </div>
      )}
    </details>
  );
}

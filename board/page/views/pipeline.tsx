import type { PipelineView } from "../../api";
import { ApprovalCard } from "../components/approval-card";
import { Icon } from "../components/icon";
import { PastTimeline } from "../components/past-timeline";
import { Person } from "../components/person";
import { Run } from "../components/run-card";
import { StageCard } from "../components/stage-card";
import { Empty } from "../components/states";
import { Age } from "../components/time";
import { useNow } from "../hooks/use-clock";
import type { Draft } from "../state/acts";
import { stagesOf } from "../state/stages";

interface PipelineProps {
  readonly view: PipelineView;
  readonly act: (draft: Draft) => void;
}

const Freeze = ({ freeze, act }: { freeze: NonNullable<PipelineView["freeze"]>; act: PipelineProps["act"] }) => (
  <div class="notice notice-freeze" role="status">
    <Icon name="snow" />
    <p>
      <strong>Promotions are frozen</strong> by <Person username={freeze.who} /> since <Age since={freeze.since} />:{" "}
      {freeze.why}
    </p>
    <button type="button" class="small" onClick={() => act({ kind: "unfreeze", text: "" })}>
      Unfreeze …
    </button>
  </div>
);

const Problems = ({ problems }: { readonly problems: readonly string[] }) => (
  <div class="notice tone-warn" role="status">
    <Icon name="warning" />
    <div>
      <strong>Not everything could be read. The rest is as it was.</strong>
      <ul>
        {problems.map((problem) => (
          <li key={problem}>{problem}</li>
        ))}
      </ul>
    </div>
  </div>
);

/** Above this number of environments the path takes several rows of smaller cards. */
const inOneRow = 4;

function Path({ view, act }: PipelineProps) {
  const stages = stagesOf(view, useNow());
  return (
    <section class="path-section" aria-labelledby="path-title">
      <header class="panel-head">
        <h2 id="path-title">Promotion path</h2>
        {view.traffic && <p class="hint">{view.traffic}</p>}
        {view.dataDrift && <p class="hint">{view.dataDrift}</p>}
        {!view.freeze && (
          <button type="button" class="small quiet" onClick={() => act({ kind: "freeze", text: "" })}>
            <Icon name="snow" /> Freeze …
          </button>
        )}
      </header>
      <ol class={stages.length > inOneRow ? "path path-long" : "path"}>
        {stages.map((stage) => (
          <StageCard key={stage.name} stage={stage} links={view.links} act={act} />
        ))}
      </ol>
    </section>
  );
}

function Runs({ view, act }: PipelineProps) {
  return (
    <section class="panel" aria-labelledby="runs-title">
      <header class="panel-head">
        <h2 id="runs-title">Pipeline runs</h2>
      </header>
      {view.runs.length === 0 ? (
        <Empty title="No run yet">
          <p>A run trains a model, tests it in staging and promotes it if it passes.</p>
          <button type="button" class="primary" onClick={() => act({ kind: "train", scenario: "normal" })}>
            Train the first model
          </button>
        </Empty>
      ) : (
        view.runs.map((run) => <Run key={run.name} run={run} links={view.links} />)
      )}
    </section>
  );
}

/** The pipeline as it is now. */
export function Pipeline({ view, act }: PipelineProps) {
  const isWaiting = view.approvals.some(({ phase }) => phase === "Waiting");
  const approvals = view.approvals.length > 0 && (
    <section class="panel" aria-labelledby="approvals-title">
      <header class="panel-head">
        <h2 id="approvals-title">Approvals</h2>
      </header>
      <div class="approvals">
        {view.approvals.map((approval) => (
          <ApprovalCard key={approval.name} approval={approval} act={act} />
        ))}
      </div>
    </section>
  );
  return (
    <>
      {view.freeze && <Freeze freeze={view.freeze} act={act} />}
      {view.problems.length > 0 && <Problems problems={view.problems} />}
      {view.environments.length === 0 ? (
        <Empty title="No environment yet">
          <p>
            The pipeline has none: run <code>npm start</code>, or <code>pulumi up</code>.
          </p>
        </Empty>
      ) : (
        <>
          <Path view={view} act={act} />
          {isWaiting && approvals}
          <PastTimeline view={view} />
        </>
      )}
      <Runs view={view} act={act} />
      {!isWaiting && approvals}
    </>
  );
}

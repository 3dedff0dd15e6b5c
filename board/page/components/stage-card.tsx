import { counted } from "../../../lib/counted";
import { noApplication } from "../../../lib/health";
import type { PipelineView } from "../../api";
import type { Draft } from "../state/acts";
import { applicationLink, safeLink } from "../state/links";
import { routeAddress } from "../state/route";
import type { Stage } from "../state/stages";
import { countdown } from "../state/time";
import { toneOf } from "../state/tone";
import { hueOf, shortHash } from "../state/version";
import { Icon } from "./icon";
import { MoveLink } from "./move";
import { OutLink } from "./out-link";
import { Sign } from "./sign";
import { Age } from "./time";
import { hueClass } from "./version-chip";

/** How many of the users meet an environment, as a bar and in words. */
const Share = ({ percent }: { readonly percent: number }) => (
  <div class="share">
    <svg class="bar" width="100%" height="6" aria-hidden="true">
      <rect class="bar-track" width="100%" height="6" rx="3" />
      <rect class="bar-fill" width={`${percent}%`} height="6" rx="3" />
    </svg>
    <span>{percent} % of users</span>
  </div>
);

const Pods = ({ pods }: { readonly pods: NonNullable<Stage["pods"]> }) => (
  <span>
    {pods.ready}/{counted(pods.all, "pod")} ready
    {pods.restarts > 0 && `, ${counted(pods.restarts, "restart")}`}
  </span>
);

function sinceOf({ version, since }: Stage) {
  if (since) return <Age since={since} />;
  return version ? "since unknown" : "no model yet";
}

function StageVersion({ stage }: { readonly stage: Stage }) {
  const { version, digest } = stage;
  return (
    <div class={`stage-version ${hueClass(version)}`}>
      {hueOf(version) === null ? (
        <span class="stage-number">{version ?? "base image"}</span>
      ) : (
        <a class="stage-number" href={routeAddress("models", version)}>
          {version}
        </a>
      )}
      <span class="stage-since">{sinceOf(stage)}</span>
      {digest && (
        <code class="stage-digest" title={digest}>
          {shortHash(digest)}
        </code>
      )}
    </div>
  );
}

interface StageCardProps {
  readonly stage: Stage;
  /** Addresses of the environments and of other pages, by name. */
  readonly links: PipelineView["links"];
  readonly act: (draft: Draft) => void;
}

/** An environment, with the way to it from the one before. */
export function StageCard({ stage, links, act }: StageCardProps) {
  const { name, version, health, pods, percent, barrier, soakLeft, closed, needsApproval, move } = stage;
  const address = safeLink(links[name]);
  const application = applicationLink(links, name);
  return (
    <li class="stage">
      {move && <MoveLink move={move} act={act} />}
      <article class="stage-card">
        <header>
          <h3>{name}</h3>
          <Sign tone={toneOf(health)} word={health} />
        </header>
        <StageVersion stage={stage} />
        <div class="stage-facts">
          {health === noApplication && (
            <span class="fact tone-bad">Argo CD has no Application for it: npm start makes it again</span>
          )}
          {pods && <Pods pods={pods} />}
          {percent !== null && <Share percent={percent} />}
          {barrier && (
            <span class="fact tone-warn">
              <Icon name="warning" />
              {barrier.sentence}
            </span>
          )}
          {soakLeft !== null && (
            <span class="fact tone-busy">
              <Icon name="clock" />
              soaks for another <b class="figures">{countdown(soakLeft)}</b>
            </span>
          )}
          {needsApproval && (
            <span class="fact">
              <Icon name="person" />
              takes a person's approval
            </span>
          )}
          {closed !== null && (
            <span class="fact tone-warn">
              <Icon name="lock" />
              {closed}
            </span>
          )}
        </div>
        {(address || application || !stage.promotesFrom) && (
          <footer>
            <OutLink href={address}>
              Open<span class="visually-hidden"> {name}</span>
            </OutLink>
            <OutLink href={application}>
              Argo CD<span class="visually-hidden">: {name}</span>
            </OutLink>
            {!stage.promotesFrom && version && (
              <button
                type="button"
                class="small quiet"
                onClick={() => act({ kind: "revert", version, isBad: true, text: "" })}
              >
                Revert …
              </button>
            )}
          </footer>
        )}
      </article>
    </li>
  );
}

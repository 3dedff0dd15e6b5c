import type { RecordView } from "../../api";
import { outcomeTone } from "../state/tone";
import { Dialog } from "./dialog";
import { Sign } from "./sign";
import { Time } from "./time";
import { VersionChip } from "./version-chip";

interface RecordDialogProps {
  readonly record: RecordView;
  readonly close: () => void;
}

/** All that one record says. */
export function RecordDialog({ record, close }: RecordDialogProps) {
  const { action, environment, version, startedAt, endedAt, outcome, requestedBy, reason, disagreement, serves } =
    record;
  return (
    <Dialog title={environment === "-" ? action : `${action} ${environment}`} close={close}>
      <dl class="facts">
        <dt>Outcome</dt>
        <dd>
          <Sign tone={outcomeTone(outcome)} word={outcome ?? "running"} />
        </dd>
        {version && (
          <>
            <dt>Version</dt>
            <dd>
              <VersionChip version={version} />
            </dd>
          </>
        )}
        <dt>Began</dt>
        <dd>
          <Time at={startedAt} />
        </dd>
        {endedAt && (
          <>
            <dt>Ended</dt>
            <dd>
              <Time at={endedAt} />
            </dd>
          </>
        )}
        <dt>By</dt>
        <dd>{requestedBy}</dd>
        {reason && (
          <>
            <dt>Reason</dt>
            <dd>{reason}</dd>
          </>
        )}
        {disagreement && (
          <>
            <dt>In canary</dt>
            <dd>{disagreement}</dd>
          </>
        )}
        {serves && (
          <>
            <dt>Serves since</dt>
            <dd>
              <VersionChip version={serves.version} /> <code class="whole">{serves.digest}</code>
            </dd>
          </>
        )}
      </dl>
      <div class="dialog-buttons">
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

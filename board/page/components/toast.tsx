import { Icon } from "./icon";

interface ToastProps {
  /** What was done; an empty string for nothing. */
  readonly sentence: string;
  readonly close: () => void;
}

/** Says what an act did, until the person closes it. */
export const Toast = ({ sentence, close }: ToastProps) => (
  <div class="toast-place" aria-live="polite">
    {sentence && (
      <div class="toast">
        <Icon name="check" />
        <p>{sentence}</p>
        <button type="button" class="small quiet" onClick={close}>
          Close
        </button>
      </div>
    )}
  </div>
);

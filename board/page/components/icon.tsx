/** Signs of 16 by 16, drawn with strokes in the colour of the text beside them. */
const paths = {
  check: "M3.5 8.5l3 3 6-7",
  cross: "M4 4l8 8M12 4l-8 8",
  dash: "M4 8h8",
  warning: "M8 2.5l6 11H2zM8 6.5v3M8 11.6v.2",
  clock: "M8 2a6 6 0 100 12A6 6 0 008 2zM8 5v3l2 2",
  dots: "M3.5 8h.1M8 8h.1M12.5 8h.1",
  snow: "M8 2v12M2.8 5l10.4 6M13.2 5L2.8 11M6.3 2.8L8 4.4l1.7-1.6M6.3 13.2L8 11.6l1.7 1.6",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 015 0v2.5",
  person: "M8 8a2.6 2.6 0 100-5.2A2.6 2.6 0 008 8zM3 14c.5-3 2.5-4 5-4s4.5 1 5 4",
  arrow: "M2.5 8h11M9.5 4l4 4-4 4",
  open: "M6 3.5H3.5v9h9V10M9 3.5h3.5V7M12.3 3.7L7.5 8.5",
  same: "M3.5 6h9M3.5 10h9",
  back: "M6 3.5L2.5 7 6 10.5M3 7h6.5a3.5 3.5 0 010 7H7",
  spark: "M8 2.5l1.4 4.1 4.1 1.4-4.1 1.4L8 13.5l-1.4-4.1L2.5 8l4.1-1.4z",
} as const;

export type IconName = keyof typeof paths;

export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
    <path d={paths[name]} />
  </svg>
);

/** The account of a person or of the pipeline as a page shows it: `people/anna` for a ServiceAccount of `people`. */
export const shortName = (username: string): string =>
  username.replace(/^system:serviceaccount:([^:]+):([^:]+)$/, "$1/$2");

import { shortName } from "../state/person";

interface PersonProps {
  /** As the API server knows the person. */
  readonly username: string;
}

/** Who did something, in short; the title has the whole name. Dialogs, where people decide, say the whole name. */
export const Person = ({ username }: PersonProps) => <span title={username}>{shortName(username)}</span>;

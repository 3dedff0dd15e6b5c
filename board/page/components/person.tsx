import { shortName } from "../state/person";

interface PersonProps {
  /** As the API server knows the person. */
  readonly username: string;
}

/** Who did something; the whole name shows on a longer look. */
export const Person = ({ username }: PersonProps) => <span title={username}>{shortName(username)}</span>;

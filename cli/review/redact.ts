/** Hides what looks like a secret although Pulumi has not marked it as one. */

/** Stands for a secret. */
export const secret = "[secret]";

const secretName =
  /(password|passwd|passphrase|secret|token|api[-_]?key|private[-_]?key|credentials?|[-_]key[-_]data)$/i;
const patterns: [RegExp, string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, secret],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, `$1${secret}@`],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/g, `$1 ${secret}`],
  [
    /\b((?:client-key-data|password|passwd|passphrase|token|api[-_]?key)["']?\s*[:=]\s*)["']?[^\s"',]+["']?/gi,
    `$1${secret}`,
  ],
];

/** Whether a property of this name looks like a secret: `DB_PASSWORD`, `token`; not `secretName`. */
export const namesSecret = (key: string): boolean => secretName.test(key);

/** A text without the keys, passwords and tokens in it. */
export function redact(text: string): string {
  return patterns.reduce((redacted, [pattern, replacement]) => redacted.replace(pattern, replacement), text);
}

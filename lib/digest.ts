/** Whether a text is the digest of an image, and not what a person wrote in its place. */
export const isDigest = (text: string): boolean => /^sha256:[0-9a-f]{64}$/.test(text);

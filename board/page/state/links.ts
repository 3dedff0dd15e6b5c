/** The address if a browser may follow it; null for any other scheme, such as `javascript:`, and for no address. */
export function safeLink(address: string | undefined): string | null {
  if (!address || !URL.canParse(address)) return null;
  const { protocol, href } = new URL(address);
  return protocol === "https:" || protocol === "http:" ? href : null;
}

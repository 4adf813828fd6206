/** PEM as OpenSSL writes it: 64 characters a line, a line feed at the end. */
export function encodePem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** The bytes of the only block of a PEM text; undefined when it is not exactly one block of this label. */
export function decodePem(label: string, text: string): Buffer | undefined {
  const match = new RegExp(`^\\s*-----BEGIN ${label}-----\\r?\\n([A-Za-z0-9+/=\\s]+)-----END ${label}-----\\s*$`).exec(text);
  return match === null ? undefined : Buffer.from(match[1] as string, 'base64');
}

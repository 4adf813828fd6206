import { element, objectIdentifier, sequence, TAG, utf8String } from './der.ts';

/** AlgorithmIdentifier of every signature in this cluster (RFC 5758), but those of a root of the user's own. */
export const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));

/** RFC 4055. */
export const RSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.113549.1.1.11'), element(TAG.null));

const ATTRIBUTES = { O: '2.5.4.10', OU: '2.5.4.11', CN: '2.5.4.3' } as const;

export interface DistinguishedName {
  readonly O?: string;
  readonly OU?: string;
  readonly CN: string;
}

/** In the order O, OU, CN, as Docker's node certificates have it. */
export function encodeName(name: DistinguishedName): Buffer {
  const parts = (['O', 'OU', 'CN'] as const).flatMap((key) => {
    const value = name[key];
    return value === undefined ? [] : [element(TAG.set, sequence(objectIdentifier(ATTRIBUTES[key]), utf8String(value)))];
  });
  return sequence(...parts);
}

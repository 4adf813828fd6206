import type { X509Certificate } from 'node:crypto';
import { contextTag, type Element, objectIdentifier, readElements, TAG } from './der.ts';

/** What stands in a certificate and the runtime does not tell. @throws DerError for what it would not have parsed either. */

/** Its subject as it is encoded in it. */
export function subjectBytes(certificate: X509Certificate): Buffer {
  // Serial, algorithm, issuer, validity, subject.
  const subject = fieldsOf(certificate)[4];
  if (subject === undefined) throw new Error('a certificate without a subject');
  return subject.whole;
}

/** Its issuer as it is encoded in it. */
export function issuerBytes(certificate: X509Certificate): Buffer {
  const issuer = fieldsOf(certificate)[2];
  if (issuer === undefined) throw new Error('a certificate without an issuer');
  return issuer.whole;
}

interface Extension {
  /** The identifier, encoded. */
  readonly id: Buffer;
  readonly isCritical: boolean;
  readonly value: Buffer;
}

export function readExtensions(certificate: X509Certificate): readonly Extension[] {
  const field = fieldsOf(certificate).find(({ tag }) => tag === contextTag(3));
  const [list] = field === undefined ? [] : readElements(field.content);
  return readElements(list?.content ?? Buffer.alloc(0)).map(({ content }) => {
    const parts = readElements(content);
    return {
      id: parts[0]?.whole ?? Buffer.alloc(0),
      isCritical: parts.length > 2 && parts[1]?.content[0] !== 0,
      value: parts.at(-1)?.content ?? Buffer.alloc(0),
    };
  });
}

export const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

function findExtension(certificate: X509Certificate, id: string): Extension | undefined {
  const wanted = objectIdentifier(id);
  return readExtensions(certificate).find((extension) => extension.id.equals(wanted));
}

/** By this the certificates that it signs name it; undefined when it has none. */
export function subjectKeyIdentifier(certificate: X509Certificate): Buffer | undefined {
  const extension = findExtension(certificate, EXTENSION.subjectKeyIdentifier);
  return extension === undefined ? undefined : readElements(extension.value)[0]?.content;
}

/** How many authorities may stand between it and a node's certificate; undefined: any number. */
export function pathLength(certificate: X509Certificate): number | undefined {
  const extension = findExtension(certificate, EXTENSION.basicConstraints);
  const [constraints] = extension === undefined ? [] : readElements(extension.value);
  const length = readElements(constraints?.content ?? Buffer.alloc(0)).find(({ tag }) => tag === TAG.integer);
  return length === undefined ? undefined : Number.parseInt(length.content.toString('hex'), 16);
}

/** The fields of the part that is signed, without the version, which is not always there. */
function fieldsOf(certificate: X509Certificate): readonly Element[] {
  const [whole] = readElements(certificate.raw);
  const [toBeSigned] = readElements(whole?.content ?? Buffer.alloc(0));
  const fields = readElements(toBeSigned?.content ?? Buffer.alloc(0));
  return fields[0]?.tag === contextTag(0) ? fields.slice(1) : fields;
}

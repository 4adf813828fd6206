import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailure, EXIT } from '../command/exit-codes.ts';
import type { Target } from './target.ts';

/** Docker's names: the same folder serves DOCKER_CERT_PATH. */
export const TLS_FILES = { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' } as const;

/** A TCP target with the certificate of SWARM_CERT_PATH, if that is set. @throws CommandFailure when it cannot be read. */
export async function withTls(target: Target, environment: { readonly [name: string]: string | undefined }): Promise<Target> {
  const folder = environment.SWARM_CERT_PATH;
  if (target.kind !== 'tcp' || folder === undefined || folder === '') return target;
  const read = (name: string) => readFile(join(folder, name), 'utf8');
  try {
    const [ca, cert, key] = await Promise.all([read(TLS_FILES.ca), read(TLS_FILES.cert), read(TLS_FILES.key)]);
    check(TLS_FILES.ca, () => new X509Certificate(ca));
    const certificate = check(TLS_FILES.cert, () => new X509Certificate(cert));
    const privateKey = check(TLS_FILES.key, () => createPrivateKey(key));
    if (!certificate.checkPrivateKey(privateKey)) throw new Error(`${TLS_FILES.cert} is for another key than ${TLS_FILES.key}`);
    return { ...target, tls: { ca, cert, key } };
  } catch (error) {
    throw new CommandFailure(
      `the client certificate in SWARM_CERT_PATH cannot be used: ${error instanceof Error ? error.message : String(error)}. It names the folder that "swarm client add" made: ${Object.values(TLS_FILES).join(', ')}.`,
      EXIT.unreachable,
      error,
    );
  }
}

/** Before TLS meets it: there a file that is none ends in an error that names no file. */
function check<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new Error(`${name} is not what it should be (${error instanceof Error ? error.message : String(error)})`);
  }
}

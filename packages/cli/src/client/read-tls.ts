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
    return { ...target, tls: { ca, cert, key } };
  } catch (error) {
    throw new CommandFailure(
      `the client certificate in SWARM_CERT_PATH cannot be read: ${error instanceof Error ? error.message : String(error)}. It names the folder that "swarm client add" made: ${Object.values(TLS_FILES).join(', ')}.`,
      EXIT.unreachable,
      error,
    );
  }
}

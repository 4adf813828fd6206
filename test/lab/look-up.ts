/**
 * Looks names up as a container does, through its engine's resolver. Runs on a host of the lab, in the network namespace
 * of the container: `nsenter -t PID -n node look-up.ts NAME|ADDRESS …`. Prints a list of `LookUp` as JSON.
 */
import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';

export interface LookUp {
  readonly name: string;
  /** Addresses of a name, names of an address; sorted. */
  readonly found: readonly string[];
  /** ENOTFOUND: there is no such name; ENODATA: there is, without an address; others are failures. */
  readonly code?: string;
}

const RESOLVER = '127.0.0.11';

async function lookUp(name: string): Promise<LookUp> {
  const resolver = new Resolver({ timeout: 4_000, tries: 1 });
  resolver.setServers([RESOLVER]);
  try {
    const found = isIP(name) === 0 ? await resolver.resolve4(name) : await resolver.reverse(name);
    return { name, found: found.sort() };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return { name, found: [], code: String(error.code) };
  }
}

const found: LookUp[] = [];
for (const name of process.argv.slice(2)) found.push(await lookUp(name));
process.stdout.write(`${JSON.stringify(found)}\n`);

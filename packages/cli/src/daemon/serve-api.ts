import { mkdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { buildCertificateGate } from '@swarm/manager/api/access/certificate-gate';
import { OPEN_GATE } from '@swarm/manager/api/access/gate';
import { openSecureDoor } from '@swarm/manager/api/access/secure-door';
import { type ApiDeps, buildApi } from '@swarm/manager/api/build-api';
import { listenApi } from '@swarm/manager/api/listen-api';
import type { Target } from '../client/target.ts';
import { clientAddresses, serverNames } from './decide/api-names.ts';
import { hostInterfaces } from './host-interfaces.ts';
import type { DaemonSettings } from './settings.ts';

export interface ServedApi {
  /** Ends every connection. */
  close(): Promise<void>;
  /** Removes its sockets from disk. */
  remove(): Promise<void>;
}

/** Serves the API on every address: unix sockets to whoever may open them, TCP to clients with certificates. */
export async function serveApi(
  { hosts, tlsNames }: Pick<DaemonSettings, 'hosts' | 'tlsNames'>,
  deps: Omit<ApiDeps, 'gate' | 'clientAddresses'>,
): Promise<ServedApi> {
  const { node } = deps;
  const hostFacts = () => ({ hostname: hostname(), interfaces: hostInterfaces(), advertised: node.local().nodeAddr });
  const shared = { ...deps, clientAddresses: () => clientAddresses(hosts, tlsNames, hostFacts()) };
  const closes: (() => Promise<void>)[] = [];
  for (const host of hosts) closes.push(await serveOn(host));

  async function serveOn(host: Target): Promise<() => Promise<void>> {
    if (host.kind === 'unix') {
      await mkdir(dirname(host.path), { recursive: true, mode: 0o755 });
      const app = await buildApi({ ...shared, gate: OPEN_GATE });
      await listenApi(app, host.path, deps.logger);
      return () => app.close();
    }
    const gate = buildCertificateGate(deps);
    const app = await buildApi({ ...shared, gate });
    const names = () => serverNames(hosts, tlsNames, hostFacts());
    const door = await openSecureDoor(app, { host: host.host, port: host.port }, { ...deps, gate, names });
    return async () => {
      await door.close();
      await app.close();
    };
  }

  return {
    async close() {
      for (const close of closes) await close();
    },
    async remove() {
      for (const host of hosts) if (host.kind === 'unix') await rm(host.path, { force: true });
    },
  };
}

import https from 'node:https';
import { buildCertificateGate } from '@swarm/manager/api/access/certificate-gate';
import { openSecureDoor } from '@swarm/manager/api/access/secure-door';
import { type ApiDeps, buildApi, type EngineAddress } from '@swarm/manager/api/build-api';
import { startTestApi } from '@swarm/manager/api/testing/cluster';
import { createClusterCertificates } from '@swarm/manager/ca/cluster-certificates';
import type { NewClientReply } from '@swarm/shared/engine-api/client-spec';
import { createCertificateRequest } from '@swarm/shared/identity/certificate-request';
import { createRoot } from '@swarm/shared/identity/certificates';
import { createPrivateKeyPem } from '@swarm/shared/identity/keys';
import { systemClock } from '@swarm/shared/runtime/clock';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { expect, onTestFinished } from 'vitest';

export const root = createRoot(Date.now());

export interface Credentials {
  readonly cert: string;
  readonly key: string;
}

/** The API over TLS, and over the unix socket where clients are added. */
export async function startSecureApi(engine?: EngineAddress, more: Pick<ApiDeps, 'headTimeoutMs'> = {}) {
  const certificates = createClusterCertificates({ clock: systemClock });
  // What stands on the unix socket, to add and remove clients.
  const admin = await startTestApi({ ca: root, certificates });
  const gate = buildCertificateGate({ node: admin.deps.node, clock: systemClock });
  const app = await buildApi({ ...admin.deps, ...more, gate, ...(engine !== undefined && { engine }) });
  const names = () => ['localhost', '127.0.0.1', '::1'];
  const listen = { host: '127.0.0.1', port: 0 };
  const door = await openSecureDoor(app, listen, { node: admin.deps.node, gate, names, clock: systemClock, logger: silentLogger });
  onTestFinished(async () => {
    await door.close();
    await app.close();
    await admin.app.close();
  });
  const { port } = door.address;

  async function addClient(Name: string, Role?: string): Promise<Credentials & { readonly id: string; readonly made: NewClientReply }> {
    const key = createPrivateKeyPem();
    const reply = await post({ Name, Role, CSR: createCertificateRequest(key) });
    expect(reply.statusCode).toBe(201);
    const made: NewClientReply = reply.json();
    return { cert: made.Certificate, key, id: made.ID, made };
  }
  const post = (body: object) =>
    admin.app.inject({ method: 'POST', url: '/x/clients', payload: JSON.stringify(body), headers: { 'content-type': 'application/json' } });

  return { admin, certificates, port, addClient, post };
}

/** Resolves with what was answered, or with the code of what failed. */
export function ask(
  port: number,
  options: https.RequestOptions,
  payload?: string,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const request = https.request({ host: '127.0.0.1', port, ca: root.certificate, agent: false, ...options }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(payload);
  });
}

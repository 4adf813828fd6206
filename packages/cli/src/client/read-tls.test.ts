import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRoot } from '@swarm/shared/identity/certificates';
import { createPrivateKeyPem } from '@swarm/shared/identity/keys';
import { systemClock } from '@swarm/shared/runtime/clock';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TLS_FILES, withTls } from './read-tls.ts';
import { parseTarget } from './target.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'swarm-tls-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const root = createRoot(systemClock.now());
const pair = { ca: root.certificate, cert: root.certificate, key: root.privateKey };

async function tried(files: Partial<typeof pair>): Promise<string> {
  for (const [name, text] of Object.entries({ ...pair, ...files })) {
    await writeFile(join(folder, TLS_FILES[name === 'ca' || name === 'cert' ? name : 'key']), text);
  }
  return withTls(parseTarget('tcp://host:2376'), { SWARM_CERT_PATH: folder }).then(
    () => 'used',
    (error: Error) => error.message,
  );
}

it.each<readonly [what: string, files: Partial<typeof pair>, told: RegExp]>([
  ['files that belong together are used', {}, /^used$/],
  ['a key that is none is named', { key: 'garbage' }, /SWARM_CERT_PATH cannot be used: key\.pem is not what it should be/],
  ['a certificate that is none is named', { cert: '' }, /cert\.pem is not what it should be/],
  ['roots that are none are named', { ca: '-----BEGIN CERTIFICATE-----' }, /ca\.pem is not what it should be/],
  ['a key of another certificate is told', { key: createPrivateKeyPem() }, /cert\.pem is for another key than key\.pem/],
])('%s', async (_, files, told) => {
  expect(await tried(files)).toMatch(told);
});

import { createCertificateRequest } from '@swarm/shared/identity/certificate-request';
import { createPrivateKeyPem } from '@swarm/shared/identity/keys';
import { type Clock, systemClock } from '@swarm/shared/runtime/clock';
import { systemRandom } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { expect, test } from 'vitest';
import { startTestManager } from './control-server.fixture.ts';
import { Enrolment, type EnrolmentResult } from './enrolment.ts';

/** No time passes: what was used up does not come back. */
const STILL: Clock = { ...systemClock, monotonicMs: () => 0 };
const ADDRESSES = 12;
const PER_ADDRESS = 100;

const said = (result: EnrolmentResult) => (result.kind === 'granted' ? 'granted' : result.refusal.code);

test('strangers from many addresses keep out neither a node that renews nor a host that joins', async () => {
  const { store, certificates, cluster, join, stop } = await startTestManager({ clock: STILL });
  const enrolment = new Enrolment({ store, certificates, clock: STILL, random: systemRandom, logger: silentLogger });
  const node = await join();
  const strange = createCertificateRequest(createPrivateKeyPem());
  const answers = new Set<string>();
  for (let n = 0; n < ADDRESSES * PER_ADDRESS; n += 1) {
    answers.add(said(await enrolment.enrol({ csr: strange }, { address: `192.0.2.${n % ADDRESSES}` })));
  }
  expect([...answers]).toEqual(['unknown-node']);
  const renewal = { csr: createCertificateRequest(node.privateKey) };
  expect(said(await enrolment.enrol(renewal, { address: '192.0.2.100' }))).toBe('granted');
  const joining = { csr: createCertificateRequest(createPrivateKeyPem()), token: cluster().JoinTokens.Worker };
  expect(said(await enrolment.enrol(joining, { address: '192.0.2.100' }))).toBe('granted');
  await stop();
});

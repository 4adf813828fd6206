import { expect, test } from 'vitest';
import { decodeManagerMessage, decodeWorkerMessage } from './decode.ts';
import { MAX_STATUSES_PER_BATCH } from './session.ts';

const status = { taskID: 't', status: { State: 'running', Timestamp: '2030-01-01T00:00:00Z' } };

test.each([
  { what: 'no object', message: 7, reason: 'unknown message type (none)' },
  { what: 'null', message: null, reason: 'unknown message type (none)' },
  { what: 'a type of another protocol', message: { type: 'reboot' }, reason: 'unknown message type "reboot"' },
  { what: 'the name of a method', message: { type: 'constructor' }, reason: 'unknown message type "constructor"' },
  { what: "the manager's own kind of message", message: { type: 'welcome' }, reason: 'unknown message type "welcome"' },
  {
    what: 'a state that only the manager writes',
    message: statuses({ ...status, status: { ...status.status, State: 'orphaned' } }),
    reason: '/statuses/0/status/State',
  },
  { what: 'a fraction for a count', message: { ...statuses(status), batch: 1.5 }, reason: '/batch' },
  { what: 'more statuses than a batch has', message: statuses(...Array(MAX_STATUSES_PER_BATCH + 1).fill(status)), reason: '/statuses' },
  {
    what: 'an error text without end',
    message: statuses({ ...status, status: { ...status.status, Err: 'x'.repeat(100_000) } }),
    reason: '/statuses/0/status/Err',
  },
])('a worker that sends $what gets the reason', ({ message, reason }) => {
  const decoded = decodeWorkerMessage(message);
  expect(decoded).toEqual({ ok: false, reason: expect.stringContaining(reason) });
});

test.each([
  { what: 'type', message: { type: 'x'.repeat(100_000) } },
  { what: 'list of types', message: { type: Array(100_000).fill('x') } },
  {
    what: 'key',
    message: {
      type: 'description',
      description: {
        Hostname: 'h',
        Platform: { Architecture: 'a', OS: 'l' },
        Resources: { NanoCPUs: 1, MemoryBytes: 1 },
        Engine: { EngineVersion: '1', Labels: { ['x'.repeat(100_000)]: 1 } },
      },
    },
  },
])('a $what without end makes no reason without end', ({ message }) => {
  const decoded = decodeWorkerMessage(message);
  expect(decoded.ok ? undefined : decoded.reason.length).toBeLessThan(1_000);
});

test('what is valid passes, without the keys that this version does not know', () => {
  expect(decodeWorkerMessage({ ...statuses({ ...status, mood: 'good' }), future: 1 })).toEqual({ ok: true, message: statuses(status) });
  const task = { ID: 't', serviceID: 's', templateID: 'p', desiredState: 'running' };
  const set = {
    type: 'assignments',
    kind: 'complete',
    appliesTo: '',
    resultsIn: '1',
    part: 0,
    last: true,
    templates: [],
    secrets: [],
    configs: [],
    tasks: [task],
  };
  expect(decodeManagerMessage(set)).toEqual({ ok: true, message: set });
});

test('labels and environment of a template keep their keys', () => {
  const template = {
    ID: 'p',
    serviceName: 'web',
    serviceLabels: { 'a.b/C': '1', '': '2' },
    global: false,
    spec: { ContainerSpec: { Labels: { Image: 'x' } } },
  };
  const set = {
    type: 'assignments',
    kind: 'complete',
    appliesTo: '',
    resultsIn: '1',
    part: 0,
    last: true,
    templates: [template],
    secrets: [],
    configs: [],
    tasks: [],
  };
  expect(decodeManagerMessage(set)).toEqual({ ok: true, message: set });
});

function statuses(...list: unknown[]) {
  return { type: 'statuses', batch: 1, statuses: list };
}

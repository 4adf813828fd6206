/**
 * The API under load, against a dockerd in its own swarm mode on the same machine in the same run: reading a list of many
 * tasks, creating services with few and many clients, and how long everyone else waits while a client polls without pause,
 * as `docker stack rm --detach=false` does. The tasks wait for a node that is not there, so nothing runs beside.
 *
 *   node test/bench/api.ts [--tasks 10000] [--seconds 10] [--creates 500]
 *
 * Each side has an engine and namespaces of its own, and only one is measured at a time. Needs root, dockerd and unshare.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { ADDRESS, obstacle, type Side, startSide } from '../differential/side.ts';
import { waitFor } from '../lab/wait-for.ts';

const READERS = 4;
/** One shows what a client waits for; many, how much is done at once. */
const CREATORS = [1, 8, 32];
const CREATORS_BESIDE_POLLS = 8;
const PINGS_EVERY_MS = 20;
const STACK = 'com.docker.stack.namespace';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '10' },
    creates: { type: 'string', default: '500' },
  },
});
const tasks = Number(values.tasks);
const forMs = Number(values.seconds) * 1000;

const blocked = obstacle();
if (blocked !== undefined) throw new Error(`this bench cannot run here: ${blocked}`);
const directory = mkdtempSync(join(tmpdir(), 'api-bench-'));
const sides: Side[] = [];
try {
  for (const name of ['reference', 'subject'] as const) sides.push(await startSide(name, join(directory, name)));
  const results: Result[] = [];
  for (const side of sides) results.push(await measure(side));
  print(results);
} finally {
  await Promise.all(sides.map((side) => side.stop()));
  rmSync(directory, { recursive: true, force: true });
}

interface Rate {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Result {
  readonly list: Rate;
  readonly listBytes: number;
  /** One for each number of `CREATORS`. */
  readonly creates: readonly Rate[];
  /** While another client polls without pause. */
  readonly createPolled: Rate;
  readonly alone: Rate;
  /** Pings of another client meanwhile: what it waits for is the manager's event loop. */
  readonly polled: Rate;
  readonly polls: Rate;
  readonly longestWaitMs: number;
}

async function measure({ socket, name }: Side): Promise<Result> {
  const client = connect(socket);
  await client('POST', '/swarm/init', { ListenAddr: '0.0.0.0:2377', AdvertiseAddr: ADDRESS });
  await client('POST', '/services/create', {
    Name: 'many',
    Labels: { [STACK]: 'many' },
    TaskTemplate: { ContainerSpec: { Image: 'nothing:1' }, Placement: { Constraints: ['node.labels.nowhere==true'] } },
    Mode: { Replicated: { Replicas: tasks } },
  });
  let listBytes = 0;
  await waitFor(
    `${name}: ${tasks} tasks`,
    async () => {
      const body = await client('GET', '/tasks');
      listBytes = body.length;
      const { length } = JSON.parse(body.toString()) as readonly unknown[];
      return length === tasks;
    },
    { timeoutMs: 300_000 },
  );
  const list = await repeat(READERS, until(forMs), () => client('GET', '/tasks'));
  let made = 0;
  const createMany = (clients: number) => {
    const end = made + Number(values.creates);
    return repeat(
      clients,
      () => made < end,
      () => {
        made += 1;
        return client('POST', '/services/create', {
          Name: `made${made}`,
          TaskTemplate: { ContainerSpec: { Image: 'nothing:1' } },
          Mode: { Replicated: { Replicas: 0 } },
        });
      },
    );
  };
  const creates: Rate[] = [];
  for (const clients of CREATORS) creates.push(await createMany(clients));
  const ping = () => client('GET', '/_ping');
  const alone = await repeat(1, until(forMs / 2), ping, PINGS_EVERY_MS);
  const filters = encodeURIComponent(JSON.stringify({ label: { [`${STACK}=many`]: true } }));
  const poll = () => client('GET', `/tasks?filters=${filters}`);
  const polling = repeat(1, until(forMs), poll);
  const waits: number[] = [];
  const polled = await repeat(1, until(forMs), ping, PINGS_EVERY_MS, waits);
  const polls = await polling;
  let creating = true;
  const besides = repeat(1, () => creating, poll);
  const createPolled = await createMany(CREATORS_BESIDE_POLLS).finally(() => {
    creating = false;
  });
  await besides;
  return { list, listBytes, creates, createPolled, alone, polled, polls, longestWaitMs: Math.max(...waits) };
}

type Call = (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<Buffer>;

function connect(socketPath: string): Call {
  const agent = new Agent({ keepAlive: true });
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const sent = request(
        { socketPath, agent, method, path: `/v1.41${path}`, headers: { 'content-type': 'application/json' } },
        (answer) => {
          buffer(answer).then((bytes) => {
            if ((answer.statusCode ?? 500) < 300) resolve(bytes);
            else reject(new Error(`${method} ${path}: ${answer.statusCode} ${bytes.toString()}`));
          }, reject);
        },
      );
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
}

function until(ms: number): () => boolean {
  const end = performance.now() + ms;
  return () => performance.now() < end;
}

async function repeat(at: number, goOn: () => boolean, act: () => Promise<unknown>, pauseMs = 0, tookMs: number[] = []): Promise<Rate> {
  const started = performance.now();
  const one = async () => {
    while (goOn()) {
      const from = performance.now();
      await act();
      tookMs.push(performance.now() - from);
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  await Promise.all(Array.from({ length: at }, one));
  const sorted = tookMs.toSorted((a, b) => a - b);
  const atPart = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  return { perSecond: (tookMs.length / (performance.now() - started)) * 1000, p50Ms: atPart(0.5), p99Ms: atPart(0.99) };
}

function print([reference, subject]: readonly Result[]): void {
  if (reference === undefined || subject === undefined) throw new Error('a side is missing');
  const row = (what: string, ours: number, theirs: number, unit: string) =>
    console.log(
      `${what.padEnd(44)} ${ours.toFixed(1).padStart(10)} ${theirs.toFixed(1).padStart(10)} ${unit.padEnd(5)} ${(ours / theirs).toFixed(2)}`,
    );
  console.log(`${''.padEnd(44)} ${'swarm'.padStart(10)} ${'dockerd'.padStart(10)} ${''.padEnd(5)} ratio`);
  row(`GET /tasks of ${tasks}, ${READERS} clients`, subject.list.perSecond, reference.list.perSecond, '/s');
  row('  p99', subject.list.p99Ms, reference.list.p99Ms, 'ms');
  row('  size', subject.listBytes / 1e6, reference.listBytes / 1e6, 'MB');
  for (const [at, clients] of CREATORS.entries()) {
    const [ours, theirs] = [subject.creates[at], reference.creates[at]];
    if (ours === undefined || theirs === undefined) throw new Error('a rate is missing');
    row(`POST /services/create, ${clients} clients`, ours.perSecond, theirs.perSecond, '/s');
    row('  p50', ours.p50Ms, theirs.p50Ms, 'ms');
    row('  p99', ours.p99Ms, theirs.p99Ms, 'ms');
  }
  row(`  ${CREATORS_BESIDE_POLLS} clients while one client polls`, subject.createPolled.perSecond, reference.createPolled.perSecond, '/s');
  row('  p99', subject.createPolled.p99Ms, reference.createPolled.p99Ms, 'ms');
  row('ping, nothing else going on: p99', subject.alone.p99Ms, reference.alone.p99Ms, 'ms');
  row('ping while one client polls: p99', subject.polled.p99Ms, reference.polled.p99Ms, 'ms');
  row('  longest', subject.longestWaitMs, reference.longestWaitMs, 'ms');
  row('  polls meanwhile', subject.polls.perSecond, reference.polls.perSecond, '/s');
}

/**
 * How many names `swarm net` answers: the real process on loopback, one client that keeps some queries under way over
 * UDP, and one that waits for each answer.
 *
 *   node test/bench/dns.ts [--seconds 5] [--outstanding 32] [--networks 20] [--services 50]
 *
 * Prints queries/s and the time to an answer, p50 and p99, for names of the cluster and of the outside (through a
 * resolver in this process), each beside what a process does that sends every datagram back, with the same client in the
 * same run; and the resident memory of the process beside that of a Node that does nothing.
 */
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createNetProcess } from '@swarm/cli/daemon/net-process';
import { systemClock } from '@swarm/shared/runtime/clock';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { decodeQuery, encodeAnswer, encodeQuery } from '@swarm/worker/dns/wire';
import type { NetTables } from '@swarm/worker/network/net-tables';

const GATEWAY = '127.88.0.1';
/** Of the prototype's responder in Python, one client on the same two shared cores, as the design notes it. */
const PROTOTYPE_RATE = 9_360;
const MS_PER_TICK = 10;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    outstanding: { type: 'string', default: '32' },
    networks: { type: 'string', default: '20' },
    services: { type: 'string', default: '50' },
  },
});
const [seconds, outstanding, networks, services] = [values.seconds, values.outstanding, values.networks, values.services].map(Number) as [
  number,
  number,
  number,
  number,
];

function tables(resolver: string): NetTables {
  return {
    networks: Array.from({ length: networks }, (_, net) => ({
      networkID: `net${net}`,
      name: `net${net}`,
      gateway: net === 0 ? GATEWAY : `127.88.${net}.1`,
      subnet: `127.88.${net}.0/24`,
      names: Object.fromEntries(
        Array.from({ length: services }, (_, at) => [
          [`web${at}`, [`10.${net}.0.${at}`]],
          [`tasks.web${at}`, Array.from({ length: 10 }, (_, task) => `10.${net}.${task}.${at}`)],
        ]).flat() as [string, string[]][],
      ),
      addresses: {},
    })),
    // The client is in the first network and the last one.
    members: [{ address: '127.0.0.1', networkIDs: [`net${networks - 1}`, 'net0'] }],
    ports: [],
    forwarders: [resolver],
  };
}

interface Figures {
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly lost: number;
}

/** Keeps `wide` queries under way for the time of the run. */
function measure(port: number, wide: number, nameOf: (number: number) => string): Promise<Figures> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket({ type: 'udp4', lookup: (host, _, done) => done(null, host, 4) });
    const sentAt = new Float64Array(0x10000);
    const tookMs: number[] = [];
    const end = performance.now() + seconds * 1000;
    let count = 0;
    let answered = 0;
    const send = () => {
      const id = count & 0xffff;
      sentAt[id] = performance.now();
      socket.send(encodeQuery(id, nameOf(count), 'A'), port, GATEWAY);
      count += 1;
    };
    socket.on('message', (bytes) => {
      const now = performance.now();
      tookMs.push(now - (sentAt[bytes.readUInt16BE(0)] ?? now));
      answered += 1;
      if (now < end) send();
      else if (answered === count) finish();
    });
    const finish = () => {
      clearTimeout(late);
      socket.close();
      tookMs.sort((a, b) => a - b);
      const at = (share: number) => tookMs[Math.floor(tookMs.length * share)] ?? 0;
      resolve({ rate: Math.round(answered / seconds), p50Ms: at(0.5), p99Ms: at(0.99), lost: count - answered });
    };
    const late = setTimeout(finish, seconds * 1000 + 3000);
    socket.bind(0, '127.0.0.1', () => {
      for (let at = 0; at < wide; at += 1) send();
    });
  });
}

/** Of all its threads, user and system. */
async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

/** The least that answers can cost: a process that sends back what comes. */
const ECHO = `const socket = require('node:dgram').createSocket('udp4');
socket.on('message', (bytes, { port, address }) => socket.send(bytes, port, address));
socket.bind(0, '${GATEWAY}', () => console.log(socket.address().port));`;

/** Answers per second of the echo, by how many queries are under way. */
const references = new Map<number, number>();

async function measureEcho(): Promise<void> {
  const echo = spawn(globalThis.process.execPath, ['-e', ECHO], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const port = await new Promise<number>((resolve) => echo.stdout.once('data', (bytes) => resolve(Number(bytes))));
    for (const wide of [1, outstanding]) {
      const { rate, p50Ms, p99Ms } = await measure(port, wide, (at) => `web${at % services}`);
      references.set(wide, rate);
      console.log(`an echo, ${wide} under way: ${rate} answers/s  p50 ${p50Ms.toFixed(2)} ms  p99 ${p99Ms.toFixed(2)} ms`);
    }
  } finally {
    echo.kill();
  }
}

async function run(
  name: string,
  pid: number,
  wide: number,
  port: number,
  nameOf: (number: number) => string,
  hasAim = false,
): Promise<void> {
  const before = await cpuMs(pid);
  const { rate, p50Ms, p99Ms, lost } = await measure(port, wide, nameOf);
  const perQuery = ((await cpuMs(pid)) - before) / (rate * seconds);
  console.log(
    [
      name.padEnd(40),
      `${rate} q/s (${(rate / (references.get(wide) ?? 0)).toFixed(2)} of an echo)`.padEnd(30),
      `p50 ${p50Ms.toFixed(2)} ms`,
      `p99 ${p99Ms.toFixed(2)} ms`,
      `lost ${lost}`,
      `${(perQuery * 1000).toFixed(0)} µs of CPU each`,
      ...(hasAim ? [`aim ${PROTOTYPE_RATE} q/s: ${rate >= PROTOTYPE_RATE ? 'reached' : 'missed'}`] : []),
    ].join('  '),
  );
}

const folder = await mkdtemp(join(tmpdir(), 'swarm-bench-dns-'));
const resolver = dgram.createSocket('udp4');
resolver.on('message', (bytes, { address, port }) => {
  const decoded = decodeQuery(bytes);
  if (decoded.kind === 'query')
    resolver.send(encodeAnswer(decoded.query, { rcode: 'NOERROR', addresses: ['192.0.2.1'] }, 512), port, address);
});
await new Promise<void>((resolve) => resolver.bind(0, '127.0.0.1', resolve));
const process = createNetProcess({ folder: join(folder, 'net'), clock: systemClock, logger: silentLogger });
const bare = spawn(globalThis.process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
try {
  const status = await process.apply(tables(`127.0.0.1#${resolver.address().port}`));
  const port = status.names[0]?.port;
  if (port === undefined) throw new Error(status.names[0]?.problem);
  console.log(
    `idle: ${await residentMiB(status.pid)} MiB resident, bare Node ${await residentMiB(bare.pid ?? 0)} MiB; ${networks} networks of ${services} services`,
  );
  const { pid } = status;
  await measureEcho();
  await run('service, one at a time', pid, 1, port, (at) => `web${at % services}`);
  await run(`service, ${outstanding} under way`, pid, outstanding, port, (at) => `web${at % services}`, true);
  await run(`tasks of a service (10), ${outstanding} under way`, pid, outstanding, port, (at) => `tasks.web${at % services}`);
  await run(`unknown, ${outstanding} under way`, pid, outstanding, port, (at) => `nope${at}`);
  await run(`outside, ${outstanding} under way`, pid, outstanding, port, (at) => `host${at}.example`);
  console.log(`after: ${await residentMiB(status.pid)} MiB resident`);
} finally {
  bare.kill();
  resolver.close();
  await process.end();
  await rm(folder, { recursive: true, force: true });
}

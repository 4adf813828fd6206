/**
 * Asks a service over and over, as its clients do: each request looks the name up anew and opens a connection of its
 * own. Runs on a host of the lab, in the network namespace of a container: `nsenter -t PID -n node request-load.ts …`.
 *
 *   --url http://web:8080/  --count 20000  [--concurrency 8]  [--rate 500]  [--resolver 127.0.0.11]
 *
 * Prints one line of JSON when it is through, or when it gets SIGTERM: see `LoadResult`. A request that failed is
 * counted, with its reason and when; it is not tried again.
 */
import { Resolver } from 'node:dns/promises';
import http from 'node:http';
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';

export interface LoadResult {
  readonly requests: number;
  readonly failures: number;
  /** Reason to count. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Since the epoch. */
  readonly startedAtMs: number;
  /** When the first and the last request that failed began, ms since the start. */
  readonly failedFromMs?: number;
  readonly failedUntilMs?: number;
  /** First line of the answer to count: who served. */
  readonly servedBy: Readonly<Record<string, number>>;
  readonly tookMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const TIMEOUT_MS = 10_000;
const MAX_BODY = 64 * 1024;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: '' },
      count: { type: 'string', default: '20000' },
      concurrency: { type: 'string', default: '8' },
      rate: { type: 'string', default: '0' },
      resolver: { type: 'string', default: '127.0.0.11' },
    },
  });
  const url = new URL(values.url);
  const [count, concurrency, rate] = [Number(values.count), Number(values.concurrency), Number(values.rate)];
  const [startedAtMs, started] = [Date.now(), performance.now()];
  const tookMs: number[] = [];
  const servedBy: Record<string, number> = {};
  const reasons: Record<string, number> = {};
  const failedAt: number[] = [];
  let next = 0;
  let stopped = false;
  process.on('SIGTERM', () => {
    stopped = true;
  });

  async function client(): Promise<void> {
    const resolver = new Resolver({ timeout: TIMEOUT_MS / 2, tries: 1 });
    resolver.setServers([values.resolver]);
    while (next < count && !stopped) {
      const due = rate === 0 ? 0 : started + (next * 1000) / rate;
      next += 1;
      const wait = due - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      const before = performance.now();
      try {
        const server = (await ask(url, resolver)).split('\n')[0] ?? '';
        servedBy[server] = (servedBy[server] ?? 0) + 1;
      } catch (error) {
        const reason = reasonOf(error);
        reasons[reason] = (reasons[reason] ?? 0) + 1;
        failedAt.push(Math.round(before - started));
      }
      tookMs.push(performance.now() - before);
    }
  }

  await Promise.all(Array.from({ length: concurrency }, client));
  tookMs.sort((a, b) => a - b);
  const share = (part: number) => Number((tookMs[Math.floor(tookMs.length * part)] ?? 0).toFixed(2));
  const [failedFromMs, failedUntilMs] = [Math.min(...failedAt), Math.max(...failedAt)];
  const result: LoadResult = {
    requests: tookMs.length,
    failures: failedAt.length,
    reasons,
    startedAtMs,
    ...(failedAt.length > 0 && { failedFromMs, failedUntilMs }),
    servedBy,
    tookMs: Math.round(performance.now() - started),
    p50Ms: share(0.5),
    p99Ms: share(0.99),
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

async function ask(url: URL, resolver: Resolver): Promise<string> {
  const address = isIP(url.hostname) === 0 ? (await resolver.resolve4(url.hostname))[0] : url.hostname;
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: address,
        port: url.port || 80,
        path: url.pathname + url.search,
        agent: false,
        headers: { host: url.host },
        timeout: TIMEOUT_MS,
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
          if (body.length > MAX_BODY) request.destroy(new Error('the answer is too long'));
        });
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode === 200) resolve(body);
          else reject(new Error(`status ${response.statusCode}`));
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    request.on('error', reject);
    request.end();
  });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const call = 'syscall' in error ? `${String(error.syscall)} ` : '';
  return `${call}${'code' in error ? String(error.code) : error.message}`;
}

await main();

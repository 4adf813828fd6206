/**
 * Says when this host's packet rules were changed to lead to each address: follows the kernel's own word of every change, until
 * the file that is named exists. Prints one line of JSON, address to milliseconds since the epoch, oldest first.
 *
 *   node watch-rules.ts FILE
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [, , file = ''] = process.argv;
const LOOK_MS = 100;
const seen: Record<string, number[]> = {};
const monitor = spawn('nft', ['monitor', 'new', 'rules'], { stdio: ['ignore', 'pipe', 'inherit'] });
createInterface({ input: monitor.stdout }).on('line', (line) => {
  if (!line.includes('dnat to')) return;
  const now = Date.now();
  for (const [address] of line.slice(line.indexOf('dnat to')).matchAll(/\d+\.\d+\.\d+\.\d+/g)) {
    const times = seen[address] ?? [];
    if (times.at(-1) !== now) seen[address] = [...times, now];
  }
});
monitor.on('exit', () => process.stdout.write(`${JSON.stringify(seen)}\n`));
const looking = setInterval(() => {
  if (!existsSync(file)) return;
  clearInterval(looking);
  monitor.kill();
}, LOOK_MS);

import { Lab } from '../lab/lab.ts';

/** Brings a lab up, says so, and waits to be killed. For the test that nothing of it stays behind. */
await Lab.up(1, { purpose: 'abandoned' });
process.stdout.write('up\n');
process.stdin.resume();
setInterval(() => {}, 60_000);

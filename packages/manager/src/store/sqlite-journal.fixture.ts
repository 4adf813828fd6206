import { writeSync } from 'node:fs';
import { systemClock } from '@swarm/shared/runtime/clock';
import { asID } from '@swarm/shared/runtime/ids';
import { openStore } from './memory-store.ts';
import { openSqliteJournal } from './sqlite-journal.ts';

/**
 * A process that writes until it is killed. `argv`: path, key (hex), prefix of the ids it creates. A line `<id>` on its
 * standard output is an acknowledged write; `open` says that it holds the journal. It ends with the error's kind.
 */
const [path = '', keyHex = '', prefix = ''] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);

try {
  const journal = await openSqliteJournal({ path, key: Buffer.from(keyHex, 'hex') });
  const store = await openStore({ journal, clock: systemClock, onFailure: (_, reason) => say(`failed ${reason}`) });
  say('open');
  // Several writers at once, so that appends hold several transactions.
  await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));

  async function write(writer: number): Promise<void> {
    for (let n = 0; ; n += 1) {
      const id = `${prefix}-${writer}-${n}`;
      await store.update((tx) => {
        tx.secrets.create({ ID: asID(id), Spec: { Name: id, Labels: {}, Data: 'x'.repeat(n % 2000) } });
        tx.configs.create({ ID: asID(id), Spec: { Name: id, Labels: {}, Data: '' } });
      });
      say(id);
    }
  }
} catch (error) {
  say(`error ${error instanceof Error && 'kind' in error ? error.kind : String(error)}`);
}

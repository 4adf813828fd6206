import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Query } from '../query.ts';
import { startTestApi } from '../testing/cluster.ts';
import { parseLogQuery } from './log-query.ts';
import { ClientGone, openLogSink } from './log-sink.ts';
import { streamLogs } from './stream-logs.ts';

test('a client that went before its log was opened ends what it wanted to follow', async () => {
  const api = await startTestApi();
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  response.destroy();
  const sink = openLogSink(response);
  const query = parseLogQuery(new Query('stdout=1&follow=1', '1.41'));
  await streamLogs(
    { store: api.store, logs: api.logs, clock: api.deps.clock },
    { query, sink, tty: false, open: true, tasks: () => [], has: () => false },
  );
  await expect(sink.write(Buffer.from('line'))).rejects.toThrow(ClientGone);
  await api.app.close();
});

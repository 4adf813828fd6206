import { describeByteStream } from './byte-stream-contract.ts';
import { memoryByteStreamPair } from './memory-byte-stream.ts';

describeByteStream('memory', async () => {
  const pair = memoryByteStreamPair();
  return { ...pair, dispose: pair.lose };
});

import type { ContainerAccess, ContainerAnswer } from './container-access.ts';
import { EngineError } from './engine.ts';
import type { FakeEngine } from './fake-controls.ts';

const KILLED = 137;
const TERMINATED = 143;

/** The second seam over the fake engine. It knows few verbs and one program to execute, `cat`, and throws on all else. */
export function createFakeContainerAccess(engine: FakeEngine): ContainerAccess {
  const execs = new Map<string, string>();

  const find = (id: string) => {
    const container = engine.containers().find((state) => state.id === id);
    if (container === undefined) throw new EngineError('not-found', `No such container: ${id}`);
    return container;
  };

  return {
    execContainer: async (execID) => execs.get(execID),
    async call(containerID, call, input, signal) {
      signal.throwIfAborted();
      switch (call.verb) {
        case 'inspect': {
          const { id, name, status } = find(containerID);
          return json(200, { Id: id, Name: `/${name}`, State: { Status: status } });
        }
        case 'kill':
          find(containerID);
          engine.exitContainer(containerID, call.query.signal === 'TERM' ? TERMINATED : KILLED);
          return json(204, undefined);
        case 'execCreate': {
          const { Cmd } = JSON.parse(call.body ?? '{}') as { Cmd?: readonly string[] };
          if (Cmd?.join(' ') !== 'cat') throw new Error(`the fake engine cannot execute "${Cmd?.join(' ')}"`);
          const execID = (execs.size + 1).toString(16).padStart(64, 'e');
          execs.set(execID, find(containerID).id);
          return json(201, { Id: execID });
        }
        case 'execStart':
          return {
            head: { status: 101, headers: { 'content-type': 'application/vnd.docker.raw-stream' }, hijacked: true },
            output: framed(input),
          };
        default:
          throw new Error(`the fake engine does not know the call "${call.verb}"`);
      }
    },
  };
}

function json(status: number, value: unknown): ContainerAnswer {
  const body = value === undefined ? Buffer.alloc(0) : Buffer.from(`${JSON.stringify(value)}\n`);
  async function* output(): AsyncGenerator<Uint8Array> {
    if (body.length > 0) yield body;
  }
  return {
    head: { status, headers: value === undefined ? {} : { 'content-type': 'application/json' }, hijacked: false },
    output: output(),
  };
}

/** As an engine frames the standard output of what has no terminal. */
async function* framed(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of input) {
    const header = Buffer.alloc(8);
    header[0] = 1;
    header.writeUInt32BE(chunk.length, 4);
    yield Buffer.concat([header, chunk]);
  }
}

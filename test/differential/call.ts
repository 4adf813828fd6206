import { request } from 'node:http';

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The connection is ended as soon as the body holds all of these. */
  readonly until?: readonly string[] | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Of one call, command or wait: it only ends what hangs. */
export const TIMEOUT_MS = 150_000;

/** One call on a unix socket, exactly as given: nothing is added but a content type for a body. */
export function call(socketPath: string, { method, path, body, headers, until }: Request): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        socketPath,
        method,
        path,
        agent: false,
        timeout: TIMEOUT_MS,
        headers: {
          host: 'docker',
          ...(body !== undefined && { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        const body = () => Buffer.concat(chunks).toString('utf8');
        const answer = () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: body() });
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          if (until === undefined || !until.every((word) => body().includes(word))) return;
          answer();
          response.destroy();
        });
        response.once('error', reject);
        response.once('end', answer);
      },
    );
    sent.once('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer within ${TIMEOUT_MS / 1000} s`)));
    sent.once('error', reject);
    sent.end(body);
  });
}

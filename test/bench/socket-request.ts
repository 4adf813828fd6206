import { request } from 'node:http';
import { text } from 'node:stream/consumers';

/** One call of an HTTP API on a unix socket; anything but a 2xx is an error that shows the answer. */
export function callSocket(socketPath: string, method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path, headers: { 'Content-Type': 'application/json' } }, (response) => {
      text(response).then((answer) => {
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve(answer);
        else reject(new Error(`${method} ${path}: ${status} ${answer}`));
      }, reject);
    });
    call.once('error', reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

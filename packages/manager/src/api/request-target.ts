import type { IncomingMessage } from 'node:http';

/**
 * Who speaks through a proxy names the host in the request's target: `GET http://docker/v1.41/nodes`. Servers take that form
 * too (RFC 9112, 3.2.2), and everything behind the door reads paths only: a version or a root it does not find in one, it
 * would pass on to the engine.
 */
export function toOriginForm(request: IncomingMessage): void {
  const origin = /^https?:\/\/[^/?#]*/i.exec(request.url ?? '')?.[0];
  if (origin === undefined) return;
  const rest = request.url?.slice(origin.length) ?? '';
  request.url = rest.startsWith('/') ? rest : `/${rest}`;
}

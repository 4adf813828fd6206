/**
 * Image references by the grammar of Docker's distribution project: `[host[:port]/]path[:tag][@digest]`.
 * A reference without a host is one of docker.io, a single path component there one of `library/`.
 */
export interface ImageReference {
  /** `docker.io`, `registry.example.com:5000`. */
  readonly host: string;
  /** `library/nginx`. */
  readonly path: string;
  readonly tag?: string;
  /** `sha256:…`. */
  readonly digest?: string;
}

const HOST = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const MAX_NAME_LENGTH = 255;

/** Undefined when `text` is no reference. */
export function parseImageReference(text: string): ImageReference | undefined {
  if (/^[a-f0-9]{64}$/.test(text)) return undefined;
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  const name = hasTag ? named.slice(0, colon) : named;
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasHost = first !== '' && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  let host = hasHost ? first : 'docker.io';
  let path = hasHost ? name.slice(slash + 1) : name;
  if (host === 'index.docker.io') host = 'docker.io';
  if (host === 'docker.io' && !path.includes('/')) path = `library/${path}`;
  const valid =
    HOST.test(host) &&
    path.split('/').every((component) => COMPONENT.test(component)) &&
    (tag === undefined || TAG.test(tag)) &&
    (digest === undefined || DIGEST.test(digest)) &&
    `${host}/${path}`.length <= MAX_NAME_LENGTH;
  return valid ? { host, path, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) } : undefined;
}

/** As users write it: without `docker.io/` and `library/`, with `:latest` where there is neither tag nor digest. */
export function familiarReference(reference: ImageReference): string {
  const { host, path, tag, digest } = reference;
  const name = host !== 'docker.io' ? `${host}/${path}` : path.replace(/^library\/(?=[^/]+$)/, '');
  const named = tag !== undefined ? `${name}:${tag}` : digest === undefined ? `${name}:latest` : name;
  return digest === undefined ? named : `${named}@${digest}`;
}

/** Why the control port refuses a request or an upgrade: the body of every reply that is no success. */
export const REFUSAL_STATUS = {
  malformed: 400,
  /** The node is not to be made a manager, or asks for a role it does not have. */
  role: 400,
  'no-certificate': 401,
  /** Enrol again with the node's key. */
  'certificate-expired': 401,
  /** Not of this cluster, or not a node's. */
  'certificate-refused': 403,
  /** Never joined, or removed. */
  'unknown-node': 403,
  /** The node's role has changed since: renew. */
  'role-changed': 403,
  'wrong-token': 403,
  'not-found': 404,
  'too-large': 413,
  'too-many-requests': 429,
  unavailable: 503,
} as const;

export type RefusalCode = keyof typeof REFUSAL_STATUS;

export interface ControlRefusal {
  readonly code: RefusalCode;
  /** For the user: what, why, way out. */
  readonly message: string;
}

/** Undefined when a reply's body is no refusal of ours: then it was not a swarm manager that answered. */
export function parseRefusal(body: string): ControlRefusal | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('code' in value) || !('message' in value)) return undefined;
  const { code, message } = value;
  if (typeof code !== 'string' || typeof message !== 'string' || !(code in REFUSAL_STATUS)) return undefined;
  return { code: code as RefusalCode, message };
}
